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
from interpose.cache.turnkinds import Taken, Taker

if TYPE_CHECKING:
    from interpose.cache.directory import CacheDirectory
    from interpose.formats.hashes import ContentHash

T = TypeVar("T")
# A big object takes longer; to get it twice then costs less than a job that stands.
PATIENCE_S = 10.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.002, 0.05


class Turns:
    """The turns in one cache of a node. Thread-safe; safe between processes."""

    def __init__(self, cache: CacheDirectory) -> None:
        self._cache = cache
        self._txn = cache.top / layout.TXN
        self._taker = Taker(cache.top, self._make_room)

    @contextlib.contextmanager
    def turn(
        self,
        content_hash: ContentHash,
        look: Callable[[], T | None],
        kind: str = "",
        *,
        is_first: bool = False,
    ) -> Iterator[T | None]:
        """What `look` finds once others had their turn; None: it is the caller's.

        `kind` tells contents apart that have one hash. `is_first`: there may be no
        cache yet, and none stays if nothing is put in it.
        """
        made = self._make() if is_first else []
        found, mine = self._wait(content_hash.text + kind, look)
        try:
            yield found
        finally:
            if mine is not None:
                mine.give_back()
            self._unmake(made)

    def _make_room(self) -> None:
        with self._cache.opened() as top:
            layout.make_directory(top, layout.OWN, layout.PRIVATE_MODE)

    def _make(self) -> list[Path]:
        """Directories that were made here, for turns to be possible."""
        made: list[Path] = []
        cache = self._cache
        with contextlib.suppress(OSError):
            if not cache.top.is_dir():
                layout.make_top(cache.top, cache.top_mode, cache.owners)
                made.append(cache.top)
            with cache.opened() as top:
                if not layout.is_directory(top, layout.TXN):
                    layout.make_directory(top, layout.TXN, layout.PRIVATE_MODE)
                    made.append(self._txn)
        return made

    def _unmake(self, made: list[Path]) -> None:
        """Take away what was made, unless there is a cache: others wait in `txn`."""
        top = self._cache.top
        with contextlib.suppress(OSError):
            if not made or not set(os.listdir(top)) <= {layout.TXN, layout.OWN}:
                return
            with contextlib.suppress(FileNotFoundError):
                os.unlink(inventory.TURNS.below(top))
                os.rmdir(top / layout.OWN)
            for directory in reversed(made):
                os.rmdir(directory)

    def _wait(
        self, name: str, look: Callable[[], T | None]
    ) -> tuple[T | None, Taken | None]:
        until = time.monotonic() + PATIENCE_S
        pause = _FIRST_PAUSE_S
        while True:
            try:
                mine = self._taker.take(name)
            except OSError:
                return None, None  # There are no turns here.
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
