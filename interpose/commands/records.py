# SPDX-License-Identifier: GPL-2.0-or-later
"""The tracer's binary records. Source: native/run/trace.h."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from interpose.errors import FormatError

VERSION = 1
STRINGS = 3
ENTRY, EXIT, AGAIN, MISSING = 1, 2, 4, 256
VERDICTS = ("PASS", "ANSWER", "AT_EXIT", "WAIT")

_HEADER = struct.Struct("<IIiIqq6QqIIII")
_LONGEST = 1 << 20


class Record(NamedTuple):
    """One stop. `strings` are the paths of the call in order, None if not read."""

    tid: int
    arch: int
    number: int
    time_ns: int
    args: tuple[int, ...]
    result: int
    verdict: int
    flags: int
    strings: tuple[bytes | None, ...]

    @property
    def is_exit(self) -> bool:
        """Whether the call has ended and `result` is its result."""
        return bool(self.flags & EXIT)

    @property
    def runs_again(self) -> bool:
        """Whether the call was sent back to its start; a record of its own follows."""
        return bool(self.flags & AGAIN)

    @property
    def verdict_name(self) -> str:
        """The verdict as the tracer's source calls it."""
        known = self.verdict < len(VERDICTS)
        return VERDICTS[self.verdict] if known else str(self.verdict)


def read(file: BinaryIO) -> Iterator[Record]:
    """All records of a file or pipe; one that is cut off at the end is left out.

    Errors: FormatError if it holds something else.
    """
    while True:
        head = _read_exactly(file, _HEADER.size)
        if head is None:
            return
        version, size, tid, arch, number, time_ns, *rest = _HEADER.unpack(head)
        *args, result, verdict, flags, string_len, _ = rest
        if version != VERSION or size < _HEADER.size or size + string_len > _LONGEST:
            raise FormatError("no trace of this version of interpose_run")
        # A newer tracer may say more behind what we know.
        tail = _read_exactly(file, size - _HEADER.size + string_len)
        if tail is None:
            return
        texts = tail[size - _HEADER.size :].split(b"\0")[:STRINGS]
        strings = tuple(
            None if flags & (MISSING << position) else text
            for position, text in enumerate(texts)
        )
        yield Record(
            tid, arch, number, time_ns, tuple(args), result, verdict, flags, strings
        )


def _read_exactly(file: BinaryIO, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        more = file.read(size - len(data))
        if not more:
            return None
        data += more
    return data
