# SPDX-License-Identifier: GPL-2.0-or-later
"""Which files of a directory are worth getting before they are asked for."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from interpose import native
from interpose.formats.catalog import CatalogRow
from interpose.formats.hashes import ContentHash
from interpose.repository.repository import Repository
from interpose.repository.subject import Subject
from interpose.resolver.directories import FILE_BYTES, Directory
from tests.native.index_model import Model, build, directory, row

CATALOG = ContentHash.parse("1" * 40)


class Here:
    """Stands for a repository whose private cache has some of the files."""

    def __init__(self, index: native.Index) -> None:
        self._index = index
        self.here: set[bytes] = set()
        self.store = SimpleNamespace(may_be_here=self._may_be_here)

    def index(self, catalog: ContentHash, where: bytes) -> native.Index:
        del catalog, where
        return self._index

    def _may_be_here(self, wanted: Any) -> bool:
        return wanted.info in self.here


class Watched:
    """One directory of an index, and what is to be got when a name is asked for."""

    def __init__(self, place: Path, rows: list[CatalogRow]) -> None:
        self.index = build(place / "index", [directory(b""), *rows], Model())
        self.repository = Here(self.index)
        self.found: Directory | None = None

    def asked(self, name: str, *, missed: bool = True) -> list[str]:
        path = b"/" + name.encode()
        number = self.index.walk(path)
        assert number is not None
        subject = Subject(path, self.index.entry(number), number, CATALOG)
        if self.found is None:
            self.found = Directory(cast("Repository", self.repository), subject)
        if missed:
            self.found.missed()
        return [one.path.decode()[1:] for one in self.found.asked(number)]


def file(name: str, **more: Any) -> CatalogRow:
    return row(b"/" + name.encode(), **{"size": 10, **more})


def names(count: int) -> list[str]:
    return [f"{number:03}" for number in range(count)]


def test_as_it_lists_itself(place: Path) -> None:
    watched = Watched(place, [file(name) for name in reversed(names(10))])
    assert [watched.asked(name) for name in ("009", "008")] == [[], []]
    assert watched.asked("007") == ["006", "005", "004"]


def test_in_its_own_order_names_are_not_looked_at(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(native.Index, "by_name")
    watched = Watched(place, [file(name) for name in names(100)])
    found = [one for name in names(100) for one in watched.asked(name)]
    assert found == names(100)[3:]


def test_by_names(place: Path) -> None:
    mixed = sorted(names(40), key=lambda name: int(name) * 7 % 40)
    watched = Watched(place, [file(name) for name in mixed])
    assert [watched.asked(name) for name in names(3)] == [[], [], []]
    assert watched.asked("003") == ["004", "005", "006"]


@pytest.mark.parametrize(
    "odd",
    [
        {"size": FILE_BYTES + 1},
        {"size": 0},
        {"flags": 4 | 128},  # external
        {"flags": 0x8000},  # hidden
        {"flags": 8, "hash": None, "symlink": b"000", "mode": 0o120777},
    ],
    ids=["big", "empty", "external", "hidden", "link"],
)
def test_what_is_not_worth_it(place: Path, odd: dict[str, Any]) -> None:
    rows = [file(name) for name in names(10)]
    rows[4] = file("004", **odd)
    watched = Watched(place, rows)
    for name in names(2):
        watched.asked(name)
    assert watched.asked("002") == ["003", "005"]


def test_what_is_here_is_not_got(place: Path) -> None:
    watched = Watched(place, [file(name) for name in names(10)])
    watched.repository.here = {b"/001", b"/003"}
    assert watched.asked("000") == []
    assert watched.asked("002") == []
    # 001 was not asked for, and nobody would: it is no gap.
    assert watched.asked("004") == ["005", "006", "007"]


def test_only_where_caches_have_it_not(place: Path) -> None:
    watched = Watched(place, [file(name) for name in names(40)])
    assert not any(watched.asked(name, missed=False) for name in names(10))
    assert watched.asked("010")
    assert watched.found is not None
    for _ in range(4):  # Somebody else fills the cache that is shared with us.
        watched.found.hit()
    assert not any(watched.asked(f"{n:03}", missed=False) for n in range(11, 30))
