# SPDX-License-Identifier: GPL-2.0-or-later
"""Bytes are hashed and inflated on their way; what is wrong never gets a name."""

from __future__ import annotations

import zlib
from typing import NamedTuple, Protocol

from interpose.errors import FormatError, HashMismatch
from interpose.formats.limits import INFLATION_FREE_BYTES, INFLATION_RATIO

_BLOCK_BYTES = 256 * 1024


class Hasher(Protocol):
    """What `formats.hashes.new_hasher` gives."""

    def update(self, data: bytes, /) -> None:
        """Take the next bytes."""

    def digest(self) -> bytes:
        """The hash of all bytes so far."""


class Target(Protocol):
    """Where verified bytes go: a Receiver, or a file outside of any cache."""

    def write(self, data: bytes) -> object:
        """Take the next bytes."""

    def abort(self) -> object:
        """Forget them."""


class Promise(NamedTuple):
    """What an object must be. `name` is for messages.

    `size_bytes` is the inflated size where a catalog promises one, `limit_bytes` what
    is bearable where none does: then the stream may not inflate without measure, too.
    `compressed` says whether a zlib stream is stored.
    """

    digest: bytes
    name: str
    size_bytes: int | None = None
    limit_bytes: int | None = None
    compressed: bool = True


class VerifyingSink:
    """Takes stored bytes, hashes them, writes the content to a target.

    Bounded memory; stops at one byte more than promised. `finish` judges hash, size and
    the end of the stream; it does not commit: the caller does, with `target`.
    Errors: HashMismatch, FormatError, and what the target raises.
    """

    def __init__(self, target: Target, hasher: Hasher, promise: Promise) -> None:
        self.target = target
        self.size_bytes = 0
        self._stored_bytes = 0
        self._hasher = hasher
        self._promise = promise
        self._inflater = zlib.decompressobj() if promise.compressed else None
        limits = (promise.size_bytes, promise.limit_bytes)
        self._limit = min((n for n in limits if n is not None), default=None)

    def write(self, data: bytes) -> None:
        """Take the next stored bytes."""
        self._hasher.update(data)
        if self._inflater is None:
            self._pass_on(data)
            return
        while data:
            if self._inflater.eof:
                raise self._wrong("bytes after the end of the zlib stream")
            try:
                content = self._inflater.decompress(data, _BLOCK_BYTES)
            except zlib.error as error:
                raise self._wrong("no zlib stream") from error
            rest = self._inflater.unconsumed_tail or self._inflater.unused_data
            self._stored_bytes += len(data) - len(rest)
            data = rest
            self._pass_on(content)

    def finish(self) -> None:
        """Judge the whole."""
        if self._inflater is not None:
            self._drain()
        if self._hasher.digest() != self._promise.digest:
            raise HashMismatch("wrong hash", self._promise.name)
        if self._inflater is not None and not self._inflater.eof:
            raise self._wrong("the zlib stream has no end")
        promised = self._promise.size_bytes
        if promised is not None and self.size_bytes != promised:
            raise self._wrong(f"{self.size_bytes} bytes instead of {promised}")

    def abort(self) -> None:
        """Forget all."""
        self.target.abort()

    def _drain(self) -> None:
        # Output may wait inside zlib although all input was taken.
        while self._inflater is not None and not self._inflater.eof:
            try:
                content = self._inflater.decompress(b"", _BLOCK_BYTES)
            except zlib.error as error:
                raise self._wrong("no zlib stream") from error
            if not content:
                return
            self._pass_on(content)

    def _pass_on(self, content: bytes) -> None:
        self.size_bytes += len(content)
        if self._limit is not None and self.size_bytes > self._limit:
            raise self._wrong(f"more than {self._limit} bytes")
        if self._is_a_bomb():
            raise self._wrong(f"more than {INFLATION_RATIO} times its stored size")
        if content:
            self.target.write(content)

    def _is_a_bomb(self) -> bool:
        """Whether so much came out of so little; a promised size is bound enough."""
        if self._inflater is None or self._promise.size_bytes is not None:
            return False
        inflated = self.size_bytes - INFLATION_FREE_BYTES
        return inflated > self._stored_bytes * INFLATION_RATIO

    def _wrong(self, what: str) -> FormatError:
        return FormatError(what, self._promise.name)


class Repacked:
    """The hash that content has as publishers store it: packed by zlib, or as it is.

    Level -1, as publishers pack. Source: the official client's compression.cc.
    """

    def __init__(self, hasher: Hasher, *, compressed: bool = True) -> None:
        self._hasher = hasher
        self._deflater = zlib.compressobj() if compressed else None
        self.size_bytes = 0

    def update(self, content: bytes) -> None:
        """Take the next bytes of the content."""
        self.size_bytes += len(content)
        if self._deflater is not None:
            content = self._deflater.compress(content)
        self._hasher.update(content)

    def digest(self) -> bytes:
        """The hash of the whole; nothing can be added then."""
        if self._deflater is not None:
            self._hasher.update(self._deflater.flush())
            self._deflater = None
        return self._hasher.digest()
