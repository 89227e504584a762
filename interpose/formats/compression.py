# SPDX-License-Identifier: GPL-2.0-or-later
"""Objects as they are stored (zlib) and as they are used, with bounded memory.

Source: docs/format.md 1.2.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from interpose.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

_STEP_BYTES = 256 << 10


def deflate(data: bytes) -> bytes:
    """`data` as an object is stored: zlib at the official level."""
    return zlib.compress(data, -1)


def inflate(data: bytes, limit_bytes: int) -> bytes:
    """What the stored bytes `data` hold, all at once, for small objects.

    Errors: FormatError if they are no zlib stream or hold more than `limit_bytes`.
    """
    inflater = Inflater(limit_bytes)
    content = b"".join(inflater.feed(data))
    inflater.finish()
    return content


class Inflater:
    """Takes stored bytes bit by bit, gives content in pieces of at most 256 KiB.

    Errors: FormatError as soon as the content exceeds `limit_bytes`, for bytes that
    are no zlib stream, for bytes behind its end.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.produced = 0
        self._limit = limit_bytes
        self._stream = zlib.decompressobj()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The content that `data` adds; must be iterated to its end."""
        pending, is_full = data, False
        while pending or is_full:
            if self._stream.eof:
                raise FormatError("object with bytes behind its end")
            try:
                piece = self._stream.decompress(pending, _STEP_BYTES)
            except zlib.error as error:
                raise FormatError("object is no zlib stream", str(error)) from None
            pending = self._stream.unconsumed_tail or self._stream.unused_data
            # A full piece may leave content inside zlib with no input left over.
            is_full = len(piece) == _STEP_BYTES and not self._stream.eof
            self.produced += len(piece)
            if self.produced > self._limit:
                raise FormatError(f"object inflates beyond {self._limit} bytes")
            if piece:
                yield piece

    def finish(self) -> None:
        """Errors: FormatError if the stream is not complete."""
        if not self._stream.eof:
            raise FormatError("object ends too early")
