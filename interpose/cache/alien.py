# SPDX-License-Identifier: GPL-2.0-or-later
"""A cache that users and nodes share; perhaps filled by the official tools."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path

from interpose.cache import layout
from interpose.cache.directory import CacheDirectory, is_missing
from interpose.cache.found import Found
from interpose.cache.guarded import Directory, Owners
from interpose.cache.keptdirs import kept_of
from interpose.cache.receiver import Receiver
from interpose.cache.sharedturns import turns_in


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
        self._directories = kept_of(self.top, self.owners)

    def above(self, path: Path) -> AbstractContextManager[Directory]:
        """The directory that holds a path of this cache. Errors: OSError."""
        return self._directories.above(path)

    def make_parents(self, path: Path) -> None:
        """As for every cache; what was kept of a cache that is gone is forgotten."""
        self._directories.forget()
        super().make_parents(path)

    def _make_skeleton(self, top: Directory, mode: int) -> None:
        """As for every cache; of nodes that begin together one makes all of it."""

        def is_there() -> bool | None:
            return layout.is_directory(top, layout.SKELETON[-1]) or None

        if is_there():
            return
        layout.make_directory(top, layout.TXN, mode)
        _, mine = turns_in(self).wait("skeleton", is_there)
        try:
            super()._make_skeleton(top, mode)
        finally:
            if mine is not None:
                mine.give_back()

    def make_workshop(self) -> None:
        """As for every cache, and likewise."""
        self._directories.forget()
        super().make_workshop()

    def look(self, path: Path) -> Found | None:
        """The regular file at a path of this cache, held open; None for all else."""
        if is_missing(path):
            return None
        found = super().look(path)
        if found is None:
            self._directories.forget()
            found = super().look(path)
        return found

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
                    is_noexec = self._directories.is_noexec()
                    return directory.is_guarded and not is_noexec
            except FileNotFoundError:
                if is_made:
                    return False
            except OSError:
                return False
            with contextlib.suppress(OSError):
                self.make_parents(path)
        return False

    def receive_object(self, turn_name: str) -> Receiver:
        """A fresh file for what is got in this turn. Errors: as `receive`."""
        lent = turns_in(self).lend(turn_name)
        if lent is None:
            return self.receive()
        receiver = Receiver(self, lent.descriptor, lent=lent)
        self._sweep(receiver)
        return receiver

    def vouches_for(self, path: Path) -> bool:  # noqa: ARG002
        """False: others write here."""
        return False
