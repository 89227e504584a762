# SPDX-License-Identifier: GPL-2.0-or-later
"""Threads that answer questions work one after the other, except while they wait.

While another thread wants the interpreter's lock, each system call of who has it costs
a change of threads, which is more than most of these calls cost. So threads queue here
for their turn, and let others go on while they wait for a server, a disk or one
another. A courtesy that protects nothing: when one takes long (a slow file system, a
big catalog), nobody queues for a while. docs/decisions/0018-one-thread-at-a-time.md
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_S = 0.01
_OFF_FOR_S = 0.1


class Queue:
    """Threads that have their turn one after the other. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since_s = 0.0
        self._mine = threading.local()
        self._off_until_s = 0.0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Do the block alone, unless the one before takes too long."""
        self._take()
        try:
            yield
        finally:
            self._give_back()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Let others go on during the block, if this is a turn of this thread."""
        had_it = self._give_back()
        try:
            yield
        finally:
            if had_it:
                self._take()

    def _take(self) -> None:
        if self._lock.acquire(blocking=False) or self._wait():
            self._mine.has_it = True
            self._since_s = time.monotonic()

    def _wait(self) -> bool:
        """Whether the turn came before another one lasted for too long."""
        while True:
            now = time.monotonic()
            if now < self._off_until_s:
                return False
            left_s = self._since_s + PATIENCE_S - now
            if left_s <= 0:
                self._off_until_s = now + _OFF_FOR_S
                return False
            if self._lock.acquire(timeout=left_s):
                return True

    def _give_back(self) -> bool:
        had_it = getattr(self._mine, "has_it", False)
        if had_it:
            self._mine.has_it = False
            self._lock.release()
        return had_it


queue = Queue()
