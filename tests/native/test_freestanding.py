# SPDX-License-Identifier: GPL-2.0-or-later
"""What is called freestanding is compiled so: no library, no globals, no I/O."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest

NATIVE = Path(__file__).resolve().parents[2] / "native"
FILES = (
    "path/prefix.c",
    "path/text.c",
    "path/variant.c",
    "path/walk.c",
    "index/check.c",
    "index/checksum.c",
    "index/lookup.c",
    "shown/entry.c",
    "shown/dirent.c",
    "arch/{machine}.c",
)
# A freestanding compiler calls such functions of its own accord, too; whoever links
# these files into a program without a C library brings them along.
MEMORY = {"memcpy", "memcmp", "memchr", "memset"}
FLAGS = (
    "-std=gnu11 -O2 -D_GNU_SOURCE -ffreestanding -fno-builtin -fno-pic"
    " -fno-stack-protector"
).split()


def compile_freestanding(source: Path, folder: Path) -> Path:
    """An object file; one-file programs of the test compile the same way."""
    target = folder / f"{source.parent.name}-{source.stem}.o"
    compiler = shutil.which("cc") or "gcc"
    command = [compiler, *FLAGS, f"-I{NATIVE}", "-c", source, "-o", target]
    subprocess.run(command, check=True)
    return target


def symbols(target: Path) -> tuple[set[str], set[str], set[str]]:
    """Names that an object file needs, defines, and can write to."""
    listed = subprocess.run(["nm", target], check=True, capture_output=True, text=True)
    rows = re.findall(r"(?m)^[0-9a-f ]*([A-Za-z]) (\S+)$", listed.stdout)
    needs = {name for kind, name in rows if kind == "U"}
    written = {name for kind, name in rows if kind in "bBdDcC"}
    return needs, {name for kind, name in rows if kind != "U"}, written


def faults(files: list[Path], folder: Path) -> list[str]:
    """What keeps these files from running without a C library."""
    found: list[str] = []
    needed: set[str] = set()
    defined: set[str] = set()
    for source in files:
        needs, has, written = symbols(compile_freestanding(source, folder))
        needed |= needs
        defined |= has
        found += [f"{source.name} can write to {name}" for name in sorted(written)]
    return found + [f"needs {name}" for name in sorted(needed - defined - MEMORY)]


def test_lookup_and_walk_run_without_a_library(tmp_path: Path) -> None:
    files = [NATIVE / name.format(machine=platform.machine()) for name in FILES]
    assert faults(files, tmp_path) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('int puts(const char *);int f(void){return puts("");}', ["needs puts"]),
        ("int f(void){static int n;return n++;}", ["one.c can write to n"]),
    ],
)
def test_a_library_call_or_a_global_would_be_seen(
    tmp_path: Path, text: str, expected: list[str]
) -> None:
    (tmp_path / "one.c").write_text(text)
    found = faults([tmp_path / "one.c"], tmp_path)
    assert [re.sub(r"\.\d+$", "", line) for line in found] == expected
