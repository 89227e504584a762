# SPDX-License-Identifier: GPL-2.0-or-later
"""A copy of a repository whose bytes a test may harm, and a check of caches.

Reads the format with code of its own, so that a mistake of ours cannot hide itself.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sqlite3
import zlib
from dataclasses import dataclass
from pathlib import Path

from tests.support.published import manifest_fields

KINDS = "manifest whitelist certificate root nested file chunk".split()
OBJECT = re.compile(r"[0-9a-f]{2}/[0-9a-f]{38}(-rmd160|-shake128)?")
SUFFIX = {0: "", 1: "-rmd160", 2: "-shake128"}
CHUNKED, DIRECTORY_OR_LINK = 64, 1 | 8


@dataclass(frozen=True)
class Victim:
    """One thing to harm: its file, and a path of the tree that needs it."""

    file: Path
    path: str


class Stratum:
    """A copy of the stratum directory `fqrn` below a document root of its own."""

    def __init__(self, original: Path, docroot: Path) -> None:
        self.docroot = docroot
        self.fqrn = original.name
        self.place = docroot / "cvmfs" / self.fqrn
        shutil.copytree(original, self.place)

    def fields(self) -> dict[str, str]:
        """Lines of the manifest by their first letter."""
        return manifest_fields(self.place)

    def object(self, name: str, kind: str = "") -> Path:
        """File of an object: `name` is a hash with its algorithm."""
        return self.place / "data" / name[:2] / (name[2:] + kind)

    def victim(self, kind: str) -> Victim:
        """Something of this kind."""
        fields = self.fields()
        plain = {
            "manifest": self.place / ".cvmfspublished",
            "whitelist": self.place / ".cvmfswhitelist",
            "certificate": self.object(fields["X"], "X"),
            "root": self.object(fields["C"], "C"),
        }
        if kind in plain:
            return Victim(plain[kind], "")
        with self.catalog(fields["C"]) as root:
            if kind == "nested":
                path, name = root.execute(
                    "select path, sha1 from nested_catalogs"
                ).fetchone()
                return Victim(self.object(name, "C"), path.lstrip("/"))
            if kind == "chunk":
                return self._chunk(root)
            return self._file(root)

    def catalog(self, name: str) -> sqlite3.Connection:
        """The catalog as a database in a file beside the document root."""
        path = self.docroot / f"{name}.sqlite"
        path.write_bytes(zlib.decompress(self.object(name, "C").read_bytes()))
        opened = sqlite3.connect(path)
        opened.text_factory = os.fsdecode
        return opened

    def _file(self, root: sqlite3.Connection) -> Victim:
        """The biggest plain file of the root catalog whose object is its own."""
        rows = root.execute(
            "select name, hash, flags, parent_1, parent_2, size from catalog"
            " where hash is not null and flags & ? = 0 order by size desc",
            (CHUNKED | DIRECTORY_OR_LINK,),
        ).fetchall()
        for name, digest, flags, one, two, _ in rows:
            file = self.object(digest.hex() + SUFFIX[flags >> 8 & 7])
            if file.exists():
                return Victim(file, self._directory(root, one, two) + name)
        raise LookupError("no plain file in the root catalog")

    def _chunk(self, root: sqlite3.Connection) -> Victim:
        one, two, digest = root.execute(
            "select md5path_1, md5path_2, hash from chunks order by offset desc"
        ).fetchone()
        name, flags, above, above_2 = root.execute(
            "select name, flags, parent_1, parent_2 from catalog"
            " where md5path_1 = ? and md5path_2 = ?",
            (one, two),
        ).fetchone()
        file = self.object(digest.hex() + SUFFIX[flags >> 8 & 7], "P")
        return Victim(file, self._directory(root, above, above_2) + name)

    def _directory(self, root: sqlite3.Connection, one: int, two: int) -> str:
        """Path of a directory by its hash, with a slash, or nothing for the root."""
        row = root.execute(
            "select name, parent_1, parent_2 from catalog"
            " where md5path_1 = ? and md5path_2 = ?",
            (one, two),
        ).fetchone()
        if row is None or not row[0]:
            return ""
        return self._directory(root, row[1], row[2]) + row[0] + "/"


def flip(file: Path) -> None:
    """Turn one bit in the middle."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def truncate(file: Path) -> None:
    """Keep the first half."""
    os.truncate(file, file.stat().st_size // 2)


@dataclass(frozen=True)
class Unpacked:
    """What an object may look like in a cache."""

    sha256: str
    size: int


def good_objects(*strata: Path) -> dict[str, set[Unpacked]]:
    """The stored and the unpacked bytes of each object, by the name caches use."""
    good: dict[str, set[Unpacked]] = {}
    for stratum in strata:
        for file in (stratum / "data").rglob("*"):
            if not file.is_file():
                continue
            name = f"{file.parent.name}/{file.name}".rstrip("CHXMLPS")
            stored = file.read_bytes()
            looks = good.setdefault(name, set())
            looks.add(_look(stored))
            try:
                looks.add(_look(zlib.decompress(stored)))
            except zlib.error:
                continue
    return good


def bad_in_cache(cache: Path, good: dict[str, set[Unpacked]]) -> list[str]:
    """Objects of a cache that are not what their names promise."""
    known = {look for looks in good.values() for look in looks}
    bad = []
    for file in cache.rglob("*"):
        name = f"{file.parent.name}/{file.name}"
        if not OBJECT.fullmatch(name) or not file.is_file():
            continue
        if file.parts[-3].startswith("proofs"):
            continue  # Notes about foreign objects, by the same names.
        data = file.read_bytes()
        if name in good and _look(data) not in good[name]:
            bad.append(f"{file}: not the object of that name")
        elif name not in good and not _assembled(data, known):
            bad.append(f"{file}: no object of the repository")
    return bad


def _look(data: bytes) -> Unpacked:
    return Unpacked(hashlib.sha256(data).hexdigest(), len(data))


def _assembled(data: bytes, known: set[Unpacked]) -> bool:
    """Whether the bytes are whole objects, one after the other: a chunked file."""
    sizes = sorted({look.size for look in known if look.size}, reverse=True)
    at = 0
    while at < len(data):
        for size in sizes:
            if at + size <= len(data) and _look(data[at : at + size]) in known:
                at += size
                break
        else:
            return False
    return True
