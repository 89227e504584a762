# SPDX-License-Identifier: GPL-2.0-or-later
"""A file catalog: the entries of one part of a repository.

Source: cvmfs-format 4.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from interpose.errors import FormatError
from interpose.formats import limits, paths
from interpose.formats.hashes import DIGEST_BYTES, ContentHash, optional_hash
from interpose.formats.pathhash import ROOT_HASH
from interpose.formats.schema import COUNTERS, Schema
from interpose.formats.sqlite_file import SqliteFile

DEFAULT_TTL_S = 240

_NUMBER = re.compile(r"[0-9]{1,18}")
_TYPES_OF_MODE = frozenset({0o01, 0o02, 0o04, 0o06, 0o10, 0o12, 0o14})
_UNSIGNED = 0xFFFFFFFF
_LOWEST_ROWID = -(1 << 63) - 1


class CatalogRow(NamedTuple):
    """One entry with the raw values of its columns (cvmfs-format 4.4).

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


@dataclass(frozen=True)
class NestedCatalog:
    """A catalog that continues this one at `path`.

    `hash` is None if it cannot be entered, `size` (bytes) 0 if not known.
    """

    path: bytes
    hash: ContentHash | None
    size: int
    is_bind: bool


# What stands for a column that an older schema lacks.
_ABSENT = {
    "hardlinks": "1",
    "mtimens": "NULL",
    "uid": "0",
    "gid": "0",
    "xattr": "NULL",
}
# What is read instead of a bare column: the official client takes an empty hash for
# none and a negative number of nanoseconds for unknown.
_READ_AS = {
    "hash": "nullif(hash, x'')",
    "mtimens": "CASE WHEN mtimens < 0 THEN NULL ELSE mtimens END",
}
_MAY_BE_NULL = frozenset({"hash", "mtimens", "xattr"})
_HELD_AS_BYTES = frozenset({"hash", "name", "symlink", "xattr"})


