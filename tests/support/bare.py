# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs without a C library: so any loader can be their interpreter."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.places import need_tool

_CALL = """
static long call(long number, long a, const void *b, long c)
{
    __asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return number;
}
"""
READ, WRITE, EXIT = 0, 1, 60


def compile_bare(start: str, loader: str, program: Path) -> None:
    """Make `program`, which does `start` by `call(NUMBER, ...)`, three arguments."""
    if os.uname().machine != "x86_64":
        pytest.skip("the numbers and the loader are those of x86_64")
    words = ["-O1", "-nostdlib", "-pie", "-fPIE", f"-Wl,--dynamic-linker={loader}"]
    text = f"{_CALL} void _start(void) {{ {start} call({EXIT}, 0, 0, 0); }}"
    command = [need_tool("gcc"), *words, "-x", "c", "-", "-o", program]
    subprocess.run(command, input=text.encode(), check=True)
