# SPDX-License-Identifier: GPL-2.0-or-later
"""A random tree, and the directory of the host that random steps change."""

from __future__ import annotations

import os
import random
import shutil
import socket
import stat
from dataclasses import dataclass, field
from pathlib import Path

from tests.differential.namespaces import IS_ROOT, forbidden

MTIME_S = 1_500_000_000
SIZES = (0, 1, 100, 4095, 4096, 4097, 30_000, 70_000)
MODES = (0o644, 0o644, 0o755, 0o600, 0o444, 0o000, 0o4755, 0o2755, 0o711)
DIRECTORY_MODES = (0o755, 0o755, 0o755, 0o700, 0o711, 0o000, 0o1777, 0o555)
NAMES = (b"a", b"b", b"c", b"file", b"x.y", b"...", b"\xff\xfe", b"new\nline", b" ")
LONGEST = b"n" * 255
OWNERS = ((0, 0), (0, 0), (1234, 2345), (65534, 65534))


@dataclass
class Shape:
    """What is where in a tree: paths relative to its root."""

    directories: list[bytes] = field(default_factory=list)
    files: list[bytes] = field(default_factory=list)
    links: list[bytes] = field(default_factory=list)
    specials: list[bytes] = field(default_factory=list)

    @property
    def all(self) -> list[bytes]:
        return self.directories + self.files + self.links + self.specials


class _Grower:
    """Makes a tree at `tree`, which will be seen at `shown`."""

    def __init__(self, tree: Path, shown: str, work: Path, seed: int) -> None:
        self.tree = os.fsencode(tree)
        self.shown = os.fsencode(shown)
        self.work = os.fsencode(work)
        self.rng = random.Random(seed)
        self.shape = Shape()
        self.modes: list[tuple[bytes, int]] = []

    def grow(self) -> Shape:
        os.makedirs(self.tree)
        self._directories(b"", 0)
        for directory in [b"", *self.shape.directories]:
            self._files(directory)
        for directory in [b"", *self.shape.directories]:
            self._links(directory)
        self._plain()
        self._specials()
        self._nested()
        self._finish()
        return self.shape

    def _path(self, name: bytes) -> bytes:
        return os.path.join(self.tree, name)

    def _fresh(self, directory: bytes) -> bytes:
        rng = self.rng
        while True:
            name = rng.choice([*NAMES, b"d%d" % rng.randrange(30), LONGEST])
            path = os.path.join(directory, name)
            if not os.path.lexists(self._path(path)):
                return path

    def _directories(self, directory: bytes, depth: int) -> None:
        if depth == 4:
            return
        for _ in range(self.rng.choice((1, 2, 3) if depth < 2 else (0, 0, 1))):
            path = self._fresh(directory)
            os.mkdir(self._path(path))
            self.shape.directories.append(path)
            self.modes.append((path, self.rng.choice(DIRECTORY_MODES)))
            self._directories(path, depth + 1)

    def _files(self, directory: bytes) -> None:
        rng = self.rng
        for _ in range(rng.choice((0, 1, 2, 4))):
            path = self._fresh(directory)
            # Catalogs know hard links within one directory alone.
            beside = [
                one for one in self.shape.files if os.path.dirname(one) == directory
            ]
            if beside and rng.random() < 0.3:
                os.link(self._path(rng.choice(beside)), self._path(path))
            else:
                size = rng.choice(SIZES)
                with open(self._path(path), "wb") as file:
                    file.write(bytes(rng.choice((0, 7)) * i % 251 for i in range(size)))
                self.modes.append((path, rng.choice(MODES)))
            self.shape.files.append(path)

    def _target(self, path: bytes) -> bytes:
        rng = self.rng
        entry = rng.choice(self.shape.all)
        here = os.path.dirname(path) or b"."
        return rng.choice(
            [
                os.path.relpath(entry, here),
                os.path.relpath(entry, here) + b"/",
                self.shown + b"/" + entry,
                os.path.basename(path),
                b"none",
                b".." if b"/" in path else b".",
                self.shown + b"/none/none",
                self.work + rng.choice((b"", b"/file", b"/dir", b"/in", b"/none")),
                self.shown + b"/../.." + self.shown + b"/" + entry,
                b"/proc/self/cwd",
                b"x/" * 2000 + b"x",
                b"../" * rng.randrange(12) + b"usr",
            ]
        )

    def _links(self, directory: bytes) -> None:
        for _ in range(self.rng.choice((0, 1, 2, 3))):
            path = self._fresh(directory)
            if self.shape.all:
                os.symlink(self._target(path), self._path(path))
                self.shape.links.append(path)

    def _plain(self) -> None:
        """What every tree has."""
        with open(self._path(b"plain"), "wb") as file:
            file.write(b"plain\n" * 100)
        self.shape.files.append(b"plain")

    def _specials(self) -> None:
        rng = self.rng
        path = self._fresh(b"")
        os.mkfifo(self._path(path), 0o644)
        self.shape.specials.append(path)
        here = os.getcwd()
        with socket.socket(socket.AF_UNIX) as made:
            os.chdir(self.tree)
            try:
                made.bind(b"so")
            finally:
                os.chdir(here)
        self.shape.specials.append(b"so")
        if IS_ROOT:
            path = self._fresh(b"")
            kind = rng.choice((stat.S_IFCHR, stat.S_IFBLK))
            os.mknod(self._path(path), 0o666 | kind, os.makedev(1, 3))
            self.shape.specials.append(path)

    def _nested(self) -> None:
        for path in self.shape.directories:
            if self.rng.random() < 0.2:
                with open(self._path(path + b"/.cvmfscatalog"), "wb"):
                    self.shape.files.append(path + b"/.cvmfscatalog")

    def _finish(self) -> None:
        """Owners, modes and times, from the leaves to the root."""
        rng = self.rng
        for path in reversed([b"", *self.shape.all]):
            if IS_ROOT:
                owner = rng.choice(OWNERS)
                os.chown(self._path(path), *owner, follow_symlinks=False)
        for number, path in enumerate(sorted(self.shape.all, reverse=True)):
            when = (MTIME_S + number, MTIME_S + number)
            os.utime(self._path(path), when, follow_symlinks=False)
        for path, mode in reversed(self.modes):
            least = (0o500 if path in self.shape.directories else 0o400) * bool(
                forbidden()
            )
            os.chmod(self._path(path), mode | least)
        os.chmod(self.tree, 0o755)
        os.utime(self.tree, (MTIME_S, MTIME_S))


