# SPDX-License-Identifier: GPL-2.0-or-later
"""`interpose trace`: records of native/run/trace.h become lines."""

from __future__ import annotations

import io
import re
import struct

import pytest

pytest.importorskip("ptrace", reason="python-ptrace's tables are not installed")

from interpose.commands import records
from interpose.commands.calls import call_name
from interpose.commands.trace import lines
from interpose.errors import FormatError
from tests.support.places import ROOT

HEADER = struct.Struct("<IIiIqq6QqIIII")
X86_64, I386 = 0xC000003E, 0x40000003
AT_FDCWD = 0xFFFFFF9C
PASS, ANSWER, AT_EXIT = 0, 1, 2
ENTRY, EXIT, AGAIN = 1, 2, 4


def record(
    number: int,
    args: tuple[int, ...],
    verdict: int,
    flags: int = ENTRY,
    path: bytes = b"",
    result: int = 0,
) -> bytes:
    strings = path + b"\0\0\0"
    flags |= 0 if path else 256
    flags |= 512 | 1024
    args += (0,) * (6 - len(args))
    head = (1, HEADER.size, 12, X86_64, number, 0, *args, result, verdict, flags)
    return HEADER.pack(*head, len(strings), 0) + strings


def shown(data: bytes) -> list[str]:
    return list(lines(records.read(io.BytesIO(data))))


def test_an_answered_call_shows_its_result() -> None:
    data = record(4, (16, 32), ANSWER, path=b"/cvmfs/none", result=-2)
    wanted = 'stat("/cvmfs/none", 0x20) = -1 ENOENT'
    assert shown(data) == [f"12 {wanted} (No such file or directory) (answered)"]


def test_a_redirected_call_is_one_line_with_the_descriptor() -> None:
    call = (AT_FDCWD, 4096, 0o2000000)
    data = record(257, call, AT_EXIT, path=b"/cvmfs/x")
    data += record(257, call, PASS, EXIT, result=3)
    assert shown(data) == [
        '12 openat(AT_FDCWD, "/cvmfs/x", O_RDONLY|O_CLOEXEC) = 3 (redirected)'
    ]


def test_a_call_that_runs_again_is_shown_once() -> None:
    data = record(80, (4096,), AT_EXIT, path=b"/cvmfs/x")
    data += record(80, (4096,), PASS, EXIT | AGAIN, result=80)
    data += record(80, (4096,), AT_EXIT, path=b"/cvmfs/x")
    data += record(80, (4096,), PASS, EXIT, result=0)
    assert shown(data) == ['12 chdir("/cvmfs/x") = 0 (redirected)']


def test_a_path_cannot_break_the_line() -> None:
    (line,) = shown(record(80, (1,), PASS, path=b'a\n"\xff'))
    assert line == '12 chdir("a\\012\\042\\377") = ? (left to the kernel)'


def test_an_unknown_call_is_shown_by_its_number() -> None:
    assert shown(record(9999, (1, 2), PASS)) == [
        "12 syscall_9999(1, 2, 0, 0, 0, 0) = ? (left to the kernel)"
    ]


def test_a_record_that_is_cut_off_at_the_end_is_left_out() -> None:
    data = record(80, (1,), PASS, path=b"a")
    for end in range(len(data)):
        assert shown(data + data[:end]) == ['12 chdir("a") = ? (left to the kernel)']


def test_something_else_is_no_trace() -> None:
    with pytest.raises(FormatError):
        shown(b"x" * 200)


def test_every_call_of_i386_has_its_name() -> None:
    text = (ROOT / "native/syscalls/numbers_i386.h").read_text()
    numbers = re.findall(r"#define I386_(\w+) (\d+)$", text, re.MULTILINE)
    assert len(numbers) > 100
    found = {name: call_name(I386, int(number)) for name, number in numbers}
    assert {name for name, shown in found.items() if shown != name} == set()
