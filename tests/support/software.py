# SPDX-License-Identifier: GPL-2.0-or-later
"""Software of the machine in /cvmfs: each tree is made and published once a session."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.debian import copy_packages
from tests.support.published import Publisher


@dataclass(frozen=True)
class Tree:
    """A repository: Debian packages with what they need, and what `add` puts in."""

    packages: str = ""
    add: Callable[[Path, str], None] | None = None  # the tree, and where jobs see it


@dataclass(frozen=True)
class Software:
    """The trees below one place that all workers of a session share."""

    place: Path
    trees: Mapping[str, Tree]

    @property
    def publisher(self) -> Publisher:
        return Publisher(self.place)

    @property
    def cache(self) -> Path:
        """One private cache for all runs, as on a node."""
        return self.place / "cache"

    def tree(self, name: str) -> Path:
        """The plain directory of a tree, made and published if it was not yet."""
        self.place.mkdir(exist_ok=True)
        self.publisher.storage.mkdir(exist_ok=True)
        wanted = self.place / "trees" / name
        failed = self.place / f"{name}.skipped"
        with (self.place / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if failed.exists():
                pytest.skip(failed.read_text())
            if not (self.place / f"{name}.done").exists():
                try:
                    self._make(name, wanted)
                except pytest.skip.Exception as reason:
                    failed.write_text(str(reason))
                    raise
                (self.place / f"{name}.done").touch()
        return wanted

    def _make(self, name: str, tree: Path) -> None:
        tree.mkdir(parents=True)
        one = self.trees[name]
        if one.packages:
            copy_packages(tree, one.packages.split())
        if one.add is not None:
            one.add(tree, f"/cvmfs/{fqrn(name)}")
        _whole_seconds(tree)
        self.publisher.publish(tree, fqrn(name), "--uncompressed")


def fqrn(name: str) -> str:
    """The repository of a tree."""
    return f"{name}.example.org"


def _whole_seconds(tree: Path) -> None:
    """Let the plain tree have the times that a catalog can hold."""
    for above, directories, files in os.walk(tree, topdown=False):
        for name in [*directories, *files]:
            path = os.path.join(above, name)
            when = int(os.lstat(path).st_mtime)
            os.utime(path, (when, when), follow_symlinks=False)
    when = int(tree.stat().st_mtime)
    os.utime(tree, (when, when))
