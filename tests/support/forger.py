# SPDX-License-Identifier: GPL-2.0-or-later
"""A publisher who signs correctly what no client may swallow.

Names and signatures all fit: each object has the hash that its catalog or the manifest
gives. What is wrong is what comes out of it.
"""

from __future__ import annotations

import hashlib
import sqlite3
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from interpose.formats.hashes import Algorithm
from interpose.formats.signature import sign_manifest
from interpose.formats.signed import hash_line, join
from tests.support.damage import Stratum, Victim

ENDLESS_BYTES = 4 << 30
CHUNK_BYTES = 50_000
CHUNKED, UNCOMPRESSED = 1 << 6, 1 << 11
LONG_NAME = "as-long-a-name-as-frameworks-give-to-the-files-of-their-releases-"
_BLOCK = bytes(1 << 20)
_ADLER = 65521
Harm = Callable[[bytes], bytes]


def endless(content: bytes) -> bytes:
    """A zlib stream of `content` and then gigabytes of zeros, made in no time."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    head = packer.compress(content) + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush nothing refers back: the same bytes unpack again and again.
    block = packer.compress(_BLOCK) + packer.flush(zlib.Z_FULL_FLUSH)
    total = zlib.adler32(content)
    low, high = total & 0xFFFF, total >> 16
    high = (high + ENDLESS_BYTES * low) % _ADLER
    end = packer.flush() + (high << 16 | low).to_bytes(4, "big")
    return b"\x78\xda" + head + block * (ENDLESS_BYTES // len(_BLOCK)) + end


def longer(content: bytes) -> bytes:
    return zlib.compress(content + b"x")


def shorter(content: bytes) -> bytes:
    return zlib.compress(content[:-1])


def trailing(content: bytes) -> bytes:
    return zlib.compress(content) + b"and more"


def unfinished(content: bytes) -> bytes:
    return zlib.compress(content)[:-1]


def unpacked(content: bytes) -> bytes:
    """No zlib stream where one is promised."""
    return content


def nothing(content: bytes) -> bytes:
    del content
    return b""


# What an object may be though it has the right hash; a size tells the first three.
OF_SIZE: list[Harm] = [endless, longer, shorter]
OF_STREAM: list[Harm] = [trailing, unfinished, unpacked, nothing]


class Forger(Stratum):
    """A copy of a published repository, changed and signed again with its own key."""

    def __init__(self, original: Path, docroot: Path, key: Path) -> None:
        super().__init__(original, docroot)
        self._key = key.read_bytes()

    def store(self, stored: bytes, kind: str = "") -> str:
        """Keep these bytes under the name that they have."""
        name = hashlib.sha1(stored).hexdigest()
        self.object(name, kind).write_bytes(stored)
        return name

    def sign(self, **changed: str) -> None:
        """Change lines of the manifest, named by their letters."""
        fields = {**self.fields(), **changed}
        body = "".join(f"{key}{value}\n" for key, value in fields.items()).encode()
        text = hash_line(body, Algorithm.SHA1)
        signed = join(body, text, sign_manifest(text, self._key))
        (self.place / ".cvmfspublished").write_bytes(signed)

    def forge(self, kind: str, harm: Harm) -> Victim:
        """Put `harm` of an object of this kind in its place, all names corrected."""
        if kind in _LETTERS:
            return self._forge_top(kind, harm)
        if kind == "nested":
            return self._forge_nested(harm)
        content = self._content(kind)
        if kind == "chunk":
            return self._forge_chunk(content, harm)
        stored = harm(content)
        name = self.store(stored)
        flags = UNCOMPRESSED if kind == "plain" else 0
        change = "update catalog set hash = ?, flags = flags | ? where name = ?"
        self._change([(change, (bytes.fromhex(name), flags, kind))])
        return Victim(self.object(name), kind)

    def lay_raw(self, file: str, data: bytes) -> None:
        """Let a file of the root catalog have this content, stored as it is."""
        name = self.store(data)
        change = (
            "update catalog set hash = ?, size = ?, flags = flags | ? where name = ?"
        )
        self._change([(change, (bytes.fromhex(name), len(data), UNCOMPRESSED, file))])

    def grow(self, bytes_of_catalog: int, in_directory: int) -> int:
        """Fill the root catalog with directories of empty-handed twins of `file`.

        Directories are called 0, 1, ..., files f'{LONG_NAME}{number}'. How many.
        """
        was = self.fields()["C"]
        root = self.catalog(was)
        root.execute("pragma journal_mode = off")
        root.execute("pragma synchronous = off")
        root.row_factory = sqlite3.Row
        found = "select * from catalog where name = ?"
        file, top = (
            dict(root.execute(found, (name,)).fetchone()) for name in ("file", "folder")
        )
        insert = f"insert into catalog values ({', '.join('?' * len(file))})"
        count, grown = 0, Path(self.docroot / f"{was}.sqlite")
        while grown.stat().st_size < bytes_of_catalog:
            rows = [_twin(top, f"/{count}")]
            rows += [
                _twin(file, f"/{count}/{LONG_NAME}{number}")
                for number in range(in_directory)
            ]
            root.executemany(insert, rows)
            root.commit()
            count += 1
        root.close()
        data = grown.read_bytes()
        grown.unlink()
        self.sign(C=self.store(zlib.compress(data, 1), "C"), B=str(len(data)))
        return count

    def share(self, name: str, other: str) -> None:
        """Give a file the object of another one, and leave its size as it is."""
        content = "select hash from catalog where name = ?"
        change = f"update catalog set hash = ({content}) where name = ?"
        self._change([(change, (other, name))])

    def _forge_top(self, kind: str, harm: Harm) -> Victim:
        letter, suffix = _LETTERS[kind]
        was = self.object(self.fields()[letter], suffix)
        name = self.store(harm(zlib.decompress(was.read_bytes())), suffix)
        self.sign(**{letter: name})
        return Victim(self.object(name, suffix), "")

    def _forge_nested(self, harm: Harm) -> Victim:
        with self.catalog(self.fields()["C"]) as root:
            query = "select path, sha1, size from nested_catalogs"
            path, was, size = root.execute(query).fetchone()
        content = zlib.decompress(self.object(was, "C").read_bytes())
        name = self.store(harm(content), "C")
        size += ENDLESS_BYTES if harm is endless else 0
        change = "update nested_catalogs set sha1 = ?, size = ?"
        self._change([(change, (name, size))])
        return Victim(self.object(name, "C"), path.lstrip("/"))

    def _forge_chunk(self, content: bytes, harm: Harm) -> Victim:
        """Cut the file in pieces, of which one in the middle is bad."""
        query = "select md5path_1, md5path_2 from catalog where name = 'chunk'"
        with self.catalog(self.fields()["C"]) as root:
            path = root.execute(query).fetchone()
        mark = "update catalog set hash = null, flags = flags | ? where name = 'chunk'"
        changes: list[tuple[str, Sequence[Any]]] = [(mark, (CHUNKED,))]
        bad = ""
        for start in range(0, len(content), CHUNK_BYTES):
            piece = content[start : start + CHUNK_BYTES]
            is_bad = start == 2 * CHUNK_BYTES
            name = self.store(harm(piece) if is_bad else zlib.compress(piece), "P")
            bad = name if is_bad else bad
            row = (*path, start, len(piece), bytes.fromhex(name))
            changes.append(("insert into chunks values (?, ?, ?, ?, ?)", row))
        self._change(changes)
        return Victim(self.object(bad, "P"), "chunk")

    def _content(self, name: str) -> bytes:
        """The content of a file of the root directory."""
        with self.catalog(self.fields()["C"]) as root:
            query = "select hash from catalog where name = ?"
            (digest,) = root.execute(query, (name,)).fetchone()
        return zlib.decompress(self.object(digest.hex()).read_bytes())

    def _change(self, changes: Sequence[tuple[str, Sequence[Any]]]) -> None:
        """Change the root catalog."""
        was = self.fields()["C"]
        root: sqlite3.Connection = self.catalog(was)
        for statement, values in changes:
            assert root.execute(statement, values).rowcount == 1, statement
        root.commit()
        root.close()
        data = (self.docroot / f"{was}.sqlite").read_bytes()
        self.sign(C=self.store(zlib.compress(data), "C"), B=str(len(data)))


def _twin(row: dict[str, Any], path: str) -> tuple[Any, ...]:
    """The row of an entry like this one at another path (docs/format.md 4.3)."""
    above, _, name = path.rpartition("/")
    own, parent = (
        struct.unpack("<2q", hashlib.md5(place.encode()).digest())
        for place in (path, above)
    )
    place = ("md5path_1", "md5path_2", "parent_1", "parent_2")
    changed = dict(zip(place, (*own, *parent)))
    return tuple({**row, **changed, "name": name}.values())


# Lines of the manifest that name an object, and the suffix of such objects.
_LETTERS = {
    "root": ("C", "C"),
    "certificate": ("X", "X"),
    "history": ("H", "H"),
    "metainfo": ("M", "M"),
}
