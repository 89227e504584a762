# SPDX-License-Identifier: GPL-2.0-or-later
"""A file catalog: the entries of one part of a repository.

Source: docs/format.md 4.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from interpose.errors import FormatError
from interpose.formats import limits, paths
from interpose.formats.hashes import ContentHash, optional_hash
from interpose.formats.rows import (
    CatalogRow,
    ChunkRow,
    checked_chunks,
    checked_entries,
)
from interpose.formats.schema import COUNTERS, Schema
from interpose.formats.sqlite_file import SqliteFile

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from typing_extensions import Self

__all__ = ["CatalogFile", "CatalogRow", "ChunkRow", "NestedCatalog"]

DEFAULT_TTL_S = 240

_NUMBER = re.compile(r"[0-9]{1,18}")


class NestedCatalog(NamedTuple):
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

    def __enter__(self) -> Self:
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
        return checked_entries(self._file.batches(query))

    def chunks(self) -> Iterator[ChunkRow]:
        """All chunks, by path hash and offset; whether they are complete is open."""
        if "hash" not in self._file.columns("chunks"):
            return iter(())
        names = ", ".join(ChunkRow._fields)
        query = f"SELECT {names} FROM chunks ORDER BY 1, 2, 3, 4"  # noqa: S608
        return checked_chunks(self._file.batches(query))

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
            yield self._attachment(path, text, size_bytes, is_bind=is_bind)

    def _attachment(
        self, path: object, text: object, size: object, *, is_bind: bool
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
