# SPDX-License-Identifier: GPL-2.0-or-later
"""A cache that users and nodes share; perhaps filled by the official tools."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from interpose.cache import layout
from interpose.cache.directory import CacheDirectory
from interpose.cache.guarded import Directory, Owners


class AlienCache(CacheDirectory):
    """A shared cache; what is in it counts as far as its owners are trusted.

    Objects are flushed to the disk before they are published. The cache's directory is
    made 0770 less the umask, as the official tools do; the directories in it may be
    written by those who may write that one, and keep its sticky bit.
    """

    top_mode = layout.ALIEN_MODE
    breadcrumb_mode = 0o660
    option = "--alien-cache"

    def __init__(
        self, top: Path, *, writable: bool = True, trusted: Iterable[int] = ()
    ) -> None:
        super().__init__(top, writable=writable, durable=True)
        self.owners = Owners.with_us(trusted)

    def mode_below(self, top: Directory) -> int:
        """The mode of directories that we make."""
        mode = stat.S_IMODE(layout.status_of(top).st_mode)
        return stat.S_IRWXU | (mode & (stat.S_IRWXG | stat.S_IRWXO | stat.S_ISVTX))

    def can_be_used_in_place(self, path: Path) -> bool:
        """Whether what we store at this path stays ours, and can be executed.

        The directories are made if need be.
        """
        for is_made in (False, True):
            try:
                with self.above(path) as directory:
                    here = os.statvfs(f"/proc/self/fd/{directory.descriptor}")
                    return directory.is_guarded and not here.f_flag & os.ST_NOEXEC
            except FileNotFoundError:
                if is_made:
                    return False
            except OSError:
                return False
            with contextlib.suppress(OSError):
                self.make_parents(path)
        return False

    def vouches_for(self, path: Path) -> bool:  # noqa: ARG002
        """False: others write here."""
        return False
