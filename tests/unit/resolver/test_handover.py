# SPDX-License-Identifier: GPL-2.0-or-later
"""What one resolver leaves for the next one."""

from __future__ import annotations

from pathlib import Path

from interpose.formats.fqrn import Fqrn
from interpose.formats.hashes import ContentHash
from interpose.repository.finding import Root
from interpose.resolver.handover import (
    Handover,
    leave,
    leave_added,
    merged,
    since,
    take,
    take_added,
)

FQRN = Fqrn("a.example.org")


def test_what_is_left_is_what_is_taken(tmp_path: Path) -> None:
    root = Root(ContentHash.parse("ab" * 20), 7, tag="v7", is_fixed=True)
    left = Handover(
        frozenset({("no proxy", ""), ("NoServer repository", FQRN)}),
        {FQRN: root},
        frozenset({Fqrn("b.example.org")}),
        {"network": {"requests": 3}},
    )
    leave(tmp_path, left)
    assert take(tmp_path) == left
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figures", "handover"]


def test_nothing_is_taken_of_what_is_damaged(tmp_path: Path) -> None:
    leave(tmp_path, Handover(frozenset({("a", "b")})))
    for text in ("", "{}", "[1]", '{"seen": 3}', '{"seen": [], "roots": {"a": {}}}'):
        (tmp_path / "handover").write_text(text)
        assert take(tmp_path) == Handover()
    assert take(None) == take(tmp_path / "nowhere") == Handover()


def test_the_figures_of_two_are_those_of_one() -> None:
    before = {
        "repositories": [
            {"fqrn": "a", "revision": 3, "opens": 1, "objects_from": {"network": 2}},
            {"fqrn": "b", "revision": 1, "opens": 1, "objects_from": {"network": 0}},
        ],
        "network": {"requests": 5, "proxy": "http://p", "by_host": {"h": {"bytes": 9}}},
        "resolver": {"max_rss_bytes": 40, "cpu_s": 0.5},
    }
    now = {
        "repositories": [
            {"fqrn": "a", "revision": 3, "opens": 1, "objects_from": {"network": 4}}
        ],
        "network": {"requests": 1, "proxy": "", "by_host": {"h": {"bytes": 1}}},
        "resolver": {"max_rss_bytes": 30, "cpu_s": 0.25},
    }
    assert merged(None, now) == now
    assert merged(before, now) == {
        "repositories": [
            {"fqrn": "a", "revision": 3, "opens": 1, "objects_from": {"network": 6}},
            before["repositories"][1],  # type: ignore[index]
        ],
        "network": {
            "requests": 6,
            "proxy": "http://p",
            "by_host": {"h": {"bytes": 10}},
        },
        "resolver": {"max_rss_bytes": 40, "cpu_s": 0.75},
    }


def test_figures_of_a_span_are_the_difference() -> None:
    before = {
        "repositories": [{"fqrn": "a", "opens": 1, "seconds": {"network": 1.5}}],
        "network": {"requests": 3, "proxy": "p", "by_host": {"h": {"requests": 3}}},
        "resolver": {"max_rss_bytes": 7, "cpu_s": 1.0},
    }
    now = {
        "repositories": [
            {"fqrn": "a", "opens": 1, "revision": 4, "seconds": {"network": 2.0}},
            {"fqrn": "b", "opens": 1, "revision": 5, "seconds": {"network": 0.5}},
        ],
        "network": {"requests": 5, "proxy": "q", "by_host": {"h": {"requests": 5}}},
        "resolver": {"max_rss_bytes": 9, "cpu_s": 1.25},
    }
    assert since(before, now) == {
        "repositories": [
            {"fqrn": "a", "opens": 0, "revision": 4, "seconds": {"network": 0.5}},
            {"fqrn": "b", "opens": 1, "revision": 5, "seconds": {"network": 0.5}},
        ],
        "network": {"requests": 2, "proxy": "q", "by_host": {"h": {"requests": 2}}},
        "resolver": {"max_rss_bytes": 9, "cpu_s": 0.25},
    }
    assert since({}, now) == now


def test_additions_are_left_for_every_resolver(tmp_path: Path) -> None:
    assert take_added(tmp_path) == take_added(None) == []
    added = [[("repository", "a.b.org")], [("option", "CVMFS_X=1")]]
    leave_added(tmp_path, added)
    assert take_added(tmp_path) == added
    (tmp_path / "added").write_text("[1]")
    assert take_added(tmp_path) == []
