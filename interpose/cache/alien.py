# SPDX-License-Identifier: GPL-2.0-or-later
"""A cache that users and nodes share; perhaps filled by the official tools."""

from __future__ import annotations

import stat
from pathlib import Path

from interpose.cache import layout
from interpose.cache.directory import CacheDirectory


class AlienCache(CacheDirectory):
    """A shared cache, which proves nothing by itself (decisions.md 17).

    Objects are flushed to the disk before they are published. Subdirectories get 0770
    as the official client's; where the cache's directory itself may be written by
    everybody, they may too (and keep its sticky bit): users without a common group
    share it.
    """

    breadcrumb_mode = 0o660

    def __init__(self, top: Path, *, writable: bool = True) -> None:
        super().__init__(top, writable=writable, durable=True)

    @property
    def subdirectory_mode(self) -> int:  # type: ignore[override]
        """The mode of directories that we make."""
        try:
            mode = stat.S_IMODE(self.top.stat().st_mode)
        except OSError:
            return layout.ALIEN_MODE
        if mode & stat.S_IWOTH:
            return layout.ALIEN_MODE | (mode & (stat.S_IRWXO | stat.S_ISVTX))
        return layout.ALIEN_MODE

    def vouches_for(self, path: Path) -> bool:  # noqa: ARG002
        """False: others write here."""
        return False
