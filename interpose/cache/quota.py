# SPDX-License-Identifier: GPL-2.0-or-later
"""A private cache stays below its quota (CVMFS_QUOTA_LIMIT, INTERPOSE_QUOTA_FILES).

Nobody counts the files of a cache while a job waits: what lies there is written in
`interpose/usage`, and who stores something adds to it. Above the limit one process goes
through the cache and takes away what was not used for longest, down to three quarters
of the limit. The record is an estimate; once a day, and whenever something is taken
away, it is counted.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from interpose.cache import census, eviction, inventory, layout
from interpose.cache.eviction import NO_LIMIT, Room
from interpose.cache.turnkinds import Taker
from interpose.errors import CacheError

if TYPE_CHECKING:
    from interpose.cache.private import PrivateCache

_TURN = "quota"  # No object has this name.
_MAX_RECORD_BYTES = 100
_COUNTED_FOR_S = 24 * 3600
# A process that ends does not wait longer for its own thread.
_LAST_WAIT_S = 0.2
# The official client looks after a cache that has its database.
_OFFICIAL = "cachedb"


class Usage(NamedTuple):
    """What lies in a cache, and when it was counted (seconds since 1970, ours)."""

    room: Room
    counted_s: float


class Quota:
    """Of one private cache. Thread-safe; safe between processes.

    `limit`: bytes and files, 0 for none. Nothing is taken away from a cache that is the
    official client's.
    """

    def __init__(self, cache: PrivateCache, limit: Room) -> None:
        self._cache = cache
        self._limit = limit
        self._lock = threading.Condition()
        self._added = NO_LIMIT
        self._is_at_work = False
        self._has_looked = False

    def added(self, size_bytes: int) -> None:
        """A file of this size was stored; the cache may be made smaller now."""
        if self._limit == NO_LIMIT:
            return
        with self._lock:
            self._added = self._added.with_one(size_bytes)
            # So much more than the limit can be there, for each who stores.
            step = Room(*(-(-amount // 16) for amount in self._limit))
            is_due = not self._has_looked or not self._added.is_within(step)
            if self._is_at_work or not is_due:
                return
            self._is_at_work = self._has_looked = True
        try:
            threading.Thread(target=self._settle, daemon=True).start()
        except RuntimeError:
            self._settle()  # No thread is to be had.

    def leave(self) -> None:
        """Write down what this process has stored; who stores next makes room."""
        with self._lock:
            self._lock.wait_for(lambda: not self._is_at_work, _LAST_WAIT_S)
            if self._is_at_work or self._added == NO_LIMIT:
                return
            self._is_at_work = True
        self._settle(is_end=True)

    def usage(self) -> Usage | None:
        """The record of the cache, None if there is none that counts."""
        path = inventory.USAGE.below(self._cache.top)
        words = (self._cache.read_small(path, _MAX_RECORD_BYTES) or b"").split()
        if len(words) != 3 or not all(word.isdigit() for word in words):
            return None
        size_bytes, files, counted_s = map(int, words)
        is_new = abs(time.time() - counted_s) < _COUNTED_FOR_S
        return Usage(Room(size_bytes, files), counted_s) if is_new else None

    def _settle(self, *, is_end: bool = False) -> None:
        try:
            with contextlib.suppress(OSError, CacheError):
                self._settle_in_turn(is_end=is_end)
        finally:
            with self._lock:
                self._is_at_work = False
                self._lock.notify_all()

    def _settle_in_turn(self, *, is_end: bool) -> None:
        turn = Taker(self._cache.top, self._make_room).take(_TURN)
        if turn is None:
            return  # Somebody else is at it: what was added here is told later.
        try:
            with self._lock:
                added, self._added = self._added, NO_LIMIT
            usage = self.usage()
            if usage is not None:
                usage = usage._replace(room=usage.room.plus(added))
            is_good = usage is not None and usage.room.is_within(self._limit)
            if not is_end and not is_good:
                usage = Usage(self._counted(), time.time())
            if usage is not None:
                self._write(usage)
        finally:
            turn.give_back()

    def _counted(self) -> Room:
        """What lies in the cache after what is too much has gone."""
        top = self._cache.top
        found = census.items(top)
        room = Room.of(found)
        if room.is_within(self._limit) or is_of_official_client(top):
            return room
        limit = Room(self._limit.size_bytes * 3 // 4, self._limit.files * 3 // 4)
        return room.minus(eviction.remove(top, eviction.chosen(found, limit)))

    def _make_room(self) -> None:
        with self._cache.opened() as top:
            layout.make_directory(top, layout.OWN, layout.PRIVATE_MODE)

    def _write(self, usage: Usage) -> None:
        path = inventory.USAGE.below(self._cache.top)
        text = f"{usage.room.size_bytes} {usage.room.files} {usage.counted_s:.0f}\n"
        self._cache.store_small(path, text.encode())


def is_of_official_client(top: Path) -> bool:
    """Whether the official client counts what lies in this cache."""
    return os.path.lexists(top / _OFFICIAL)
