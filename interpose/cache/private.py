# SPDX-License-Identifier: GPL-2.0-or-later
"""The cache that only this user writes: objects, index files, state."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from interpose.cache import layout
from interpose.cache.directory import CacheDirectory

if TYPE_CHECKING:
    from interpose.formats.hashes import ContentHash


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

    def assembled(self, content_hash: ContentHash) -> Path:
        """Where a file that was put together from chunks is.

        A place of its own: an object of that hash may exist, too, and the official
        tools must not take it for one. native/run/objects.c knows it. For `commit_as`.
        """
        return self.top / layout.OWN / "assembled" / content_hash.cache_path()

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
