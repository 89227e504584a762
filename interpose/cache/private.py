# SPDX-License-Identifier: GPL-2.0-or-later
"""The cache that only this user writes: objects, index files, state."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from interpose.cache import layout
from interpose.cache.directory import CacheDirectory, plain_name


class PrivateCache(CacheDirectory):
    """A cache of this user, perhaps on a home that several nodes share.

    Layout and modes of the official exclusive cache, so the official client can read
    it, plus `index/` and `interpose/`.
    """

    def __init__(self, top: Path, *, durable: bool = False) -> None:
        super().__init__(top, writable=True, durable=durable)

    @property
    def index_directory(self) -> Path:
        """Where index files are; perhaps not made yet."""
        return self.top / layout.INDEX

    def assembled(self, key: str) -> Path:
        """Where a file that was put together from chunks is; `key` names its content.

        A place of its own: an object of that hash may exist, too. For `commit_as`.
        """
        name = plain_name(key)
        return self.top / layout.OWN / "assembled" / name[:2] / name[2:]

    def vouches_for(self, path: Path) -> bool:
        """True for a file that we wrote: ours, with our mode, where only we can write.

        The official client writes 0600 and may have filled this directory, too.
        """
        try:
            status = path.lstat()
            above = path.parent.lstat()
        except OSError:
            return False
        user = os.geteuid()
        return (
            stat.S_ISREG(status.st_mode)
            and stat.S_IMODE(status.st_mode) == layout.OBJECT_MODE
            and status.st_uid == user
            and stat.S_ISDIR(above.st_mode)
            and above.st_uid == user
            and not above.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        )
