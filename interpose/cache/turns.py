# SPDX-License-Identifier: GPL-2.0-or-later
"""Turns between processes: of those that miss the same object one gets it first.

It is no lock on anything: who cannot have turns, or has waited long enough for
another's, gets the object for itself, too. How a turn is taken depends on where the
cache is (turnkinds.py).
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from interpose import courtesy
from interpose.cache import inventory, layout
from interpose.cache.sharedturns import turns_in
from interpose.cache.turnkinds import Taken, Taker

if TYPE_CHECKING:
    from interpose.cache.alien import AlienCache
    from interpose.cache.directory import CacheDirectory

T = TypeVar("T")
# A big object takes longer; to get it twice then costs less than a job that stands.
PATIENCE_S = 10.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.002, 0.05


class Turns:
    """The turns in one cache of a node. Thread-safe; safe between processes.

    `shared`: a cache of several nodes, among which they take turns, too.
    """

    def __init__(self, cache: CacheDirectory, shared: AlienCache | None = None) -> None:
        self._cache = cache
        self._taker = Taker(cache.top, self._make_room)
        self._shared = None if shared is None else turns_in(shared)
        self._caches: list[CacheDirectory] = [cache]
        if shared is not None:
            self._caches.append(shared)

    @contextlib.contextmanager
    def turn(
        self,
        name: str,
        look: Callable[[], T | None],
        *,
        is_first: bool = False,
        is_shared: bool = True,
    ) -> Iterator[T | None]:
        """What `look` finds once others had their turn; None: it is the caller's.

        `name`: of the content. `is_first`: there may be no cache yet, and none stays if
        nothing is put in it. `is_shared`: other nodes could find it, too.
        """
        made = [_Made(cache) for cache in self._caches if is_first]
        shared = self._shared if is_shared else None
        found, mine = self._wait(name, look, looks_at_once=shared is None)
        of_all: Taken | None = None
        try:
            if found is None and shared is not None:
                found, of_all = shared.wait(name, look)
                if found is None and of_all is None:
                    found = look()  # Nobody has looked where there are no turns.
            yield found
        finally:
            for turn in (of_all, mine):
                if turn is not None:
                    turn.give_back()
            for directories in made:
                directories.unmake()

    def _make_room(self) -> None:
        with self._cache.opened() as top:
            layout.make_directory(top, layout.OWN, layout.PRIVATE_MODE)

    def _wait(
        self, name: str, look: Callable[[], T | None], *, looks_at_once: bool
    ) -> tuple[T | None, Taken | None]:
        """`looks_at_once`: also if nobody else had the turn."""
        until = time.monotonic() + PATIENCE_S
        pause = _FIRST_PAUSE_S
        while True:
            try:
                mine = self._taker.take(name)
            except OSError:
                return None, None  # There are no turns here.
            if mine is not None and not looks_at_once:
                return None, mine
            looks_at_once = True
            # Whose turn it was may have ended between the caller's look and ours.
            try:
                found = look()
            except BaseException:
                if mine is not None:
                    mine.give_back()
                raise
            if mine is not None or found is not None:
                return found, mine
            if time.monotonic() > until:
                return None, None
            with courtesy.queue.waiting():
                time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)


class _Made:
    """Directories of a cache that are made for turns to be possible."""

    def __init__(self, cache: CacheDirectory) -> None:
        self._cache = cache
        self._made: list[Path] = []
        wanted = [cache.top, cache.top / layout.TXN]
        with contextlib.suppress(OSError):
            missing = [path for path in wanted if not path.is_dir()]
            if missing:
                cache.make_workshop()
                self._made = missing

    def unmake(self) -> None:
        """Take away what was made, unless there is a cache: others wait in `txn`."""
        top = self._cache.top
        with contextlib.suppress(OSError):
            if not self._made or not set(os.listdir(top)) <= {layout.TXN, layout.OWN}:
                return
            with contextlib.suppress(FileNotFoundError):
                os.unlink(inventory.TURNS.below(top))
                os.rmdir(top / layout.OWN)
            for directory in reversed(self._made):
                os.rmdir(directory)
