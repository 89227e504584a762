# SPDX-License-Identifier: GPL-2.0-or-later
"""The seccomp filter does for every call what the rows say: it is interpreted here."""

from __future__ import annotations

import errno
import fcntl
import os
import platform
import struct
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import DOCROOT
from tests.support.once import made_once
from tests.support.places import ROOT, need_tool

NATIVE = ROOT / "native"
ALLOW, TRACE, ENOSYS = 0x7FFF0000, 0x7FF00000, 0x00050000 | 38
X86_64, I386 = 0xC000003E, 0x40000003
OTHER_ARCH = 0x40000028  # arm of 32 bits
IO_URING_SETUP = 425
X32_BIT = 0x40000000
ON_X86 = platform.machine() == "x86_64"
WORD = 0xFFFFFFFF
# Numbers of x86_64 and of all later architectures.
OFTEN = {
    "read": (0, 63),
    "write": (1, 64),
    "lseek": (8, 62),
    "pread64": (17, 67),
    "getppid": (110, 173),
    "futex": (202, 98),
}
FLOCK, FCNTL, DUP = (73, 72, 32) if ON_X86 else (32, 25, 23)
EPOLL_PWAIT, SIGTIMEDWAIT = (281, 128) if ON_X86 else (22, 137)
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

    def answer(self, number: int, args: tuple[int, ...], arch: int = 0) -> int:
        """What the kernel's interpreter would return."""
        ip = 0
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


def _compile(target: Path, sources: list[Path], *flags: str) -> Path:
    compiler = need_tool("cc", "gcc")
    words = [compiler, "-std=gnu11", "-D_GNU_SOURCE", *flags, f"-I{NATIVE}"]
    words += ["-pthread", "-o", str(target), *map(str, sources)]
    subprocess.run(words, check=True)
    return target


@pytest.fixture(scope="session")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that makes a filter for any rows."""
    sources = [Path(__file__).with_name("filter_dump.c"), NATIVE / "tracer/filter.c"]
    sources += sorted(NATIVE.glob("arch/*.c"))
    return _compile(tmp_path_factory.mktemp("filter") / "dump", sources)


@pytest.fixture(scope="session")
def real_dump() -> Path:
    """A program that makes the filter of interpose_run."""
    place = made_once(Path(os.environ[DOCROOT]) / "filter", _compile_real_dump)
    return place / "dump"


def _compile_real_dump(place: Path) -> None:
    sources = [
        path
        for path in sorted(NATIVE.glob("**/*.c"))
        if path != NATIVE / "api.c" and path.parent.name not in ("launch", "bundle")
    ]
    sources.append(Path(__file__).with_name("filter_dump.c"))
    _compile(place / "dump", sources, "-DWITH_ROWS")


def _made_by(real_dump: Path, *words: str) -> Program:
    done = subprocess.run([real_dump, *words], check=True, capture_output=True)
    return Program.parse(done.stdout.decode())


@pytest.fixture(scope="session")
def real(real_dump: Path) -> Program:
    """The filter of interpose_run, where no cache can be shared."""
    return _made_by(real_dump, "real")


def made(dump: Path, rows: list[Row]) -> Program:
    """The filter whose rows are these; those of the second table are in reverse."""
    table = "".join(row.text + "\n" for row in rows)
    text = (table + "-2\n" + "".join(row.text + "\n" for row in rows[::-1])).encode()
    done = subprocess.run([dump], input=text, check=True, capture_output=True)
    program = Program.parse(done.stdout.decode())
    assert program.rows == rows
    return program


def check(program: Program, numbers: list[int]) -> None:
    """Compare for these numbers, with arguments on both sides of each condition."""
    for one in map(program.of, program.tables):
        for number in numbers:
            for args in _arguments([row for row in one.rows if row.number == number]):
                assert one.answer(number, args) == one.expected(number, args)


def _arguments(rows: list[Row]) -> list[tuple[int, ...]]:
    cases = [(0,) * 6, (2**64 - 1,) * 6, (0x123456789ABCDEF0,) * 6]
    for row in rows:
        for value in row.values:
            for high in (0, 0xDEADBEEF << 32):
                for low in (value, value | (~row.mask & WORD), value ^ 1, value + 1):
                    args = [7] * 6
                    args[row.argument] = high | low & WORD
                    cases.append(tuple(args))
    return cases


EVERY_NUMBER = [*range(-3, 1200), *(X32_BIT + n for n in range(0, 600, 7)), 2**31 - 1]


def test_real_filter_does_what_the_rows_say(real: Program) -> None:
    assert len(real.rows) > 50
    assert any(row.values for row in real.rows)
    check(real, EVERY_NUMBER)


def test_calls_about_descriptors_stop_by_the_second_filter_alone(
    real_dump: Path, real: Program
) -> None:
    second = _made_by(real_dump, "real", "second")
    check(second, EVERY_NUMBER)
    assert not {row.number for row in second.rows} & {row.number for row in real.rows}
    locks = (fcntl.F_GETLK, fcntl.F_SETLK, fcntl.F_SETLKW, 36, 37, 38)
    calls = [(FCNTL, command) for command in (fcntl.F_DUPFD, *locks)]
    for number, argument in [*calls, (FLOCK, fcntl.LOCK_EX), (DUP, 0)]:
        args = (3, argument, 0, 0, 0, 0)
        assert second.answer(number, args) == second.trace
        assert real.answer(number, args) == ALLOW
        assert real.is_remembered(number)
    for command in (fcntl.F_GETFD, fcntl.F_SETFD, fcntl.F_GETFL, fcntl.F_SETFL):
        assert second.answer(FCNTL, (3, command, 0, 0, 0, 0)) == ALLOW


def test_a_wait_stops_where_it_has_a_limit(real: Program) -> None:
    for timeout, answer in ((0, ALLOW), (-1, ALLOW), (5, real.trace)):
        args = (3, 0, 1, timeout & WORD, 0, 0)
        assert real.answer(EPOLL_PWAIT, args) == answer
    for address, answer in ((0, ALLOW), (0x7FFFDEADBEE0, real.trace)):
        assert real.answer(SIGTIMEDWAIT, (1, 2, address, 8, 0, 0)) == answer


@pytest.mark.skipif(not ON_X86, reason="only x86_64 has a second table")
def test_calls_of_i386_stop_by_their_own_numbers(real: Program) -> None:
    i386 = real.of(I386)
    nothing = (0,) * 6
    assert set(real.tables) == {X86_64, I386}
    assert len(i386.rows) > 100
    assert i386.answer(5, nothing) == TRACE + 1  # open
    assert real.answer(5, nothing) == TRACE  # fstat
    assert i386.answer(3, nothing) == ALLOW  # read
    assert i386.answer(IO_URING_SETUP, nothing) == ENOSYS
    assert [i386.answer(102, (call, *nothing[1:])) for call in (1, 2, 3, 4)] == [
        ALLOW,
        TRACE + 1,
        TRACE + 1,
        ALLOW,
    ]


@pytest.mark.skipif(not ON_X86, reason="x32 is an ABI of x86_64")
def test_calls_of_x32_are_not_there(real: Program) -> None:
    rows = [row.number for row in real.rows if row.number >= 0]
    numbers = [X32_BIT + n for n in (*rows, *range(512, 548), IO_URING_SETUP, 9999)]
    assert {real.answer(n, (0,) * 6) for n in numbers} == {ENOSYS}
    # Its programs have the audit number of x86_64; i386 has no such bit.
    assert real.of(I386).answer(X32_BIT + 5, (0,) * 6) == ALLOW


def test_real_filter_leaves_other_architectures_alone(real: Program) -> None:
    for number in range(500):
        assert real.answer(number, (0,) * 6, OTHER_ARCH) == ALLOW


def test_real_filter_is_short(real: Program) -> None:
    assert len(real.code) < 1500


@pytest.mark.parametrize("table", [0, 1] if ON_X86 else [0])
def test_kernel_remembers_every_call_that_has_no_row(real: Program, table: int) -> None:
    real = real.of(list(real.tables)[table])
    rows = {row.number for row in real.rows}
    free = [n for n in range(600) if n not in rows and n != IO_URING_SETUP]
    assert [n for n in free if not real.is_remembered(n)] == []
    assert not any(real.is_remembered(n) for n in rows if n >= 0)


@pytest.mark.parametrize("name", OFTEN)
def test_a_call_that_programs_make_often_never_runs_the_filter(
    real: Program, name: str
) -> None:
    assert real.is_remembered(OFTEN[name][0 if ON_X86 else 1])


@pytest.fixture(scope="session")
def install(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that installs a filter, on a kernel of its own."""
    sources = [Path(__file__).with_name("filter_install_driver.c")]
    sources += [NATIVE / "tracer/filter.c", *sorted(NATIVE.glob("arch/*.c"))]
    target = tmp_path_factory.mktemp("filter") / "install"
    return _compile(target, sources, "-Wl,--wrap=syscall")