class CatalogFile:
    """The catalog in the SQLite file at `path`, for one thread at a time.

    Errors: FormatError for whatever is wrong with its content, at opening or while
    reading; OSError if the file is not there.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = SqliteFile(path, "catalog", limits.CATALOG_BYTES)
        try:
            self._read_properties()
            self._check_tables()
        except FormatError:
            self.close()
            raise

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def __enter__(self) -> CatalogFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_properties(self) -> None:
        found = self._file.properties()
        self.properties = found
        self.schema = Schema.parse(
            found.get("schema", "1.0"), found.get("schema_revision", "0")
        )
        self.revision = _number(found, "revision", 0)
        self.last_modified = _number(found, "last_modified", 0)
        self.ttl_s = _number(found, "TTL", DEFAULT_TTL_S)
        prefix = found.get("root_prefix", "")
        self.root_prefix = prefix.encode("utf-8", "surrogateescape")
        if self.root_prefix:
            paths.check_path(self.root_prefix)

    @property
    def previous_revision(self) -> ContentHash | None:
        """The catalog that this one replaces.

        Errors: FormatError if it has an impossible name.
        """
        text = self.properties.get("previous_revision", "")
        return optional_hash(text) if text.strip("0") else None

    def _check_tables(self) -> None:
        needed = set(CatalogRow._fields) - set(_ABSENT) - {"rowid"}
        if not self.schema.is_legacy:
            needed |= {"hardlinks", "uid", "gid"}
        missing = needed - self._file.columns("catalog")
        if missing:
            raise FormatError(f"catalog without column {min(missing)}")

    def rows(self) -> Iterator[CatalogRow]:
        """All entries by rowid, in the order in which listings show them."""
        present = self._file.columns("catalog")
        columns = ["rowid"]
        for name in CatalogRow._fields[1:]:
            read = _READ_AS.get(name, name)
            columns.append(read if name in present else _ABSENT[name])
        query = f"SELECT {', '.join(columns)} FROM catalog ORDER BY rowid"  # noqa: S608
        return _checked_rows(self._file.rows(query))

    def chunks(self) -> Iterator[ChunkRow]:
        """All chunks, by path hash and offset; whether they are complete is open."""
        if "hash" not in self._file.columns("chunks"):
            return iter(())
        names = ", ".join(ChunkRow._fields)
        query = f"SELECT {names} FROM chunks ORDER BY 1, 2, 3, 4"  # noqa: S608
        return _checked_chunks(self._file.rows(query))

    def nested(self) -> list[NestedCatalog]:
        """Nested catalogs, then bind mountpoints, each in the order of the table."""
        found = list(self._attached("nested_catalogs", is_bind=False))
        found += self._attached("bind_mountpoints", is_bind=True)
        if len({entry.path for entry in found}) < len(found):
            raise FormatError("catalog with two catalogs at one place")
        return found

    def _attached(self, table: str, *, is_bind: bool) -> Iterator[NestedCatalog]:
        columns = self._file.columns(table)
        if "path" not in columns:
            return
        sha1 = "sha1" if "sha1" in columns else "NULL"
        size = "size" if "size" in columns else "NULL"
        query = f"SELECT path, {sha1}, {size} FROM {table} ORDER BY rowid"  # noqa: S608
        for path, text, size_bytes in self._file.rows(query):
            yield self._attachment(path, text, size_bytes, is_bind)

    def _attachment(
        self, path: object, text: object, size: object, is_bind: bool
    ) -> NestedCatalog:
        if not isinstance(path, bytes) or not isinstance(text, (bytes, type(None))):
            raise FormatError("nested catalog of a wrong type")
        if not isinstance(size, (int, type(None))) or (size or 0) < 0:
            raise FormatError("nested catalog of an impossible size")
        paths.check_path(path)
        if not paths.is_below(path, self.root_prefix):
            # Also what ends circles: a nested catalog lies deeper than its parent.
            raise FormatError("nested catalog outside of its parent", repr(path[:300]))
        found = optional_hash((text or b"").decode("latin-1"))
        return NestedCatalog(path, found, size or 0, is_bind)

    def counters(self) -> dict[str, int]:
        """All counters with their prefixes `self_`, `subtree_`; 0 for absent ones.

        Errors: FormatError if one is missing that the schema promises.
        """
        names = [p + name for p in ("self_", "subtree_") for name in COUNTERS]
        promised = self.schema.promised_counters()
        missing = {p + name for p in ("self_", "subtree_") for name in promised}
        found = dict.fromkeys(names, 0)
        if "value" in self._file.columns("statistics"):
            query = "SELECT counter, value FROM statistics LIMIT 1000"
            for counter, value in self._file.rows(query):
                name = counter.decode("latin-1") if type(counter) is bytes else ""
                if name in found and isinstance(value, int):
                    found[name] = value
                    missing.discard(name)
        if missing:
            raise FormatError(f"catalog without counter {min(missing)}")
        return found


def _number(properties: dict[str, str], key: str, absent: int) -> int:
    text = properties.get(key, "")
    if not text:
        return absent
    if _NUMBER.fullmatch(text) is None:
        raise FormatError(f"catalog with an impossible {key}")
    return int(text)


def _checked_rows(cursor: Iterator[tuple[object, ...]]) -> Iterator[CatalogRow]:
    """The same rows; FormatError at the first one that cannot be.

    Written flat: this loop sees each entry of a repository.
    """
    make = tuple.__new__
    good_types: set[tuple[type, ...]] = set()
    good_modes: set[int] = set()
    is_name = paths.NAME.match
    previous = _LOWEST_ROWID
    for columns in cursor:
        types = tuple(map(type, columns))
        if types not in good_types:
            _check_types(types)
            good_types.add(types)
        row = make(CatalogRow, columns)
        rowid, first, second, _, _, _, digest, size, mode, *_ = row
        if mode not in good_modes:
            _check_mode(mode)
            good_modes.add(mode)
        if (
            rowid <= previous
            or size < 0
            or (digest is not None and len(digest) != DIGEST_BYTES)
            or (is_name(row.name) is None and (row.name or (first, second) != ROOT_HASH))
            or not 0 <= row.uid <= _UNSIGNED
            or not 0 <= row.gid <= _UNSIGNED
            or b"\0" in row.symlink
        ):
            raise FormatError("impossible entry in a catalog", repr(row.name[:300]))
        previous = rowid
        yield row


def _check_types(types: tuple[type, ...]) -> None:
    for name, kind in zip(CatalogRow._fields, types):
        wanted = bytes if name in _HELD_AS_BYTES else int
        if kind is not wanted and not (kind is type(None) and name in _MAY_BE_NULL):
            raise FormatError(f"catalog with {kind.__name__} in column {name}")


def _check_mode(mode: int) -> None:
    if not 0 <= mode <= 0o177777 or mode >> 12 not in _TYPES_OF_MODE:
        raise FormatError(f"catalog with impossible mode {mode:o}")


def _checked_chunks(cursor: Iterator[tuple[object, ...]]) -> Iterator[ChunkRow]:
    """The same rows; FormatError at the first one that cannot be."""
    make = tuple.__new__
    wanted = (int, int, int, int, bytes)
    previous: tuple[object, ...] = ()
    for columns in cursor:
        if tuple(map(type, columns)) != wanted:
            raise FormatError("chunk of a wrong type")
        row = make(ChunkRow, columns)
        if row.offset < 0 or row.size < 0 or len(row.hash) != DIGEST_BYTES:
            raise FormatError("impossible chunk in a catalog")
        if columns[:4] <= previous:
            raise FormatError("the same chunk twice in a catalog")
        previous = columns[:4]
        yield row
