# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a large file is cut into chunks: by content, so that edits move few cuts.

The official detector is a register of 32 bits, `x = (x << 1) ^ byte`. A byte has left
it 32 bytes later, so bit b of x (for b >= 7) is the parity
    P(m) = bit 0 of byte m ^ bit 1 of byte m+1 ^ ... ^ bit 7 of byte m+7
at m = position - b. P of a whole block is a few operations on one large integer, and
the cut condition is a run of equal parities: a substring search instead of a loop per
byte.

Source: docs/format.md 9.2; compared there with cvmfs/ingestion/chunk_detector.cc.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

MIB = 1024 * 1024
_WINDOW = 32  # Bytes that the register remembers.
_MAGIC = 0x7FFFFFFF
_BLOCK = 256 * 1024


@dataclass(frozen=True)
class ChunkSizes:
    """Bounds of a chunk in bytes; files of at most `least` bytes are not cut.

    Errors: ValueError for bounds that are not in order or smaller than the window.
    Source: docs/format.md 9.2 (the defaults).
    """

    least: int = 4 * MIB
    average: int = 8 * MIB
    most: int = 16 * MIB

    def __post_init__(self) -> None:
        if not _WINDOW <= self.least <= self.average <= self.most:
            message = "chunk sizes must be in order, the least at least 32 bytes"
            raise ValueError(message)


def cut(buffer: bytes, sizes: ChunkSizes) -> int:
    """Length of the first chunk of `buffer`, which starts at a cut.

    `buffer` holds the next `sizes.most` + 1 bytes, or all that is left. Without a cut
    inside, the answer is its length.
    """
    end = min(len(buffer), sizes.most)
    threshold = 0xFFFFFFFF // sizes.average
    start = sizes.least
    while start < end:
        stop = min(start + _BLOCK, end)
        position = _first_hit(buffer, start, stop, threshold)
        if position is not None:
            return position
        start = stop
    return end


def chunks(stream: BinaryIO, sizes: ChunkSizes) -> Iterator[bytes]:
    """The stream's content in chunks; nothing for an empty stream.

    Holds about twice `sizes.most` bytes in memory.
    """
    buffer = b""
    while True:
        missing = sizes.most + 1 - len(buffer)
        more = stream.read(missing)
        buffer += more
        if not buffer:
            return
        length = cut(buffer, sizes)
        yield buffer[:length]
        buffer = buffer[length:]


def _first_hit(buffer: bytes, start: int, stop: int, threshold: int) -> int | None:
    """First position in [start, stop) whose register value is near the magic number."""
    base = start - (_WINDOW - 1)
    parities = _parities(buffer[base:stop])
    hits = []
    for pattern in _patterns(threshold):
        position = _search(parities, pattern, buffer, base, threshold)
        if position is not None:
            hits.append(position)
    return min(hits) if hits else None


def _search(
    parities: bytes, pattern: bytes, buffer: bytes, base: int, threshold: int
) -> int | None:
    found = parities.find(pattern)
    while found >= 0:
        position = base + found + _WINDOW - 1
        if position >= base + len(parities):
            return None
        if _is_near(_register(buffer, position), threshold):
            return position
        found = parities.find(pattern, found + 1)
    return None


def _parities(block: bytes) -> bytes:
    """P(m) as one byte 0 or 1 for each byte of `block` (the last seven lack input)."""
    number = int.from_bytes(block, "little")
    number ^= number >> 9
    number ^= number >> 18
    number ^= number >> 36
    return (number & _ones(len(block))).to_bytes(len(block), "little")


@lru_cache(maxsize=8)
def _ones(length: int) -> int:
    return int.from_bytes(b"\1" * length, "little")


@lru_cache(maxsize=8)
def _patterns(threshold: int) -> tuple[bytes, ...]:
    """What the parities of bits 31, 30, ... must be for a value near the magic one.

    Just below 2**31: zero, then ones. Just above: one, then zeros. The third is the one
    value whose distance is the smallest 32-bit integer, which has no positive twin.
    """
    lowest = max(7, threshold.bit_length())
    run = 31 - lowest
    return (b"\0" + b"\1" * run, b"\1" + b"\0" * run, b"\1" * 25)


def _register(buffer: bytes, position: int) -> int:
    value = 0
    for byte in buffer[position - _WINDOW + 1 : position + 1]:
        value = (value << 1) ^ byte
    return value & 0xFFFFFFFF


def _is_near(value: int, threshold: int) -> bool:
    distance = (value - _MAGIC) & 0xFFFFFFFF
    if distance >= 0x80000000:
        distance -= 0x100000000
    magnitude = -distance if -0x80000000 < distance < 0 else distance
    return magnitude < threshold
