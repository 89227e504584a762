# SPDX-License-Identifier: GPL-2.0-or-later
"""Directories by descriptor, and whether only trusted owners decide what they hold.

A path is walked name by name. What was opened is what is used, so nobody can exchange
it between a look and its use (docs/trust.md).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from interpose.owned import Uids

_ROOT_UID = 0


class Owners:
    """Users whose files are believed: root, our own, and those who were named."""

    def __init__(self, uids: Iterable[int]) -> None:
        self.uids = frozenset(uids)
        self.walks = Uids(self.uids)

    @classmethod
    def with_us(cls, more: Iterable[int] = ()) -> Owners:
        """Root, the user of this process, and `more`."""
        return cls({_ROOT_UID, os.geteuid(), *more})

    def alone_write(self, descriptor: int) -> bool:
        """Whether one of them owns what is open, and nobody else may write it.

        Access control lists count, too.
        """
        return self.walks.alone_write(descriptor)


class Directory(NamedTuple):
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
        descriptor, is_guarded = self.owners.walks.walk_below(
            self.descriptor, "/".join(names), is_guarded=self.is_guarded
        )
        try:
            yield Directory(descriptor, is_guarded, self.owners)
        finally:
            os.close(descriptor)

    def status(self, name: str) -> os.stat_result:
        """Of what has this name here; links are not followed. Errors: OSError."""
        return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)


@contextlib.contextmanager
def opened(path: Path, owners: Owners, names: str = "") -> Iterator[Directory]:
    """The directory at an absolute path, whose links are followed with care.

    `names` are plain ones below it, "a/b", whose links are not followed.

    A link counts if a trusted owner made it, or if only such can have put it there.
    Above the directory itself others may write where they cannot exchange what others
    made (the sticky bit). Errors: OSError; PermissionError for a link of others.
    """
    descriptor, is_guarded = owners.walks.walk_to(path, names)
    try:
        yield Directory(descriptor, is_guarded, owners)
    finally:
        os.close(descriptor)