SPEC_ALLOW = 4


@pytest.mark.parametrize(
    ("kernel", "asked", "result"),
    [
        ("new", [SPEC_ALLOW], 0),
        ("old", [SPEC_ALLOW, 0], 0),
        ("none", [SPEC_ALLOW], -errno.EACCES),
        ("real", [SPEC_ALLOW], 0),
    ],
)
def test_filter_asks_for_no_mitigation_and_does_without_where_none_can_be_asked(
    install: Path, kernel: str, asked: list[int], result: int
) -> None:
    done = subprocess.run([install, kernel], check=True, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("flags")] == [
        f"flags {flags}" for flags in asked
    ]
    assert f"result {result}" in lines
    status = Path("/proc/self/status").read_text().splitlines()
    speculation = [line for line in status if line.startswith("Spec")]
    assert [line for line in lines if line.startswith("Spec")] == speculation


ONE = Row(5, mask=1, values=(1,))


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [Row(0)],
        [Row(0), Row(1), Row(2)],
        [Row(IO_URING_SETUP)],
        [Row(IO_URING_SETUP - 1), Row(IO_URING_SETUP + 1)],
        [Row(IO_URING_SETUP, 1, mask=WORD, values=(3,))],
        [Row(-1), Row(5)],
        [Row(5), Row(5)],
        [ONE, replace(ONE, argument=1), Row(4), Row(6)],
        [ONE, Row(5)],
        [replace(ONE, unless=True), replace(ONE, argument=1)],
        [Row(number) for number in range(0, 500, 2)],
    ],
)
def test_filter_of_few_rows(dump: Path, rows: list[Row]) -> None:
    check(made(dump, rows), EVERY_NUMBER)


words = st.integers(0, WORD) | st.integers(0, 3)


@st.composite
def some_rows(draw: st.DrawFn) -> Row:
    mask = draw(words)
    values = [value & mask for value in draw(st.lists(words, max_size=8))]
    number = draw(st.integers(-1, 500))
    unless = draw(st.booleans()) and bool(values)
    return Row(number, draw(st.integers(0, 5)), unless, mask, tuple(values))


@settings(max_examples=60, deadline=None)
@given(st.lists(some_rows(), max_size=200))
def test_filter_of_any_rows(dump: Path, rows: list[Row]) -> None:
    check(made(dump, rows), list(range(-2, 520)))
