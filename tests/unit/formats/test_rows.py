# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows that come in batches."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpose.errors import FormatError
from interpose.formats.rows import (
    CatalogRow,
    ChunkRow,
    checked_chunks,
    checked_entries,
)

GOOD = CatalogRow(
    rowid=1,
    md5path_1=2,
    md5path_2=3,
    parent_1=4,
    parent_2=5,
    hardlinks=1,
    hash=bytes(20),
    size=7,
    mode=0o100644,
    mtime=8,
    mtimens=None,
    flags=4,
    name=b"f",
    symlink=b"",
    uid=0,
    gid=0,
    xattr=None,
)
VALUES = st.one_of(st.none(), st.integers(-2, 1 << 40), st.binary(max_size=22))


def _rows(*rowids: int) -> list[tuple[Any, ...]]:
    return [tuple(GOOD._replace(rowid=rowid)) for rowid in rowids]


def test_rows_keep_their_order_over_batches() -> None:
    found = list(checked_entries([_rows(-5, 1), _rows(2), _rows(9, 10)]))
    assert [row.rowid for row in found] == [-5, 1, 2, 9, 10]
    assert all(type(row) is CatalogRow for row in found)


@pytest.mark.parametrize(
    "batches", [[_rows(1, 1)], [_rows(1), _rows(1)], [_rows(2, 3), _rows(1)]]
)
def test_rows_in_no_order_are_refused(batches: list[list[tuple[Any, ...]]]) -> None:
    with pytest.raises(FormatError, match="order"):
        list(checked_entries(batches))


def test_chunks_in_no_order_are_refused() -> None:
    chunk = ChunkRow(1, 2, 0, 5, bytes(20))
    later = chunk._replace(offset=5)
    assert list(checked_chunks([[chunk], [later]])) == [chunk, later]
    for batches in ([[chunk, chunk]], [[later], [chunk]]):
        with pytest.raises(FormatError, match="twice"):
            list(checked_chunks(batches))


@given(st.sampled_from(CatalogRow._fields), VALUES)
def test_any_value_in_any_column_is_possible_or_refused(
    field: str, value: object
) -> None:
    row = tuple(GOOD._replace(**{field: value}))
    try:
        (found,) = checked_entries([[row]])
    except FormatError:
        return
    assert found == row
    assert found.size >= 0
    assert b"/" not in found.name
    assert found.hash is None or len(found.hash) == 20


@given(st.lists(VALUES, min_size=5, max_size=5))
def test_any_values_are_a_chunk_or_refused(values: list[object]) -> None:
    try:
        (found,) = checked_chunks([[tuple(values)]])
    except FormatError:
        return
    assert len(found.hash) == 20
