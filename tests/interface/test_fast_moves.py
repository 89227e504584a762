# SPDX-License-Identifier: GPL-2.0-or-later
"""What the stub has to know of a process: where it is, its memory, its threads."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fast import same
from tests.support.fasttree import LOOK, TOP, made_options, publish
from tests.support.keeper import own_directory
from tests.support.run import Runner

PYTHON = ("/usr/bin/python3", "-I", "-c")
Options = list[Any]

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the stub is x86_64's"
)


@pytest.fixture(scope="module")
def options() -> Iterator[Options]:
    with own_directory("interpose-fast-") as top:
        yield made_options(publish(top))


OVER = (
    LOOK
    + """
def over(function, name, *words):
    buffer = ctypes.create_string_buffer(name, 8192)
    ctypes.set_errno(0)
    words = [buffer if word == "over" else word for word in words]
    return function(*words), ctypes.get_errno()
statx = libc.statx
at, file = (os.open(sys.argv[1] + rest, os.O_RDONLY) for rest in ("/dir", "/README"))
os.chdir(sys.argv[1] + "/dir")
for _ in range(3):
    names = [os.fsencode(sys.argv[1]) + rest for rest in (b"/README", b"/no", b"")]
    for name in (*names, b"/etc/passwd", b"/", b"/dev/null", b"nested", b".", b"..",
                 b"nested/f", os.fsencode(sys.argv[2])):
        print(name, over(statx, name, at, "over", 0, 0x7ff, "over"))
        print(name, over(libc.readlink, name, "over", "over", 100))
    for fd in (at, file):
        print(over(statx, b"", fd, "over", 0x1000, 0x7ff, "over"))
    print(over(libc.readlink, sys.argv[1].encode() + b"/no", "over", "over", 0))
    print(over(libc.readlink, b"/nowhere", "over", "over", 0))
"""
)


def test_an_answer_may_lie_over_its_name(
    run: Runner, options: Options, place: Path
) -> None:
    """The kernel takes the name before it writes."""
    read_only = place / "like-an-object"
    read_only.write_text("x")
    read_only.chmod(0o444)
    result = same(run, *PYTHON, OVER, TOP, read_only, options=options)
    assert result.text.count("(0, 0)") > 20


def test_who_opens_an_index_file_has_its_name(run: Runner, options: Options) -> None:
    script = """
import os, sys
for _ in range(3):
    os.stat(sys.argv[2])
folder = sys.argv[1] + "/index/"
for name in os.listdir(folder):
    fd = os.open(folder + name, os.O_RDONLY)
    print(os.readlink(f"/proc/self/fd/{fd}") == folder + name)
"""
    result = same(run, *PYTHON, script, run.cache, f"{TOP}/dir/nested", options=options)
    assert set(result.text.split()) == {"True"}


def test_a_fork_knows_where_it_is_whatever_other_threads_do(
    run: Runner, options: Options, compiled: Path
) -> None:
    """A thread moves while another forks; the child moves, too, and looks around."""
    words = (compiled / "fork_and_move", f"{TOP}/dir", f"{TOP}/dir/nested", "60")
    assert same(run, *words, options=options).text == "wrong 0\n"
