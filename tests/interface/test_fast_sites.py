# SPDX-License-Identifier: GPL-2.0-or-later
"""Which places of a program's text are patched."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import pytest

from tests.support.fast import fast, figures
from tests.support.places import need_tool
from tests.support.run import Runner

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the stub is x86_64's"
)

FROM_THE_STACK = r"""
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
long made(long number, const void *a, const void *b)
{
    long result;
    __asm__ volatile("sub $256, %%rsp\n\tmov %1, 16(%%rsp)\n\tmov 16(%%rsp), %%rax\n\t"
             "syscall\n\tadd $256, %%rsp"
             : "=&a"(result) : "r"(number), "D"(a), "S"(b)
             : "rcx", "r11", "memory");
    return result;
}
#ifdef MAIN
int main(void)
{
    struct stat st;
    long sum = 0;
    for (int i = 0; i < 1000; i++)
        sum += made(SYS_stat, "/etc/passwd", &st) + (made(SYS_getppid, 0, 0) <= 0);
    printf("%ld %d\n", sum, st.st_size > 0);
}
#endif
"""


# The note that Go's linkers leave.
GO = r"""
__asm__(".pushsection .note.go.buildid, \"a\", @note\n"
        ".long 4, 4, 4\n.ascii \"Go\\0\\0abcd\"\n.popsection");
"""


@pytest.mark.parametrize(
    ("name", "more", "patched"),
    [
        ("libc.so.mine", "", True),
        ("libother.so", "", False),
        ("libc.so.mine", GO, False),
    ],
    ids=["the C library", "another", "Go"],
)
def test_the_c_library_alone_may_take_the_number_from_the_stack(
    run: Runner, place: Path, name: str, more: str, patched: bool
) -> None:
    """As glibc 2.41 has it, for all calls at which a thread may be cancelled."""
    library, program = place / name, place / "from-the-stack"
    gcc = [need_tool("gcc"), "-x", "c", "-", "-o"]
    subprocess.run(
        [*gcc, str(library), "-shared", "-fPIC", "-Wl,-soname,mine"],
        input=FROM_THE_STACK + more,
        text=True,
        check=True,
    )
    (place / "mine").symlink_to(name)
    words = [*gcc, str(program), "-DMAIN", "-x", "none", str(library)]
    text = FROM_THE_STACK.replace("long made(", "long made_here(", 1)
    text = text.replace(
        "int main", "long made(long, const void *, const void *);int main"
    )
    subprocess.run([*words, f"-Wl,-rpath,{place}"], input=text, text=True, check=True)
    result = fast(run, program)
    stops, calls = figures(result)
    assert result.text == "0 1\n"
    assert (calls >= 1000) == patched
    assert (stops < 100) == patched