def grow(tree: Path, shown: str, work: Path, seed: int) -> Shape:
    """Make a random tree; what it looks like depends on `seed` alone."""
    return _Grower(tree, shown, work, seed).grow()


def furnish(
    changing: Path, work: Path, shown: str, shape: Shape, uid: int | None = None
) -> None:
    """Make the directory of the host anew: plain things, and links into the tree.

    changing: the directory around it, which is emptied too but stays: it is mounted.
    uid: whose all of it is; ours without.
    """
    os.chmod(changing, 0o755)
    for parent, names, _ in os.walk(changing):
        for name in names:
            if not os.path.islink(os.path.join(parent, name)):
                os.chmod(os.path.join(parent, name), 0o700)
    for entry in os.scandir(changing):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)
    work.mkdir(parents=True, mode=0o755)
    (work / "dir" / "sub").mkdir(parents=True)
    (work / "file").write_text("on the host\n")
    (work / "dir" / "file").write_text("on the host, deeper\n")
    (work / "in").symlink_to(shown)
    (work / "here").symlink_to("dir")
    (work / "loop").symlink_to("loop")
    (work / "dangling").symlink_to("none")
    (work / "script").write_text("#!/bin/sh\necho host $0\n")
    (work / "script").chmod(0o755)
    up = "/".join([".."] * (len(work.parts) - 1))
    top, inside = os.fsencode(work), os.fsencode(shown)
    linked = sorted(shape.directories + shape.files + shape.links)
    for number, path in enumerate(linked[:12]):
        os.symlink(inside + b"/" + path, top + b"/in%d" % number)
    os.symlink(os.fsencode(up) + inside, top + b"/up")
    os.symlink(inside + b"/none", top + b"/in_none")
    if uid is not None:
        for parent, _, names in os.walk(changing):
            for name in (parent, *(os.path.join(parent, one) for one in names)):
                os.chown(name, uid, uid, follow_symlinks=False)
