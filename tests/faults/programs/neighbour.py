# SPDX-License-Identifier: GPL-2.0-or-later
"""A neighbour who owns a shared cache and spoils it without a pause.

neighbour.py CACHE TARGET...: each name in CACHE is exchanged, in turn and by chance,
for a link to one of the TARGETs, a FIFO, a directory, a hard link, other bytes, a huge
hole, or another name's file. One line is printed when he has begun.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sys
from collections.abc import Callable

CACHE, TARGETS = sys.argv[1], sys.argv[2:]
CHANCE = random.Random(os.getpid())
_HUGE = 1 << 40


def away(path: str) -> None:
    """Take what is there out of the way."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):
        os.unlink(path)


def link(path: str) -> None:
    away(path)
    os.symlink(CHANCE.choice(TARGETS), path)


def fifo(path: str) -> None:
    away(path)
    os.mkfifo(path, 0o777)


def directory(path: str) -> None:
    away(path)
    os.mkdir(path, 0o777)
    os.chmod(path, 0o777)


def other_bytes(path: str) -> None:
    """Of the same size, and in place if the file is ours."""
    size = os.lstat(path).st_size
    away(path)
    with open(path, "wb") as file:
        file.write(b"EVIL" * (size // 4) + b"!" * (size % 4))
    os.chmod(path, 0o555)


def hole(path: str) -> None:
    away(path)
    with open(path, "wb") as file:
        file.truncate(_HUGE)
    os.chmod(path, 0o555)


def exchange(path: str) -> None:
    """The file of another name gets this one."""
    other = CHANCE.choice(names())
    os.rename(path, path + ".x")
    os.rename(other, path)
    os.rename(path + ".x", other)


def second_name(path: str) -> None:
    os.link(CHANCE.choice(TARGETS), path + ".y")
    os.rename(path + ".y", path)


def nothing(path: str) -> None:
    away(path)


DEEDS: list[Callable[[str], None]] = [
    link,
    link,
    fifo,
    directory,
    other_bytes,
    other_bytes,
    hole,
    exchange,
    second_name,
    nothing,
]


def names() -> list[str]:
    """All paths in the cache, those that were not always there more often."""
    found = []
    for name in os.listdir(CACHE):
        path = os.path.join(CACHE, name)
        found.append(path)
        with contextlib.suppress(OSError):
            inside = [os.path.join(path, inner) for inner in os.listdir(path)]
            found += inside * 20
    return found


def main() -> None:
    print("begun", flush=True)
    while True:
        there = names()
        # Some at a time, or there would be no cache any more.
        for _ in range(3):
            with contextlib.suppress(OSError, IndexError):
                CHANCE.choice(DEEDS)(CHANCE.choice(there))


main()
