# SPDX-License-Identifier: GPL-2.0-or-later
"""Making a cache smaller: what was not used for longest goes first.

A job that has a file open keeps it; who wants it again gets it again.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from interpose.cache.census import Item, opened

# What is so young may be on its way to a job.
SPARED_S = 60.0


class Room(NamedTuple):
    """Bytes and files."""

    size_bytes: int = 0
    files: int = 0

    @classmethod
    def of(cls, items: Iterable[Item]) -> Room:
        """That of these files."""
        sizes = [item.size_bytes for item in items]
        return cls(sum(sizes), len(sizes))

    def with_one(self, size_bytes: int) -> Room:
        """And one file of this size."""
        return Room(self.size_bytes + size_bytes, self.files + 1)

    def plus(self, other: Room) -> Room:
        """Both."""
        return Room(self.size_bytes + other.size_bytes, self.files + other.files)

    def minus(self, items: Sequence[Item]) -> Room:
        """Without these files."""
        less = Room.of(items)
        return Room(self.size_bytes - less.size_bytes, self.files - less.files)

    def is_within(self, limit: Room) -> bool:
        """Whether this fits; a limit of 0 is none."""
        bytes_fit = not limit.size_bytes or self.size_bytes <= limit.size_bytes
        return bytes_fit and (not limit.files or self.files <= limit.files)


NO_LIMIT = Room()


def chosen(items: Sequence[Item], limit: Room) -> list[Item]:
    """What has to go for the rest to be within a limit, least recently used first.

    What was used in the minute before the last use of all stays: by the file system's
    times, since the clocks of nodes differ.
    """
    room = Room.of(items)
    found: list[Item] = []
    in_order = sorted(items, key=lambda item: item.used_s)
    for item in in_order:
        is_young = in_order[-1].used_s - item.used_s < SPARED_S
        if is_young or room.is_within(limit):
            break
        found.append(item)
        room = room.minus([item])
    return found


def remove(
    top: Path, items: Iterable[Item], told: Callable[[Item], object] = lambda _: None
) -> list[Item]:
    """Take files away that are still those that were looked at; those that went.

    `told(item)` hears of each that was dealt with.
    """
    gone = []
    for item in items:
        # The name that says what it is goes last: half of it is still found again.
        done = [_unlink(top, item, at) for at in reversed(range(len(item.names)))]
        if all(done):
            gone.append(item)
        told(item)
    return gone


def _unlink(top: Path, item: Item, at: int) -> bool:
    folder, name = item.names[at]
    with contextlib.suppress(OSError), opened(top, folder) as directory:
        status = directory.status(name)
        if (status.st_dev, status.st_ino) == item.identity:
            os.unlink(name, dir_fd=directory.descriptor)
            return True
    return False
