# SPDX-License-Identifier: GPL-2.0-or-later
"""How many files of a tree are twins, and how large (docs/decisions/0022).

`python -m benchmarks.twins [TREE...]`: files with bytes that another file has, too,
without the first of each kind; names of one file are one. By default of this machine.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import sysconfig
from collections import Counter
from pathlib import Path

HEAD = f"{'files':>8} {'twins':>8} {'of 0':>8} {'bytes':>12} {'largest':>12}  tree"
LARGEST = 16 << 20  # TWINS_LARGEST of native/run/twins.h


def trees() -> list[Path]:
    """A Python, its installed packages, programs and libraries."""
    names = [sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")]
    return [Path(name) for name in (*names, "/usr/lib", "/usr/share")]


def contents(tree: Path) -> Counter[tuple[str, int]]:
    """How many files have each content (its hash, its size)."""
    found: Counter[tuple[str, int]] = Counter()
    seen: set[tuple[int, int]] = set()
    for folder, _, names in os.walk(tree):
        for name in names:
            path = Path(folder, name)
            try:
                st = path.lstat()
                if not stat.S_ISREG(st.st_mode) or (st.st_dev, st.st_ino) in seen:
                    continue
                digest = hashlib.sha1(path.read_bytes(), usedforsecurity=False)
            except OSError:
                continue
            seen.add((st.st_dev, st.st_ino))
            found[digest.hexdigest(), st.st_size] += 1
    return found


def line(tree: Path) -> str:
    """One line of the table."""
    found = contents(tree)
    sizes = [size for (_, size), count in found.items() for _ in range(count - 1)]
    figures = f"{sum(found.values()):8} {len(sizes):8} {sizes.count(0):8}"
    too_large = sum(size > LARGEST for size in sizes)
    more = f"  ({too_large} larger than may be copied)" if too_large else ""
    return f"{figures} {sum(sizes):12} {max(sizes, default=0):12}  {tree}{more}"


if __name__ == "__main__":
    print(HEAD)
    for one in [Path(word) for word in sys.argv[1:]] or trees():
        print(line(one))
