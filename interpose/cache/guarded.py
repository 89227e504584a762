# SPDX-License-Identifier: GPL-2.0-or-later
"""Directories by descriptor, and whether only trusted owners decide what they hold.

A path is walked name by name. What was opened is what is used, so nobody can exchange
it between a look and its use (docs/trust.md).
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from interpose.cache.lists import (
    group_bits_let_others_write,
    server_lets_others_write,
)

_ROOT_UID = 0
_MOST_LINKS = 40  # as the kernel's path walk
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class Owners:
    """Users whose files are believed: root, our own, and those who were named."""

    uids: frozenset[int]

    @classmethod
    def with_us(cls, more: Iterable[int] = ()) -> Owners:
        """Root, the user of this process, and `more`."""
        return cls(frozenset({_ROOT_UID, os.geteuid(), *more}))

    def alone_write(self, status: os.stat_result, descriptor: int) -> bool:
        """Whether one of them owns this, and nobody else may write it.

        `status` is that of `descriptor`. Access control lists count, too.
        """
        if status.st_uid not in self.uids or status.st_mode & stat.S_IWOTH:
            return False
        if status.st_mode & stat.S_IWGRP and group_bits_let_others_write(
            descriptor, self.uids
        ):
            return False
        return not server_lets_others_write(descriptor)


@dataclass(frozen=True)
class Directory:
    """An open directory, which its name may not mean any more.

    `is_guarded`: only trusted owners could have put there what is in it, or can make
    its path mean something else. Closes with the block that opened it.
    """

    descriptor: int
    is_guarded: bool
    owners: Owners

    @contextlib.contextmanager
    def below(self, *names: str) -> Iterator[Directory]:
        """The directory at the end of plain names; links are not followed.

        Errors: OSError.
        """
        current, is_guarded = os.dup(self.descriptor), self.is_guarded
        try:
            for name in names:
                deeper = os.open(name, _LOOK | os.O_DIRECTORY, dir_fd=current)
                os.close(current)
                current = deeper
                status = os.fstat(current)
                is_guarded = is_guarded and self.owners.alone_write(status, current)
            yield Directory(current, is_guarded, self.owners)
        finally:
            os.close(current)

    def status(self, name: str) -> os.stat_result:
        """Of what has this name here; links are not followed. Errors: OSError."""
        return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)


@contextlib.contextmanager
def opened(path: Path, owners: Owners) -> Iterator[Directory]:
    """The directory at an absolute path, whose links are followed with care.

    A link counts if a trusted owner made it, or if only such can have put it there.
    Above the directory itself others may write where they cannot exchange what others
    made (the sticky bit). Errors: OSError; PermissionError for a link of others.
    """
    walk = _Walk(owners)
    try:
        yield Directory(walk.end(path), walk.is_guarded, owners)
    finally:
        os.close(walk.current)


class _Walk:
    """One walk from the root; `current` is open until the caller closes it."""

    def __init__(self, owners: Owners) -> None:
        self._owners = owners
        self._links = 0
        self.is_guarded = True
        self.current = os.open("/", _LOOK | os.O_DIRECTORY)

    def end(self, path: Path) -> int:
        """Walk to the end of the path; its descriptor."""
        left = [part for part in reversed(path.parts) if part != "/"]
        while left:
            name = left.pop()
            if name in {"", "."}:
                continue
            self._judge(is_last=False)
            left += reversed(self._step(name))
        self._judge(is_last=True)
        return self.current

    def _judge(self, *, is_last: bool) -> None:
        status = os.fstat(self.current)
        alone = self._owners.alone_write(status, self.current)
        if not alone and not is_last:
            # What a trusted owner has made there stays what it is.
            sticky = bool(status.st_mode & stat.S_ISVTX)
            alone = sticky and status.st_uid in self._owners.uids
        self.is_guarded = self.is_guarded and alone

    def _step(self, name: str) -> list[str]:
        """Go to a directory, or give the names that a link stands for."""
        try:
            # O_DIRECTORY also lets the automounter know.
            deeper = os.open(name, _LOOK | os.O_DIRECTORY, dir_fd=self.current)
        except OSError as error:
            if error.errno not in {errno.ENOTDIR, errno.ELOOP}:
                raise
            return self._link(name)
        os.close(self.current)
        self.current = deeper
        return []

    def _link(self, name: str) -> list[str]:
        link = os.open(name, _LOOK, dir_fd=self.current)
        try:
            status = os.fstat(link)
            if not stat.S_ISLNK(status.st_mode):
                raise NotADirectoryError(errno.ENOTDIR, "Not a directory", name)
            self._allow(status, name)
            target = os.readlink("", dir_fd=link)
        finally:
            os.close(link)
        if target.startswith("/"):
            root = os.open("/", _LOOK | os.O_DIRECTORY)
            os.close(self.current)
            self.current = root
        return target.split("/")

    def _allow(self, link: os.stat_result, name: str) -> None:
        self._links += 1
        if self._links > _MOST_LINKS:
            raise OSError(errno.ELOOP, "Too many levels of symbolic links", name)
        if link.st_uid in self._owners.uids:
            return
        above = os.fstat(self.current)
        if not self._owners.alone_write(above, self.current):
            raise PermissionError(errno.EACCES, "A link of another user", name)
