# SPDX-License-Identifier: GPL-2.0-or-later
"""Places at which libraries make calls are kept in the private cache, by build-id."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from interpose.cache import inventory
from tests.support.fast import NEEDS_STUB, fast, figures
from tests.support.places import need_tool
from tests.support.run import Result, Runner

pytestmark = NEEDS_STUB

PLACES = 64
# Each place is 8 bytes: a stat, or a function that gives 0 and makes no call.
LIBRARY = r"""
__asm__(".text\n.globl row\n.type row, @function\n.skip 16, 0xcc\nrow:\n"
        ".rept CALLS\nmov $4,%eax\nsyscall\nret\n.endr\n"
        ".rept 64 - CALLS\nmov $0,%eax\nnop\nnop\nret\n.endr");
"""
PROGRAM = r"""
#include <stdio.h>
#include <sys/stat.h>
long row(const char *, void *);
int main(void)
{
    struct stat st;
    long sum = 0;
    for (int i = 0; i < 64 * 8; i += 8)
        sum += ((long (*)(const char *, void *))((char *)row + i))("/etc/passwd", &st);
    printf("%ld\n", sum);
}
"""


@pytest.fixture
def row(run: Runner, place: Path) -> Callable[[int], Result]:
    """Runs a program whose library has so many calls in a row, and one build-id."""
    gcc = [need_tool("gcc"), "-x", "c", "-", "-fPIC", "-o"]
    options = ["-shared", "-nostdlib", "-Wl,--build-id=0x" + "5e" * 20]
    kept(run).parent.mkdir(parents=True, mode=0o700)

    def start(calls: int) -> Result:
        library, program = place / f"{calls}/librow.so", place / f"{calls}/row"
        if not program.exists():
            library.parent.mkdir()
            text = LIBRARY.replace("CALLS", str(calls))
            words = [*gcc, library, *options]
            subprocess.run(words, input=text, text=True, check=True)
            words = [*gcc, program, "-x", "none", library]
            words.append(f"-Wl,-rpath,{library.parent}")
            subprocess.run(words, input=PROGRAM, text=True, check=True)
        result = fast(run, program)
        assert result.text == "0\n"
        return result

    return start


def kept(run: Runner) -> Path:
    return inventory.SITES.below(run.cache)


def test_a_second_run_believes_the_first_and_compares(
    run: Runner, row: Callable[[int], Result]
) -> None:
    """Another library of the same build-id has one place less, or what is no call."""
    few = figures(row(1))[0]
    assert kept(run).stat().st_mode & 0o777 == 0o600
    assert figures(row(1))[0] == few
    # Only the first one is looked for; the others are met one by one.
    met, calls = figures(row(PLACES))
    assert met - few >= PLACES - 1
    kept(run).unlink()
    found, more = figures(row(PLACES))
    assert found == few
    assert more == calls + met - found
    # Those that are no calls are not patched, and the program goes its way.
    assert figures(row(1))[0] == few


def zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def halves(path: Path) -> None:
    """As of two that wrote at once, or of one that was killed."""
    content = bytearray(path.read_bytes())
    for at in range(0, len(content), 64):
        content[at : at + 8] = bytes(8)
    path.write_bytes(content)


def cut(path: Path) -> None:
    os.truncate(path, 100)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link(path: Path) -> None:
    moved = path.rename(path.with_name("moved"))
    path.symlink_to(moved)


def open_to_all(path: Path) -> None:
    path.chmod(0o666)


def gone(path: Path) -> None:
    path.unlink()
    path.parent.rmdir()


HARMS = (zeros, halves, cut, folder, fifo, link, open_to_all, gone)


@pytest.mark.parametrize("harm", HARMS)
def test_what_is_damaged_or_no_file_of_ours_is_read_anew(
    run: Runner, row: Callable[[int], Result], harm: Callable[[Path], None]
) -> None:
    fresh = figures(row(PLACES))
    kept(run).unlink()
    row(1)
    harm(kept(run))
    assert figures(row(PLACES)) == fresh


def test_runs_that_start_together_keep_the_same(
    run: Runner, row: Callable[[int], Result]
) -> None:
    alone = figures(row(PLACES))
    kept(run).unlink()
    with ThreadPoolExecutor(8) as pool:
        assert {figures(one) for one in pool.map(row, [PLACES] * 16)} == {alone}
    size = kept(run).stat().st_size
    assert figures(row(PLACES)) == alone
    assert kept(run).stat().st_size == size < 170_000
