# SPDX-License-Identifier: GPL-2.0-or-later
"""What the official `cvmfs_swissknife check` asks of catalogs, as complaints.

Each rule was read in the tool's source; this is code of its own on bare SQLite.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NESTED_MOUNT, NESTED_ROOT, CHUNKED, EXTERNAL = 2, 32, 64, 128
BIND, DIRECT = 0x4000, 0x10000
SUFFIXES = ("", "-rmd160", "-shake128")
# The transition row and the nested root say the same of the directory.
TRANSITION = ("name", "hardlinks", "size", "mode", "mtime", "hash", "symlink")
HARD_LINK = ("hardlinks", "size", "mode", "mtime", "hash", "symlink")
# A missing row of statistics makes the client refuse the catalog.
COUNTED = (
    "regular symlink special dir nested chunked chunks file_size chunked_size xattr"
    " external external_file_size"
).split()

Row = dict[str, Any]


@dataclass
class Catalogs:
    """Checks catalogs from the root down; `fetch` gives the file of a hash text.

    `has` says whether an object (its hash text with the letter of its kind) is there.
    """

    fetch: Callable[[str], Path]
    has: Callable[[str], bool]
    found: list[str] = field(default_factory=list)

    def check(self, name: str, size: int) -> None:
        """Everything below the root catalog `name`."""
        self._inspect(b"", name, size, None)

    def _inspect(
        self, path: bytes, name: str, size: int, transition: Row | None
    ) -> Counter[str]:
        """The counters of a catalog and all below it."""
        file = self.fetch(name)
        if size and file.stat().st_size != size:
            self._say(path, f"size {file.stat().st_size}, promised {size}")
        data = file.read_bytes()[:20]
        if data[18:20] != b"\1\1":
            self._say(path, "a WAL database aborts the client")
        one = Catalog(file, path)
        try:
            self._check_root(one, transition)
            own = self._walk(one, path, one.root)
            own["dir"] += 1
            own["xattr"] += one.root["xattr"] is not None
            rows = own["regular"] + own["symlink"] + own["special"] + own["dir"]
            if rows != one.count("catalog"):
                self._say(path, "rows that nobody reaches")
            below = self._below(one, own)
            self._compare(one, own, below)
            return own + below
        finally:
            one.close()

    def _check_root(self, one: Catalog, transition: Row | None) -> None:
        prefix = one.properties.get("root_prefix", b"")
        if prefix != one.path:
            self._say(one.path, f"root_prefix {prefix!r}")
        if one.properties.get("schema") != b"2.5":
            self._say(one.path, "unknown schema")
        root = one.root
        if not stat.S_ISDIR(root["mode"]):
            self._say(one.path, "root is no directory")
        if bool(root["flags"] & NESTED_ROOT) != (transition is not None):
            self._say(one.path, "flag of a nested root")
        if transition is None:
            return
        if not transition["flags"] & NESTED_MOUNT:
            self._say(one.path, "flag of a nested mountpoint")
        for column in TRANSITION:
            if root[column] != transition[column]:
                self._say(one.path, f"transition differs in {column}")
        if (root["xattr"] is None) != (transition["xattr"] is None):
            self._say(one.path, "transition differs in xattr")

    def _walk(self, one: Catalog, path: bytes, this: Row) -> Counter[str]:
        own: Counter[str] = Counter()
        groups: dict[int, list[Row]] = {}
        directories, marked = 0, False
        for row in one.below(path):
            where = path + b"/" + row["name"]
            self._check_row(one, where, row)
            marked |= row["name"] == b".cvmfscatalog"
            if row["name"] == b".cvmfscatalog" and path != one.path:
                self._say(where, "abandoned marker of a nested catalog")
            own += self._count(one, where, row)
            if stat.S_ISDIR(row["mode"]):
                directories += 1
                own += self._enter(one, where, row)
            elif row["hardlinks"] & 0xFFFFFFFF > 1:
                groups.setdefault(row["hardlinks"] >> 32, []).append(row)
        if path and path == one.path and not marked:
            self._say(path, "nested catalog without marker")
        if this["hardlinks"] & 0xFFFFFFFF != directories + 2:
            self._say(path, "wrong linkcount of a directory")
        self._check_groups(path, groups)
        return own

    def _check_row(self, one: Catalog, where: bytes, row: Row) -> None:
        kind = stat.S_IFMT(row["mode"])
        if not row["name"] or row["symlink"] is None:
            self._say(where, "a name or symlink that is empty or NULL")
        if row["hardlinks"] & 0xFFFFFFFF == 0:
            self._say(where, "linkcount 0")
        if kind != stat.S_IFREG and row["flags"] & (DIRECT | EXTERNAL):
            self._say(where, "a flag that only files may have")
        if kind not in (stat.S_IFREG, stat.S_IFDIR) and row["hash"] is not None:
            self._say(where, "content of something that has none")
        if kind in (stat.S_IFIFO, stat.S_IFSOCK) and row["size"]:
            self._say(where, "size of something that has none")
        if kind != stat.S_IFLNK and row["symlink"]:
            self._say(where, "target of something that has none")
        if kind != stat.S_IFREG:
            return
        if row["flags"] & CHUNKED:
            self._check_chunks(one, where, row)
        elif row["hash"] is None:
            self._say(where, "file without a hash")
        elif not row["flags"] & EXTERNAL and not self.has(_text(row["hash"], row)):
            self._say(where, "object is missing")

    def _check_chunks(self, one: Catalog, where: bytes, row: Row) -> None:
        end = 0
        chunks = list(one.chunks(where))
        for offset, size, digest in chunks:
            if offset != end:
                self._say(where, "chunks with gaps")
            end = offset + size
            external = row["flags"] & EXTERNAL
            if not external and not self.has(_text(digest, row) + "P"):
                self._say(where, "chunk is missing")
        if not chunks or end != row["size"]:
            self._say(where, "chunks do not add up")

    def _enter(self, one: Catalog, where: bytes, row: Row) -> Counter[str]:
        if row["hardlinks"] >> 32:
            self._say(where, "hard link to a directory")
        if not row["flags"] & (NESTED_MOUNT | BIND):
            return self._walk(one, where, row)
        if where not in one.nested and where not in one.binds:
            self._say(where, "nested catalog is not registered")
        if next(one.below(where), None) is not None:
            self._say(where, "rows below a nested catalog")
        return Counter()

    def _check_groups(self, path: bytes, groups: dict[int, list[Row]]) -> None:
        for number, rows in groups.items():
            if number == 0:
                self._say(path, "hard links without a group")
            elif rows[0]["hardlinks"] & 0xFFFFFFFF != len(rows):
                self._say(path, "wrong linkcount of hard links")
            if any(row[c] != rows[0][c] for row in rows for c in HARD_LINK):
                self._say(path, "hard links that differ")

    def _count(self, one: Catalog, where: bytes, row: Row) -> Counter[str]:
        kind = stat.S_IFMT(row["mode"])
        names = {stat.S_IFDIR: "dir", stat.S_IFLNK: "symlink", stat.S_IFREG: "regular"}
        own = Counter({names.get(kind, "special"): 1})
        own["xattr"] += row["xattr"] is not None
        own["nested"] += bool(row["flags"] & NESTED_MOUNT)
        if kind != stat.S_IFREG:
            return own
        own["file_size"] += row["size"]
        if row["flags"] & CHUNKED:
            own["chunked"] += 1
            own["chunked_size"] += row["size"]
            own["chunks"] += len(list(one.chunks(where)))
        if row["flags"] & EXTERNAL:
            own["external"] += 1
            own["external_file_size"] += row["size"]
        return own

    def _below(self, one: Catalog, own: Counter[str]) -> Counter[str]:
        if len(one.nested) != own["nested"]:
            self._say(one.path, "number of nested catalogs")
        below: Counter[str] = Counter()
        for where, (name, size) in one.nested.items():
            transition = one.row(where)
            if transition is None:
                self._say(where, "nested catalog without an entry")
            else:
                below += self._inspect(where, name, size or 0, transition)
        return below

    def _compare(self, one: Catalog, own: Counter[str], below: Counter[str]) -> None:
        special = one.schema_revision >= 5
        for prefix, counted in (("self_", own), ("subtree_", below)):
            for name in COUNTED:
                stored = one.statistics.get(prefix + name)
                if stored is None and (special or name != "special"):
                    self._say(one.path, f"no counter {prefix}{name}")
                elif stored is not None and stored != counted[name]:
                    self._say(one.path, f"counter {prefix}{name}")

    def _say(self, where: bytes, what: str) -> None:
        self.found.append(f"{os.fsdecode(where) or '/'}: {what}")


class Catalog:
    """One catalog; text columns are bytes."""

    def __init__(self, file: Path, path: bytes) -> None:
        self.path = path
        self._database = sqlite3.connect(file)
        self._database.text_factory = bytes
        self._database.row_factory = sqlite3.Row
        self.properties = self._pairs("select key, value from properties")
        self.statistics = self._pairs("select counter, value from statistics")
        self.schema_revision = int(self.properties.get("schema_revision", b"0"))
        self.nested = self._catalogs("nested_catalogs")
        self.binds = self._catalogs("bind_mountpoints")
        root = self.row(path)
        assert root is not None, f"no root of {path!r}"
        self.root = root

    def close(self) -> None:
        self._database.close()

    def row(self, path: bytes) -> Row | None:
        where = "select * from catalog where md5path_1 = ? and md5path_2 = ?"
        found = self._database.execute(where, _hashed(path)).fetchone()
        return None if found is None else dict(found)

    def below(self, path: bytes) -> Iterator[Row]:
        """The entries of a directory; the root is not below itself."""
        where = "select * from catalog where parent_1 = ? and parent_2 = ?"
        for found in self._database.execute(where, _hashed(path)).fetchall():
            yield dict(found)

    def chunks(self, path: bytes) -> Iterator[tuple[int, int, bytes]]:
        where = "select offset, size, hash from chunks where md5path_1 = ?"
        order = " and md5path_2 = ? order by offset"
        for found in self._database.execute(where + order, _hashed(path)).fetchall():
            yield tuple(found)

    def count(self, table: str) -> int:
        answer = self._database.execute(f"select count(*) from {table}").fetchone()
        return int(answer[0])

    def _pairs(self, query: str) -> dict[str, Any]:
        return {k.decode(): v for k, v in self._database.execute(query)}

    def _catalogs(self, table: str) -> dict[bytes, tuple[str, int]]:
        rows = self._database.execute(f"select path, sha1, size from {table}")
        return {path: (name.decode(), size) for path, name, size in rows}


def _hashed(path: bytes) -> tuple[int, int]:
    digest = hashlib.md5(path, usedforsecurity=False).digest()
    first, second = struct.unpack("<qq", digest)
    return first, second


def _text(digest: bytes, row: Row) -> str:
    return digest.hex() + SUFFIXES[row["flags"] >> 8 & 7]
