# SPDX-License-Identifier: GPL-2.0-or-later
"""Which places of a program's text are patched."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.fast import NEEDS_STUB, fast, figures, same
from tests.support.fasttree import TOP, made_options, publish
from tests.support.places import need_tool
from tests.support.run import Runner

pytestmark = NEEDS_STUB

FROM_THE_STACK = r"""
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
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
int main(int argc, char **argv)
{
    struct stat st;
    char text[64];
    for (int i = argc > 2 ? 20 * (argc - 1) : 0; i > 0; i--) {
        int fd = made(SYS_open, argv[i % (argc - 1) + 1], 0);
        long size = fd < 0 ? 0 : read(fd, text, sizeof(text));
        printf("%d %ld %.*s\n", fd, size, size < 0 ? 0 : (int)size, text);
        printf("%ld\n", fd < 0 ? 0 : made(SYS_fstat, (void *)(long)fd, &st));
        printf("%o %ld\n", st.st_mode, (long)st.st_size);
        close(fd);
    }
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


def linked(place: Path, name: str, more: str = "") -> Path:
    """The program, and a library `name` that makes its calls."""
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
    return program


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
    program = linked(place, name, more)
    result = fast(run, program)
    stops, calls = figures(result)
    assert result.text == "0 1\n"
    assert (calls >= 1000) == patched
    assert (stops < 100) == patched


# 128 places of 8 bytes on both sides of the 64 KiB that are read at a time.
IN_A_ROW = r"""
__asm__(".text\n.globl row\n.type row, @function\n.skip 65536 - 512, 0xcc\nrow:\n"
        ".rept 128\nmov $4,%eax\nsyscall\nret\n.endr");
"""
ROW = r"""
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
long row(const char *, void *);
int main(int argc, char **argv)
{
    struct stat st;
    long sum = 0;
    for (int i = 0; i < atoi(argv[argc - 1]) * 8; i += 8)
        sum += ((long (*)(const char *, void *))((char *)row + i))("/etc/passwd", &st);
    printf("%ld\n", sum);
}
"""


def test_places_are_found_wherever_in_a_text_they_are(run: Runner, place: Path) -> None:
    """All at once: each that is not found is a stop more."""
    library, program = place / "librow.so", place / "row"
    gcc = [need_tool("gcc"), "-x", "c", "-", "-o"]
    subprocess.run(
        [*gcc, library, "-shared", "-fPIC", "-nostdlib"],
        input=IN_A_ROW,
        text=True,
        check=True,
    )
    words = [*gcc, program, "-fPIC", "-x", "none", library, f"-Wl,-rpath,{place}"]
    subprocess.run(words, input=ROW, text=True, check=True)
    one, row = (fast(run, program, number) for number in ("1", "128"))
    assert one.text == row.text == "0\n"
    assert figures(row)[0] == figures(one)[0]
    assert figures(row)[1] == figures(one)[1] + 127


def test_a_file_is_opened_anew_at_a_place_with_the_number_on_the_stack(
    run: Runner, place: Path
) -> None:
    """Each for the first time by one stop, after which the stub opens it."""
    (place / "published").mkdir()
    options = made_options(publish(place / "published"))
    program = linked(place, "libc.so.mine")
    names = ("README", "dir/nested/f", "dir/nested/inner/g", "dir/plain/p", "across")
    files = [f"{TOP}/{name}" for name in (*names, "none", "dir/nested")]
    few, all_of_them = (
        same(run, program, *some, options=options) for some in (files[:2], files)
    )
    assert all_of_them.text.count("dir/nested/inner/g") == 20
    # A call that is made anew is one that the tracer has answered.
    assert few.stats["tracer"]["answered"] == 2
    assert all_of_them.stats["tracer"]["answered"] >= 3
    assert figures(all_of_them)[0] - figures(few)[0] < 5 * len(files)
    assert figures(all_of_them)[1] > 30 * len(files)
