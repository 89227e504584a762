# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls leave registers and stacks alone, in threads, children and under signals."""

from __future__ import annotations

import pytest

from tests.differential.conftest import Pair
from tests.support.run import Runner

WAITING = """
import ctypes, errno, os, signal, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
one, other = socket.socketpair()
one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack('ll', 20, 0))
signal.signal(signal.SIGURG, signal.SIG_IGN)
main = os.getpid()
if os.fork() == 0:
    seen = 0
    while seen < 3:
        with open(f'/proc/{main}/stat') as stat:
            seen = seen + 1 if stat.read().rpartition(') ')[2][0] == 'S' else 0
    os.kill(main, signal.SIGURG)
    os._exit(0)
got = libc.recv(one.fileno(), ctypes.create_string_buffer(9), 9, 0)
print(got, errno.errorcode[ctypes.get_errno()])
"""


def test_calls_leave_registers_and_stacks_alone(mounted: Pair) -> None:
    mounted.same("registers")


@pytest.mark.parametrize(
    "program", ["threads", "signals", "ignored_signals", "limited_waits"]
)
def test_calls_disturb_nothing_and_are_not_disturbed(pair: Pair, program: str) -> None:
    pair.same(program)


def test_a_socket_with_a_time_limit_is_interrupted_by_what_is_ignored(
    run: Runner,
) -> None:
    # A deviation: since when it waits only a stop at each such call would tell.
    result = run("/usr/bin/python3", "-I", "-c", WAITING).ok()
    assert result.text == "-1 EINTR\n"
