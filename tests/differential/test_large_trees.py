# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees deeper than a path may be long, and directories with very many entries."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.forger import LONG_NAME, Forger
from tests.support.published import Publisher
from tests.support.run import Runner
from tests.support.web import Server

Serve = Callable[[Path], Server]
PYTHON = ("/usr/bin/python3", "-I", "-c")
LEVELS, ENTRIES, OPEN_AT_ONCE = 20, 100_000, 10_000
FILES_OF_A_DIRECTORY, GIB = 1000, 1 << 30
# Making the index holds entries and names; reading it holds what was looked at.
MOST_MEMORY_BYTES = {"cold": 5 * GIB // 2, "warm": GIB // 8}
# Walks down by descriptors; then all that it does has no path that fits.
DOWN = """
import os, sys
here = os.open(sys.argv[1], os.O_RDONLY)
names = []
while (found := os.listdir(here)) != ['end']:
    names += found
    here = os.open(found[0], os.O_RDONLY, dir_fd=here)
def outcome(call, *words):
    try:
        return call(*words)
    except OSError as error:
        return error.strerror
print(os.stat('end', dir_fd=here).st_size, os.listdir(here))
os.fchdir(here)
print(os.path.exists('end'), os.path.samefile('.', '../' + names[-1]))
print(open('end').read(), os.access('end', os.X_OK), os.stat('../..').st_nlink)
print(len(os.getcwd()) - len(sys.argv[1]))
for link in ('/proc/self/cwd', f'/proc/self/fd/{here}'):
    print(outcome(os.readlink, link), outcome(os.stat, link) != 0)
print(outcome(os.stat, '/'.join([sys.argv[1], *names])))
os.chdir('../..')
print(sorted(os.listdir('.')) == names[-2:-1], os.path.exists(names[-2]))
"""
# Every entry by several ways through one listing.
WIDE = """
import os, resource, sys
top = sys.argv[1]
names = os.listdir(top)
print(len(names), len(set(names)), min(names), max(names))
with os.scandir(top) as entries:
    print(sum(entry.is_file() for entry in entries))
first = [entry.name for _, entry in zip(range(5000), os.scandir(top))]
print(first == names[:5000], os.stat(f'{top}/{names[-1]}').st_size)
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
count = min(int(sys.argv[2]), hard - 100)
many = [os.open(top, os.O_RDONLY) for _ in range(count)]
print(len({os.fstat(fd).st_ino for fd in many}), len(os.listdir(many[-1])))
"""


def deep(top: Path) -> None:
    """A tree whose last directory has a path of almost 4096 bytes below `top`."""
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for name in [*("d" * 200 for _ in range(LEVELS)), "e" * 60]:
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    end = os.open("end", os.O_WRONLY | os.O_CREAT, dir_fd=here)
    os.write(end, b"deep down\n")
    os.close(end)
    os.close(here)


def test_a_tree_deeper_than_a_path_may_be_long_works_in_cvmfs(
    run: Runner, serve: Serve, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By steps of openat and by relative names, as natively; whole it is too long."""
    fqrn = "deep.example.org"
    monkeypatch.chdir(place)
    deep(Path("t"))
    made = Publisher(place)
    made.publish(Path("t"), fqrn)
    options = made.options(fqrn, serve(made.storage).url)
    words = [*PYTHON, DOWN, str(place / "t")]
    native = subprocess.run(words, check=False, capture_output=True)
    assert native.returncode == 0, native.stderr
    assert native.stdout.count(b"File name too long") == 3
    result = run(*PYTHON, DOWN, f"/cvmfs/{fqrn}", options=options).ok()
    assert result.stdout == native.stdout
    subprocess.run(["rm", "-rf", "t"], check=True)


@pytest.mark.long
def test_a_directory_of_100000_entries_is_listed_as_natively(
    run: Runner, serve: Serve, place: Path
) -> None:
    fqrn = "wide.example.org"
    tree = place / "tree"
    tree.mkdir()
    for number in range(ENTRIES):
        (tree / f"{number:06}").touch()
    made = Publisher(place)
    made.publish(tree, fqrn)
    options = made.options(fqrn, serve(made.storage).url)
    words = (str(OPEN_AT_ONCE),)
    native = subprocess.run(
        [*PYTHON, WIDE, str(tree), *words], check=True, capture_output=True
    )
    result = run(*PYTHON, WIDE, f"/cvmfs/{fqrn}", *words, options=options).ok()
    assert result.stdout == native.stdout


# Some directories of many, one listed whole, one file read.
FEW = """
import os, sys
top, directories, files = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
print(len(os.listdir(top)))
for number in (0, directories // 2, directories - 1):
    names = sorted(os.listdir(f"{top}/{number}"))
    print(len(names), names[0], os.stat(f"{top}/{number}/{names[-1]}").st_size)
print(open(f"{top}/7/{names[0]}").read(), os.path.exists(f"{top}/{directories}"))
"""


@pytest.mark.long
def test_a_catalog_of_a_gigabyte_is_served_in_bounded_memory(
    run: Runner, serve: Serve, place: Path
) -> None:
    fqrn = "gigabyte.example.org"
    tree = place / "tree"
    (tree / "folder").mkdir(parents=True)
    (tree / "file").write_text("content")
    made = Publisher(place)
    made.publish(tree, fqrn)
    forger = Forger(
        made.storage / "cvmfs" / fqrn, place / "docroot", made.keys / f"{fqrn}.key"
    )
    count = forger.grow(GIB, FILES_OF_A_DIRECTORY)
    options = made.options(fqrn, serve(forger.docroot).url)
    words = (f"/cvmfs/{fqrn}", str(count), str(FILES_OF_A_DIRECTORY))
    for turn, most in MOST_MEMORY_BYTES.items():
        result = run(
            *(*PYTHON, FEW, *words), options=options, timeout_s=1200, stats=True
        ).ok()
        lines = result.text.splitlines()
        assert lines[0] == str(count + 2), turn
        wanted = f"{FILES_OF_A_DIRECTORY} {LONG_NAME}0 7"
        assert lines[1:] == [wanted] * 3 + ["content False"], turn
        # A warm job asks nothing, so it has no resolver.
        resolver = result.stats["resolver"] or {}
        memory = resolver.get("max_rss_bytes", 0)
        print(f"{turn}: resolver {memory >> 20} MiB, {count} directories")
        assert memory < most, turn
