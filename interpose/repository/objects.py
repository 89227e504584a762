# SPDX-License-Identifier: GPL-2.0-or-later
"""One stored object: what is fetched, and what it has to be.

Source: docs/format.md 1.2, 4.8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from interpose.cache import Promise, VerifyingSink
from interpose.cache.layout import OBJECT_MODE, RAW, RAW_MODE
from interpose.cache.verify import Target
from interpose.formats.compression import deflate
from interpose.formats.flags import Compression
from interpose.formats.hashes import FILE, ContentHash, hash_bytes, new_hasher
from interpose.network import Wanted

_TRANSFER_SLACK_BYTES = 1 << 16


class External(NamedTuple):
    """Where the bytes of external data are: a path, and (offset, size) of a part."""

    path: bytes
    byte_range: tuple[int, int] | None = None


class StoredObject(NamedTuple):
    """What is fetched and how it proves itself.

    `size` is the unpacked size in bytes that a catalog promises, None if nobody does;
    `limit` bounds it then, and a foreign file has to have the `expected` size, if it is
    known. `info` is what a server is told if it wants to know. `is_alternative`: it is
    asked for by its second name.
    """

    hash: ContentHash
    kind: str = FILE
    compression: Compression = Compression.ZLIB
    size: int | None = None
    limit: int | None = None
    external: External | None = None
    expected: int | None = None
    info: bytes = b""
    is_alternative: bool = False

    @property
    def is_compressed(self) -> bool:
        """Whether a zlib stream is stored."""
        return self.compression is Compression.ZLIB

    @property
    def holds_nothing(self) -> bool:
        """Whether the hash is that of an empty file: then its bytes are known."""
        stored = deflate(b"") if self.is_compressed else b""
        is_empty = self.size in {None, 0} and self.kind == FILE
        return is_empty and hash_bytes(self.hash.algorithm, stored) == self.hash

    @property
    def key(self) -> tuple[ContentHash, bool]:
        """What tells contents apart: one hash can name a packed and a raw one."""
        return (self.hash, self.is_compressed)

    @property
    def turn_name(self) -> str:
        """Of the turn to get it: nothing else that is got is called so."""
        return self.hash.text + ("" if self.is_compressed else "-raw")

    @property
    def private_name(self) -> str:
        """The path in the private cache, which has a place of its own for raw ones."""
        if self.is_compressed:
            return self.hash.cache_path()
        return f"{RAW}/{self.hash.cache_path()}"

    @property
    def modes(self) -> tuple[int, ...]:
        """The permission bits there: those that we set, and others that count."""
        return (OBJECT_MODE,) if self.is_compressed else (RAW_MODE, OBJECT_MODE)

    @property
    def name(self) -> str:
        """For messages: where the object should be."""
        if self.external is not None:
            return self.external.path.decode("utf-8", "backslashreplace")
        if self.is_alternative:
            return self.hash.alternative_path(self.kind)
        return self.hash.object_path(self.kind)

    def request(self) -> Wanted:
        """What to ask a server for."""
        unpacked = self.limit if self.size is None else self.size
        longest = None
        if unpacked is not None:
            # zlib makes what it cannot pack a little longer, never much.
            longest = unpacked + unpacked // 8 + _TRANSFER_SLACK_BYTES
        if self.external is None:
            return Wanted(self.name, limit_bytes=longest, info=self.info)
        where = self.external
        return Wanted(
            where.path,
            byte_range=where.byte_range,
            limit_bytes=longest,
            info=self.info,
        )

    def sink(self, target: Target) -> VerifyingSink:
        """Unpacks and proves the object on its way to `target`."""
        promise = Promise(
            self.hash.digest, self.name, self.size, self.limit, self.is_compressed
        )
        return VerifyingSink(target, new_hasher(self.hash.algorithm), promise)


def _any(data: bytes) -> object:
    return data


class Memory:
    """A target that keeps a small object. `judge` raises for bytes that are none."""

    def __init__(self, judge: Callable[[bytes], object] = _any) -> None:
        self.data = bytearray()
        self._judge = judge

    def write(self, data: bytes) -> None:
        """Take the next bytes."""
        self.data += data

    def finish(self) -> None:
        """For objects that nothing proves by a hash. Errors: those of `judge`."""
        self._judge(bytes(self.data))

    def abort(self) -> None:
        """Forget everything."""
        self.data.clear()
