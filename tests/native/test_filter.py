# SPDX-License-Identifier: GPL-2.0-or-later
"""The seccomp filter does for every call what the rows say: it is interpreted here."""

from __future__ import annotations

import errno
import fcntl
import os
import platform
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import DOCROOT
from tests.native.filter_model import (
    ALLOW,
    ENOSYS,
    I386,
    IO_URING_SETUP,
    TRACE,
    WORD,
    X32_BIT,
    X86_64,
    Program,
    Row,
)
from tests.support.once import made_once
from tests.support.places import ROOT, need_tool

NATIVE = ROOT / "native"
OTHER_ARCH = 0x40000028  # arm of 32 bits
ON_X86 = platform.machine() == "x86_64"
# Numbers of x86_64 and of all later architectures.
OFTEN = {
    "read": (0, 63),
    "write": (1, 64),
    "lseek": (8, 62),
    "pread64": (17, 67),
    "getppid": (110, 173),
    "futex": (202, 98),
}
FLOCK, FCNTL = (73, 72) if ON_X86 else (32, 25)
EPOLL_PWAIT, SIGTIMEDWAIT = (281, 128) if ON_X86 else (22, 137)


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
        if path != NATIVE / "api.c"
        and path.parent.name not in ("launch", "bundle", "stub")
    ]
    sources.append(Path(__file__).with_name("filter_dump.c"))
    _compile(place / "dump", sources, "-DWITH_ROWS")


def _made_by(real_dump: Path, *words: str, secret: int = 0) -> Program:
    env = {**os.environ, "SECRET": str(secret)}
    done = subprocess.run([real_dump, *words], check=True, capture_output=True, env=env)
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


def test_locks_stop_by_the_second_filter_alone(real_dump: Path, real: Program) -> None:
    second = _made_by(real_dump, "real", "second")
    check(second, EVERY_NUMBER)
    assert not {row.number for row in second.rows} & {row.number for row in real.rows}
    locks = (fcntl.F_GETLK, fcntl.F_SETLK, fcntl.F_SETLKW, 36, 37, 38)
    calls = [(FCNTL, command) for command in locks]
    for number, argument in [*calls, (FLOCK, fcntl.LOCK_EX)]:
        args = (3, argument, 0, 0, 0, 0)
        assert second.answer(number, args) == second.trace
        assert real.answer(number, args) == ALLOW
        assert real.is_remembered(number)
    for command in (fcntl.F_DUPFD, fcntl.F_GETFD, fcntl.F_SETFD, fcntl.F_GETFL):
        assert second.answer(FCNTL, (3, command, 0, 0, 0, 0)) == ALLOW


@pytest.mark.skipif(not ON_X86, reason="the stub is x86_64's")
def test_what_the_stub_makes_passes_by_its_secret_alone(
    real_dump: Path, real: Program
) -> None:
    secret = 0x8765432187654321
    filtered = _made_by(real_dump, "real", secret=secret)
    known = [
        row for row in filtered.rows if filtered.answer(row.number, (0,) * 6) != ALLOW
    ]
    passing = set()
    for row in known:
        for last in (secret, secret ^ 1, secret ^ 1 << 32, secret & WORD, 0):
            answer = filtered.answer(row.number, (0, 0, 0, 0, 0, last))
            if last == secret and answer == ALLOW:
                passing.add(row.number)
            else:
                assert answer == filtered.trace
    # open stat fstat lstat access getcwd readlink getdents64 openat mkdirat newfstatat
    # unlinkat renameat readlinkat fchmodat faccessat utimensat statx openat2 faccessat2
    # getxattr lgetxattr listxattr llistxattr
    names = {2, 4, 5, 6, 21, 79, 89, 217, 257, 258, 262}
    names |= {263, 264, 267, 268, 269, 280, 332, 437, 439, 191, 192, 194, 195}
    # truncate rename mkdir rmdir link unlink symlink chmod fchmod chown fchown lchown
    # fchownat linkat symlinkat renameat2
    names |= {76, 82, 83, 84, 86, 87, 88, 90, 91, 92, 93, 94, 260, 265, 266, 316}
    assert passing == names
    i386 = filtered.of(I386)
    for row in i386.rows:
        args = (3, 0, 0, 0, 0, secret)
        assert i386.answer(row.number, args) == i386.expected(row.number, args)
    # Nothing else of the filter is another than without.
    check(_made_by(real_dump, "real"), EVERY_NUMBER)
    free = [n for n in range(600) if real.is_remembered(n)]
    assert all(filtered.is_remembered(number) for number in free)


@pytest.mark.skipif(not ON_X86, reason="the stub is x86_64's")
def test_one_call_passes_where_its_gate_is_in_a_page(
    real_dump: Path, real: Program
) -> None:
    filtered = _made_by(real_dump, "real", secret=1 << 63 | 1)
    clone3, nothing = 435, (0,) * 6
    bases = (0, 0x7F0000000000, 0x123456789000)
    for at in range(4096):
        found = {filtered.answer(clone3, nothing, ip=base + at) for base in bases}
        assert found == {ALLOW if at in (50, 58) else filtered.trace}
    for row in filtered.rows:
        if row.number == clone3:
            continue
        answers = {filtered.answer(row.number, nothing, ip=at) for at in (0, 50, 58)}
        assert len(answers) == 1
    i386 = filtered.of(I386)
    assert i386.answer(clone3, nothing, ip=50) == i386.trace
    # A run without the stub has no gates.
    assert real.answer(clone3, nothing, ip=50) == real.trace


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
