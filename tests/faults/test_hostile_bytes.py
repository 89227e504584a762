# SPDX-License-Identifier: GPL-2.0-or-later
"""Bytes that lie: refused with one line, never cached, never shown."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.damage import (
    KINDS,
    Stratum,
    Victim,
    bad_in_cache,
    flip,
    good_objects,
    truncate,
)
from tests.support.forger import endless
from tests.support.places import Repositories
from tests.support.run import Runner
from tests.support.truth import truth_options, truth_tree
from tests.support.web import Server

FQRN = "sha1.example.org"
OTHER = "tagged.example.org"
Serve = Callable[[Path], Server]
OPENING = ("manifest", "whitelist", "certificate", "root")


@pytest.fixture
def stratum(repositories: Repositories, place: Path) -> Stratum:
    return Stratum(repositories.need(FQRN), place / "docroot")


def swap(victim: Victim, kind: str, other: Path, place: Path) -> None:
    """Put the other repository's object of the same kind in its place."""
    theirs = Stratum(other, place / "other").victim(kind)
    assert theirs.file.read_bytes() != victim.file.read_bytes()
    shutil.copyfile(theirs.file, victim.file)


@pytest.mark.parametrize(
    "harm",
    [
        "flipped",
        pytest.param("truncated", marks=pytest.mark.long),
        pytest.param("swapped", marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_harmed_bytes_reach_neither_reader_nor_cache(
    run: Runner,
    repositories: Repositories,
    stratum: Stratum,
    serve: Serve,
    place: Path,
    kind: str,
    harm: str,
) -> None:
    original = repositories.need(FQRN)
    victim = stratum.victim(kind)
    if harm == "flipped":
        flip(victim.file)
    elif harm == "truncated":
        truncate(victim.file)
    else:
        # tricky has something of every kind in its root catalog.
        swap(victim, kind, repositories.need("tricky.example.org"), place)
    server = serve(stratum.docroot)
    options = truth_options(FQRN, server.url, repositories.key(FQRN), {})
    if kind in OPENING:
        cannot_be_opened(run, options)
    else:
        cannot_be_read(run, options, victim)
        the_rest_can(run, options, victim)
    assert bad_in_cache(run.cache, good_objects(original)) == []


def cannot_be_opened(run: Runner, options: list[Any]) -> None:
    """Named with -r: 125 before the command. Met by the job: EIO and one line."""
    marker = run.place / "started"
    named = run("touch", marker, options=[*options, "-r", FQRN])
    assert named.status == 125, named.explain()
    assert len(named.errors) == len(named.messages) == 1, named.explain()
    assert FQRN in named.errors[0], named.explain()
    assert not marker.exists()
    met = run("cat", f"/cvmfs/{FQRN}/README", options=options)
    assert met.status == 1, met.explain()
    assert met.stdout == b"", met.explain()
    assert "Input/output error" in " ".join(met.errors), met.explain()
    assert len(met.messages) == 1, met.explain()
    within = run(f"/cvmfs/{FQRN}/README", options=options)
    assert within.status == 125, within.explain()
    assert len(within.errors) == 1, within.explain()


def cannot_be_read(run: Runner, options: list[Any], victim: Victim) -> None:
    path = f"/cvmfs/{FQRN}/{victim.path}"
    tool = "ls" if "nested" in victim.path or victim.file.name.endswith("C") else "cat"
    met = run(tool, path, options=options)
    assert met.status in (1, 2), met.explain()
    assert met.stdout == b"", met.explain()
    assert "Input/output error" in " ".join(met.errors), met.explain()
    assert len(met.messages) == 1, met.explain()
    assert FQRN in met.messages[0] or "http://" in met.messages[0], met.explain()


def the_rest_can(run: Runner, options: list[Any], victim: Victim) -> None:
    """Other files of the repository are as they were."""
    tree = truth_tree(f"{FQRN}.jsonl")
    harmed = tree[victim.path].get("sha256")
    others = [
        path
        for path, row in tree.items()
        if row["type"] == "file"
        and row["sha256"] != harmed
        and not path.startswith(victim.path + "/")
    ][:5]
    paths = [f"/cvmfs/{FQRN}/{path}" for path in others]
    result = run("sha256sum", "-z", *paths, options=options).ok()
    sums = [line.split("  ")[0] for line in result.text.split("\0")[:-1]]
    assert sums == [tree[path]["sha256"] for path in others]


@pytest.mark.parametrize("short", ["expired", "wrongkey"])
def test_expired_and_wrongly_signed_repositories_are_refused(
    run: Runner, configured: Callable[..., list[Any]], short: str
) -> None:
    fqrn = f"{short}.example.org"
    options = configured(fqrn)
    named = run("/bin/true", options=[*options, "-r", fqrn])
    assert named.status == 125, named.explain()
    assert len(named.errors) == 1, named.explain()
    met = run("ls", f"/cvmfs/{fqrn}", options=options)
    assert met.status == 2, met.explain()
    assert "Input/output error" in " ".join(met.errors), met.explain()
    # It may come within a line of ls, which is written in parts.
    assert met.stderr.count(b"interpose: ") == 1, met.explain()
    cached = [p for p in run.cache.rglob("*") if p.is_file()]
    assert cached == [], "nothing is cached before a manifest has been verified"


def test_an_object_that_inflates_without_end_is_refused_in_bounded_memory(
    run: Runner, repositories: Repositories, stratum: Stratum, serve: Serve
) -> None:
    victim = stratum.victim("file")
    victim.file.write_bytes(endless(b""))
    server = serve(stratum.docroot)
    options = truth_options(FQRN, server.url, repositories.key(FQRN), {})
    path = f"/cvmfs/{FQRN}/{victim.path}"
    met = run("cat", path, options=options, stats=True)
    assert met.status == 1, met.explain()
    assert met.stdout == b"", met.explain()
    assert len(met.messages) == 1, met.explain()
    limit = 300 << 20
    assert met.stats["resolver"]["max_rss_bytes"] < limit, met.stats
    big = [p for p in run.place.rglob("*") if p.is_file() and p.stat().st_size > limit]
    assert big == []
    good = good_objects(repositories.need(FQRN))
    assert bad_in_cache(run.cache, good) == []


def test_a_harmed_object_heals_once_the_server_is_well_again(
    run: Runner, repositories: Repositories, stratum: Stratum, serve: Serve
) -> None:
    victim = stratum.victim("file")
    healthy = victim.file.read_bytes()
    flip(victim.file)
    server = serve(stratum.docroot)
    options = truth_options(FQRN, server.url, repositories.key(FQRN), {})
    path = f"/cvmfs/{FQRN}/{victim.path}"
    assert run("cat", path, options=options).status == 1
    victim.file.write_bytes(healthy)
    result = run("cat", path, options=options).ok()
    wanted = truth_tree(f"{FQRN}.jsonl")[victim.path]["sha256"]
    assert hashlib.sha256(result.stdout).hexdigest() == wanted
