# SPDX-License-Identifier: GPL-2.0-or-later
"""How long the argument list of a program of /cvmfs may be."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Any

from tests.support.run import Runner

Configured = Callable[..., list[Any]]

# Words of 1,000 bytes each, with pointer and NUL, that take all but `room`.
ARGUMENTS = """
import os, sys
words = ["x" * 991] * ((os.sysconf("SC_ARG_MAX") - int(sys.argv[2])) // 1000)
pid = os.fork()
if pid == 0:
    try:
        os.execve(sys.argv[1], ["true", *words], {})
    except OSError as error:
        os._exit(error.errno)
print(os.WEXITSTATUS(os.wait()[1]))
"""


def test_all_but_the_longest_argument_lists_fit(
    run: Runner, configured: Configured
) -> None:
    """The kernel counts the path of the object, too."""
    programs = "programs.example.org"
    for room, status in ((os.pathconf("/", "PC_PATH_MAX"), 0), (-4096, errno.E2BIG)):
        words = (f"/cvmfs/{programs}/busybox/busybox", str(room))
        python = ("/usr/bin/python3", "-I", "-c", ARGUMENTS)
        result = run(*python, *words, options=configured(programs)).ok()
        assert result.text == f"{status}\n", result.explain()
