# SPDX-License-Identifier: GPL-2.0-or-later
"""Paths in a cache are put together in one module, and in C as it has them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from interpose.cache import inventory
from tests.support import house
from tests.support.places import ROOT

ROWS = (*inventory.EVERYWHERE, *inventory.PRIVATE)


def test_a_row_gives_a_path() -> None:
    assert inventory.TRUST.below(Path("/c"), fqrn="a.b") == Path(
        "/c/interpose/a.b/trust"
    )
    assert inventory.INDEX.name(hash="ab", version=2) == "ab.v2"


def test_all_rows_are_listed_once() -> None:
    named = [
        value for value in vars(inventory).values() if isinstance(value, inventory.Row)
    ]
    assert sorted(named) == sorted(ROWS)
    assert len({row.path for row in ROWS}) == len(ROWS)


def test_no_other_module_puts_such_a_path_together() -> None:
    """But for the one that makes the directories of a cache, and knows its layout."""
    word = re.compile(r'"interpose/|layout\.OWN /|\.top / "')
    wrong = [
        f"{house.name(path)}: {found.group()}"
        for path in house.sources(".py", below="interpose/")
        if path.name not in ("inventory.py", "layout.py")
        for found in word.finditer(path.read_text())
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("source", "pattern", "rows"),
    [
        (
            "native/index/objectname.c",
            r'"(interpose/[a-z-]+)/"',
            [inventory.RAW, inventory.ASSEMBLED, inventory.ASSEMBLED_RAW],
        ),
        ("native/run/kept.c", r'"%s/(\w+)/%016llx%016llx"', [inventory.KEPT]),
        ("native/fast/memo.c", r'#define NAME "(.+)"', [inventory.SITES]),
        ("native/bundle/runtime.c", r'#define FOLDER "(\w+)"', [inventory.RUNTIME]),
    ],
)
def test_the_names_in_c_are_the_same(
    source: str, pattern: str, rows: list[inventory.Row]
) -> None:
    found = set(re.findall(pattern, (ROOT / source).read_text()))
    assert found == {row.path.partition("/{")[0] for row in rows}
