# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees of whole Debian releases, as debootstrap makes them, and what runs in them.

Packages come from where this machine gets its own; Python's from where its pip does.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import house
from tests.support.places import need_shared, need_tool

# What README asks for on a fresh machine, and what pip needs to reach its index.
PACKAGES = "make,git,gcc,libc6-dev,python3-venv,python3-dev,ca-certificates,xz-utils"
SETTINGS = ("etc/resolv.conf", "etc/hosts", "etc/pip.conf")
AUTHORITIES = "etc/ssl/certs/ca-certificates.crt"
# Everything in namespaces of its own: nothing is left mounted or running. Nothing is
# mounted at the root: the tree is a directory of a larger file system, as in a chroot.
# The stub is given to every process at once: each release has another C library.
ENTER = """
mount -t proc proc "$0/proc" || exit
mount --rbind /dev "$0/dev" && mount --rbind /sys "$0/sys" || exit
exec chroot "$0" /usr/bin/env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \\
    HOME=/root LC_ALL=C.UTF-8 PIP_CERT=/{authorities} INTERPOSE_SHARED=/shared \\
    INTERPOSE_FASTPATH_AFTER=1 sh -c 'cd /checkout && exec sh -c "$0"' "$1"
"""


class Release:
    """A tree with a release, this checkout in `/checkout` and `/shared`."""

    def __init__(self, tree: Path, suite: str) -> None:
        self.tree = tree
        make_tree(tree, suite, f"--include={PACKAGES}")
        for name in (*SETTINGS, AUTHORITIES):
            if (Path("/") / name).exists():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(Path("/") / name, tree / name)
        copy_project(tree)

    def run(self, command: str) -> None:
        """Run a shell command in /checkout; fail with the end of what it said."""
        enter = ENTER.format(authorities=AUTHORITIES)
        words = ["unshare", "-m", "-p", "-f", "--kill-child", "sh", "-c", enter]
        done = subprocess.run(
            [*words, str(self.tree), command],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-6000:]}"


def copy_project(tree: Path) -> None:
    """This checkout and the shared notes, in `/checkout` and `/shared` of a tree."""
    for path in house.sources(""):
        copy = tree / "checkout" / house.name(path)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)
    shutil.copytree(need_shared(), tree / "shared")


def make_tree(tree: Path, suite: str, *options: str) -> None:
    """The smallest tree of a release, or skip with the reason."""
    words = [need_tool("debootstrap"), "--variant=minbase", *options]
    words += [suite, str(tree), _archive()]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"debootstrap {suite}: {done.stdout[-300:]}")


def _archive() -> str:
    """Where this machine's own packages come from."""
    sources = Path("/etc/apt").glob("sources.list*")
    files = [
        path for one in sources for path in ([one] if one.is_file() else one.iterdir())
    ]
    for path in sorted(files):
        found = re.search(r"(?m)^(?:URIs:|deb(?: \[.*?\])?) *(\S+)", path.read_text())
        if found and "security" not in found.group(1):
            return found.group(1)
    return pytest.skip("no archive of packages is named below /etc/apt")
