# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees of installed Debian packages, with all that they need: a debootstrap's tree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.places import need_tool

# Not needed by a program that runs, and large.
LEFT_OUT = re.compile(
    r"/usr/share/(doc|man|locale|info|lintian|bug|icons|mime|pixmaps)(/|$)|"
    r"/usr/lib/x86_64-linux-gnu/gconv/|/usr/src/"
)
# Needed to install or to configure, not to run.
NOT_FOLLOWED = (
    "adduser ca-certificates ca-certificates-java debconf dpkg fontconfig-config"
    " install-info mailcap media-types openssl python3-minimal python3-pythran"
    " python3-sympy tzdata"
).split()
# Debian's own interpreter, as its packages name it.
PYTHON = os.path.basename(os.path.realpath("/usr/bin/python3"))
MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")


def copy_packages(tree: Path, names: Iterable[str]) -> None:
    """Copy the files of installed packages, and of those they depend on, into a tree.

    A package that is not installed: skip, and say what is missing.
    """
    tree.mkdir(parents=True, exist_ok=True)
    for name in MERGED:
        if os.path.islink(f"/{name}") and not (tree / name).is_symlink():
            (tree / name).symlink_to(f"usr/{name}")
    words = ["dpkg-query", "-L", *closure(names)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    for line in done.stdout.splitlines():
        if line.startswith("/") and not LEFT_OUT.search(line):
            _copy(line, tree)


def closure(names: Iterable[str]) -> list[str]:
    """The packages and all that they need, as far as installed."""
    needed = _dependencies()
    missing = [name for name in names if name not in needed]
    if missing:
        pytest.skip(f"not installed (Debian: {' '.join(missing)})")
    seen: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name in seen or name not in needed or name in NOT_FOLLOWED:
            continue
        seen.add(name)
        left += needed[name]
    return sorted(seen)


def _dependencies() -> dict[str, list[str]]:
    """What each installed package depends on, alternatives included."""
    fields = "${Package}\t${db:Status-Abbrev}\t${Pre-Depends}, ${Depends}\n"
    words = [need_tool("dpkg-query", "dpkg"), "-W", "-f", fields]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        name, status, needs = line.split("\t")
        if status.startswith("ii"):
            words = [
                re.split(r"[ :(]", one.strip())[0] for one in re.split("[,|]", needs)
            ]
            found.setdefault(name, []).extend(filter(None, words))
    return found


def _copy(source: str, tree: Path) -> None:
    """One file, link or directory to its place, the place itself without links."""
    above, _, name = source.rpartition("/")
    target = tree / (os.path.realpath(above or "/") + "/" + name).lstrip("/")
    if os.path.lexists(target) or not name:
        return
    if os.path.islink(source):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(os.readlink(source))
    elif os.path.isdir(source):
        target.mkdir(parents=True)
    elif os.path.isfile(source) and os.access(source, os.R_OK):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
