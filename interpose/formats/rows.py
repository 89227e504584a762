# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows of a catalog, and which of them cannot be.

SQLite keeps values of any type in any column, so each value is looked at. The rows
come in batches and are checked column by column, because a repository has them by
the hundred thousand.  Source: docs/format.md 4.2, 4.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from operator import lt
from typing import Any, NamedTuple

from interpose.errors import FormatError
from interpose.formats.hashes import DIGEST_BYTES
from interpose.formats.limits import NAME_BYTES
from interpose.formats.pathhash import ROOT_HASH

_TYPES_OF_MODE = frozenset({0o01, 0o02, 0o04, 0o06, 0o10, 0o12, 0o14})
_UNSIGNED = 0xFFFFFFFF
_LOWEST_ROWID = -(1 << 63) - 1
_NO_NAMES = frozenset({b".", b".."})


class CatalogRow(NamedTuple):
    """One entry with the raw values of its columns (docs/format.md 4.4).

    `hash` is None or 20 bytes, `mtimens` None where it is not known, `xattr` None or
    a blob for `xattrs.parse`. Columns that the schema lacks have neutral values.
    """

    rowid: int
    md5path_1: int
    md5path_2: int
    parent_1: int
    parent_2: int
    hardlinks: int
    hash: bytes | None
    size: int
    mode: int
    mtime: int
    mtimens: int | None
    flags: int
    name: bytes
    symlink: bytes
    uid: int
    gid: int
    xattr: bytes | None


class ChunkRow(NamedTuple):
    """One chunk of the file with this path hash; `offset`, `size` in bytes."""

    md5path_1: int
    md5path_2: int
    offset: int
    size: int
    hash: bytes


_Batches = Iterable["list[tuple[Any, ...]]"]

_MAY_BE_NULL = frozenset({"hash", "mtimens", "xattr"})
_HELD_AS_BYTES = frozenset({"hash", "name", "symlink", "xattr"})
_TYPES = [
    {bytes if name in _HELD_AS_BYTES else int}
    | ({type(None)} if name in _MAY_BE_NULL else set())
    for name in CatalogRow._fields
]


def checked_entries(batches: _Batches) -> Iterator[CatalogRow]:
    """The rows of all batches; FormatError at the first batch that cannot be."""
    make = partial(tuple.__new__, CatalogRow)
    previous = _LOWEST_ROWID
    for batch in batches:
        columns = list(zip(*batch))
        _check_types(columns)
        entries = CatalogRow._make(columns)  # each field is now a whole column
        _check_numbers(entries, previous)
        _check_names(entries)
        previous = batch[-1][0]
        yield from map(make, batch)


def _check_types(columns: list[tuple[Any, ...]]) -> None:
    for name, column, wanted in zip(CatalogRow._fields, columns, _TYPES):
        strange = set(map(type, column)) - wanted
        if strange:
            kind = strange.pop().__name__
            raise FormatError(f"catalog with {kind} in column {name}")


def _check_numbers(columns: Any, previous: int) -> None:
    # Increasing rowids also show pages that point in circles.
    if not (columns.rowid[0] > previous and _increases(columns.rowid)):
        raise FormatError("catalog whose rows are in no order")
    for mode in set(columns.mode):
        if not 0 <= mode <= 0o177777 or mode >> 12 not in _TYPES_OF_MODE:
            raise FormatError(f"catalog with impossible mode {mode:o}")
    if min(columns.size) < 0:
        raise FormatError("catalog with a negative size")
    for owners in (columns.uid, columns.gid):
        if min(owners) < 0 or max(owners) > _UNSIGNED:
            raise FormatError("catalog with an impossible owner")
    if any(ns is not None and ns > 999_999_999 for ns in set(columns.mtimens)):
        raise FormatError("catalog with impossible nanoseconds")
    _check_digests(columns.hash)


def _check_digests(digests: Iterable[bytes | None]) -> None:
    if {len(digest) for digest in digests if digest is not None} - {DIGEST_BYTES}:
        raise FormatError("catalog with a hash of impossible length")


def _check_names(columns: Any) -> None:
    names = columns.name
    together = b"/".join(names)
    sound = (
        together.count(b"/") == len(names) - 1
        and b"\0" not in together
        and max(map(len, names)) <= NAME_BYTES
        and _NO_NAMES.isdisjoint(names)
    )
    if not sound:
        raise FormatError("catalog with an impossible name")
    if b"" in names:
        keys = zip(columns.md5path_1, columns.md5path_2)
        if any(not name and key != ROOT_HASH for name, key in zip(names, keys)):
            raise FormatError("catalog with an empty name below the root")
    if b"\0" in b"".join(columns.symlink):
        raise FormatError("catalog with an impossible symlink")


def _increases(column: tuple[Any, ...]) -> bool:
    return all(map(lt, column, column[1:]))


def checked_chunks(batches: _Batches) -> Iterator[ChunkRow]:
    """The rows of all batches; FormatError at the first batch that cannot be."""
    make = partial(tuple.__new__, ChunkRow)
    wanted = [{int}, {int}, {int}, {int}, {bytes}]
    previous: tuple[Any, ...] = ()
    for batch in batches:
        columns = list(zip(*batch))
        if [set(map(type, column)) for column in columns] != wanted:
            raise FormatError("chunk of a wrong type")
        if min(columns[2]) < 0 or min(columns[3]) < 0:
            raise FormatError("chunk of a negative offset or size")
        if set(map(len, columns[4])) != {DIGEST_BYTES}:
            raise FormatError("chunk with a hash of impossible length")
        keys = tuple(row[:4] for row in batch)
        if not (previous < keys[0] and _increases(keys)):
            raise FormatError("the same chunk twice in a catalog")
        previous = keys[-1]
        yield from map(make, batch)
