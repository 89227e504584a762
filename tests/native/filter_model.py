# SPDX-License-Identifier: GPL-2.0-or-later
"""A filter as the kernel interprets it, and what its rows say."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

ALLOW, TRACE, ENOSYS = 0x7FFF0000, 0x7FF00000, 0x00050000 | 38
X86_64, I386 = 0xC000003E, 0x40000003
IO_URING_SETUP = 425
X32_BIT = 0x40000000
WORD = 0xFFFFFFFF
BPF_LOAD, BPF_AND, BPF_RETURN = 0x20, 0x54, 0x06
NUMBER, ARCH = 0, 4  # Places in the kernel's seccomp_data.
BPF_JUMP, BPF_EQUAL, BPF_GREATER_EQUAL = 0x05, 0x15, 0x35


@dataclass(frozen=True)
class Row:
    """Number and condition of one row; no values: always."""

    number: int
    argument: int = 0
    unless: bool = False
    mask: int = 0
    values: tuple[int, ...] = ()

    def stops(self, args: tuple[int, ...]) -> bool:
        if not self.values:
            return True
        return (args[self.argument] & self.mask in self.values) != self.unless

    @property
    def text(self) -> str:
        fields = [self.number, self.argument, len(self.values), int(self.unless)]
        return " ".join(map(str, [*fields, self.mask, *self.values]))


@dataclass(frozen=True)
class Program:
    """A filter, and the rows of each architecture that it knows; the first is its own.

    `arch` is the one that questions are about.
    """

    arch: int
    tables: dict[int, list[Row]]
    code: list[tuple[int, int, int, int]]

    @classmethod
    def parse(cls, text: str) -> Program:
        tables: dict[int, list[Row]] = {}
        code = []
        for line in text.splitlines():
            kind, *words = line.split()
            fields = [int(word) for word in words]
            if kind == "ARCH":
                rows = tables.setdefault(fields[0], [])
            elif kind == "ROW":
                number, argument, _, unless, mask, *values = fields
                rows.append(Row(number, argument, bool(unless), mask, tuple(values)))
            else:
                code.append((fields[0], fields[1], fields[2], fields[3]))
        return cls(next(iter(tables)), tables, code)

    @property
    def rows(self) -> list[Row]:
        return self.tables[self.arch]

    def of(self, arch: int) -> Program:
        """The same filter, asked about calls of another architecture."""
        return replace(self, arch=arch)

    @property
    def trace(self) -> int:
        """What stops a call: the tracer is told by which table."""
        return TRACE + list(self.tables).index(self.arch)

    def answer(
        self, number: int, args: tuple[int, ...], arch: int = 0, ip: int = 0
    ) -> int:
        """What the kernel's interpreter would return."""
        data = struct.pack("<IIQ6Q", number & WORD, arch or self.arch, ip, *args)
        place, accumulator, steps = 0, 0, 0
        while True:
            steps += 1
            assert steps < 100, "a search must not visit everything"
            code, jt, jf, k = self.code[place]
            place += 1
            if code == BPF_LOAD:
                assert k % 4 == 0
                accumulator = struct.unpack_from("<I", data, k)[0]
            elif code == BPF_AND:
                accumulator &= k
            elif code == BPF_JUMP:
                place += k
            elif code == BPF_EQUAL:
                place += jt if accumulator == k else jf
            elif code == BPF_GREATER_EQUAL:
                place += jt if accumulator >= k else jf
            else:
                assert code == BPF_RETURN
                return k

    def is_remembered(self, number: int) -> bool:
        """Whether kernels >= 5.11 find out that the number alone allows the call.

        Source: seccomp_is_const_allow() in kernel/seccomp.c: these instructions, and
        nothing loaded but number and architecture. Such a call runs no filter at all.
        """
        place, accumulator = 0, 0
        while True:
            code, jt, jf, k = self.code[place]
            place += 1
            if code == BPF_LOAD and k in (NUMBER, ARCH):
                accumulator = number if k == NUMBER else self.arch
            elif code == BPF_JUMP:
                place += k
            elif code == BPF_EQUAL:
                place += jt if accumulator == k else jf
            elif code == BPF_GREATER_EQUAL:
                place += jt if accumulator >= k else jf
            else:
                return code == BPF_RETURN and k == ALLOW

    def expected(self, number: int, args: tuple[int, ...]) -> int:
        """What the rows say."""
        mine = [row for row in self.rows if row.number == number and number >= 0]
        if any(row.stops(args) for row in mine):
            return self.trace
        if mine:
            return ALLOW
        if number == IO_URING_SETUP:
            return ENOSYS
        return ENOSYS if self.arch == X86_64 and number & WORD >= X32_BIT else ALLOW
