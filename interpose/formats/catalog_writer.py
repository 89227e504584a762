# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes catalogs of schema 2.5, revision 7.

Source: docs/format.md 4.2 to 4.10 and 9.1.
"""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any, NamedTuple

from interpose.formats import flags as bits
from interpose.formats import paths
from interpose.formats.counters import SELF, SUBTREE, Counters
from interpose.formats.hashes import NO_PREDECESSOR
from interpose.formats.pathhash import parent_hash, path_hash
from interpose.formats.schema import WRITTEN_REVISION, WRITTEN_SCHEMA
from interpose.formats.sqlite_writer import SqliteWriter

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from typing_extensions import Self

    from interpose.formats.hashes import Algorithm, ContentHash

_TABLES = """
CREATE TABLE catalog (
  md5path_1 INTEGER, md5path_2 INTEGER, parent_1 INTEGER, parent_2 INTEGER,
  hardlinks INTEGER, hash BLOB, size INTEGER, mode INTEGER, mtime INTEGER,
  mtimens INTEGER, flags INTEGER, name TEXT, symlink TEXT, uid INTEGER, gid INTEGER,
  xattr BLOB, PRIMARY KEY (md5path_1, md5path_2));
CREATE INDEX idx_catalog_parent ON catalog (parent_1, parent_2);
CREATE TABLE chunks (
  md5path_1 INTEGER, md5path_2 INTEGER, offset INTEGER, size INTEGER, hash BLOB,
  PRIMARY KEY (md5path_1, md5path_2, offset, size),
  FOREIGN KEY (md5path_1, md5path_2) REFERENCES catalog (md5path_1, md5path_2));
