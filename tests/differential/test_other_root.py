# SPDX-License-Identifier: GPL-2.0-or-later
"""A process with another root is left to the kernel, with one line (decisions 30).

covers: chroot pivot_root
"""

from __future__ import annotations

import os

import pytest

from tests.support.run import Runner

NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may change its /")
LINE = "/cvmfs is not shown to a process with another root"
CHROOT = """
import os
os.chroot("/")
for path in ("/cvmfs", "/cvmfs/a.b", "/cvmfsx", "/"):
    print(path, os.path.exists(path))
"""
PIVOT = """
import ctypes, os
try:
    os.stat("/cvmfs")
finally:
    print(ctypes.CDLL(None, use_errno=True).syscall(155, b"/none", b"/none"))
    print(os.path.exists("/cvmfs"))
"""


@NEEDS_ROOT
def test_after_chroot_the_kernel_answers_and_one_line_says_so(run: Runner) -> None:
    result = run("/usr/bin/python3", "-I", "-c", CHROOT).ok()
    there = os.path.exists("/cvmfs")
    wanted = [f"/cvmfs {there}", "/cvmfs/a.b False", "/cvmfsx False", "/ True"]
    assert result.text.splitlines() == wanted
    assert [line for line in result.messages if LINE in line] == result.messages
    assert len(result.messages) == 1


def test_a_refused_pivot_root_changes_nothing(run: Runner) -> None:
    result = run("/usr/bin/python3", "-I", "-c", PIVOT).ok()
    assert result.text.splitlines() == ["-1", "True"]
    assert result.messages == []