CREATE TABLE nested_catalogs (path TEXT PRIMARY KEY, sha1 TEXT, size INTEGER);
CREATE TABLE bind_mountpoints (path TEXT PRIMARY KEY, sha1 TEXT, size INTEGER);
CREATE TABLE statistics (counter TEXT PRIMARY KEY, value INTEGER);
CREATE TABLE properties (key TEXT PRIMARY KEY, value TEXT)
"""
# A name bound as bytes would stay a BLOB, and a BLOB never equals a TEXT.
_INSERT_ENTRY = (
    "INSERT INTO catalog (md5path_1, md5path_2, parent_1, parent_2, hardlinks, hash, "
    "size, mode, mtime, mtimens, flags, name, symlink, uid, gid, xattr) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, CAST(? AS TEXT), CAST(? AS TEXT), "
    "?, ?, ?)"
)
_INSERT_CHUNK = "INSERT INTO chunks VALUES (?, ?, ?, ?, ?)"
_INSERT_NESTED = "INSERT INTO nested_catalogs VALUES (CAST(? AS TEXT), ?, ?)"
_INSERT_BIND = "INSERT INTO bind_mountpoints VALUES (CAST(? AS TEXT), ?, ?)"
_PENDING_ROWS = 2000


class NewEntry(NamedTuple):
    """One entry of a catalog.

    `path` counts from the repository root (b"" is the root, else b"/a/b"); `flags` are
    those that do not follow from the other fields (NESTED_MOUNTPOINT, CHUNKED, ...);
    `algorithm` is that of the chunks where there is no `content_hash`; `mtimens` is
    None if unknown; `linkcount` and `hardlink_group` are as docs/format.md 4.4 wants
    them (group 0: none).
    """

    path: bytes
    mode: int
    size: int
    mtime: int
    mtimens: int | None = None
    uid: int = 0
    gid: int = 0
    content_hash: ContentHash | None = None
    symlink: bytes = b""
    linkcount: int = 1
    hardlink_group: int = 0
    xattr: bytes | None = None
    flags: int = 0
    compression: bits.Compression = bits.Compression.ZLIB
    algorithm: Algorithm | None = None


class NewChunk(NamedTuple):
    """One chunk of a file; `offset` and `size` in bytes of content."""

    offset: int
    size: int
    content_hash: ContentHash


class CatalogProperties(NamedTuple):
    """What a catalog says of itself; times in seconds since 1970.

    `root_prefix` is b"" for a root catalog, which alone has a `ttl_s`.
    """

    revision: int
    last_modified: int
    root_prefix: bytes = b""
    ttl_s: int = 240
    previous_revision: ContentHash | None = None


class CatalogWriter:
    """A new catalog in the file at `path`, which must not exist.

    Entries show in listings in the order in which they are added. Leaving the `with`
    block without `finish` leaves an unusable file for the caller to remove.

    Errors: OSError if the file cannot be written; FormatError for impossible names;
    ValueError for an entry that contradicts itself.
    """

    def __init__(
        self, path: str | os.PathLike[str], properties: CatalogProperties
    ) -> None:
        if properties.root_prefix:
            paths.check_path(properties.root_prefix)
        self._properties = properties
        self._counters = Counters()
        self._entries: list[tuple[Any, ...]] = []
        self._chunks: list[tuple[Any, ...]] = []
        self._is_open = True
        self._file = SqliteWriter(path, _TABLES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_open:
            self._is_open = False
            self._file.abandon()

    def add(self, entry: NewEntry) -> None:
        """Add an entry; that of the catalog's own root marks itself as such."""
        flags = self._flags(entry)
        if entry.path:
            paths.check_path(entry.path)
        if b"\0" in entry.symlink or bool(entry.symlink) != stat.S_ISLNK(entry.mode):
            raise ValueError(f"symlink target of {entry.path!r}")
        self._counters.count(
            entry.mode, flags, entry.size, has_xattr=entry.xattr is not None
        )
        digest = None if entry.content_hash is None else entry.content_hash.digest
        self._entries.append(
            (
                *path_hash(entry.path),
                *parent_hash(entry.path),
                entry.hardlink_group << 32 | entry.linkcount,
                digest,
                entry.size,
                entry.mode,
                entry.mtime,
                entry.mtimens,
                flags,
                entry.path.rpartition(b"/")[2],
                entry.symlink,
                entry.uid,
                entry.gid,
                entry.xattr,
            )
        )
        if len(self._entries) >= _PENDING_ROWS:
            self._flush()

    def add_chunks(self, path: bytes, chunks: Iterable[NewChunk]) -> None:
        """Add the chunks of the file at `path`, in the order of their offsets.

        Errors: ValueError for a gap or an overlap.
        """
        key = path_hash(path)
        end = 0
        for chunk in chunks:
            if chunk.offset != end or chunk.size <= 0:
                raise ValueError(f"chunks of {path!r} do not follow each other")
            end += chunk.size
            digest = chunk.content_hash.digest
            self._chunks.append((*key, chunk.offset, chunk.size, digest))
            self._counters.values["chunks"] += 1

    def attach(self, path: bytes, catalog: ContentHash, size: int) -> None:
        """Add a nested catalog at `path`; `size` is that of its unpacked file."""
        paths.check_path(path)
        self._file.insert(_INSERT_NESTED, [(path, catalog.text, size)])
        self._counters.values["nested"] += 1

    def bind(self, path: bytes, catalog: ContentHash, size: int) -> None:
        """Add a bind mountpoint: the root catalog `catalog` shows at `path`."""
        paths.check_path(path)
        self._file.insert(_INSERT_BIND, [(path, catalog.text, size)])

    def finish(self, subtree: Counters) -> Counters:
        """Complete the file; `subtree` counts all catalogs below this one.

        Gives the counters of this catalog and all below it, for its parent.
        """
        self._flush()
        rows = [
            *self._counters.with_prefix(SELF).items(),
            *subtree.with_prefix(SUBTREE).items(),
        ]
        self._file.insert("INSERT INTO statistics VALUES (?, ?)", rows)
        self._file.insert_properties(self._property_rows())
        self._is_open = False
        self._file.close()
        return self._counters + subtree

    def _flags(self, entry: NewEntry) -> int:
        flags = bits.flags_of_mode(entry.mode) | entry.flags
        if entry.path == self._properties.root_prefix and entry.path:
            flags |= bits.NESTED_ROOT
        algorithm = entry.algorithm
        if entry.content_hash is not None:
            algorithm = entry.content_hash.algorithm
        if not stat.S_ISREG(entry.mode):
            if entry.content_hash is not None or flags & bits.CHUNKED:
                raise ValueError(f"content of {entry.path!r}, which is no file")
            return flags
        if algorithm is None or not (entry.content_hash or flags & bits.CHUNKED):
            raise ValueError(f"no content of {entry.path!r}")
        flags |= algorithm.flag << bits.ALGORITHM_SHIFT
        compression: int = entry.compression.value
        return flags | compression << bits.COMPRESSION_SHIFT

    def _flush(self) -> None:
        self._file.insert(_INSERT_ENTRY, self._entries)
        self._file.insert(_INSERT_CHUNK, self._chunks)
        self._entries.clear()
        self._chunks.clear()

    def _property_rows(self) -> dict[str, object]:
        properties = self._properties
        former = properties.previous_revision
        rows: dict[str, object] = {
            "schema": WRITTEN_SCHEMA,
            "schema_revision": WRITTEN_REVISION,
            "revision": properties.revision,
            "last_modified": properties.last_modified,
            "previous_revision": NO_PREDECESSOR if former is None else former.text,
        }
        if properties.root_prefix:
            rows["root_prefix"] = properties.root_prefix
        else:
            rows["TTL"] = properties.ttl_s
        return rows
