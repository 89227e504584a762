# SPDX-License-Identifier: GPL-2.0-or-later
"""A few threads for calls that wait; concurrent.futures costs each start too much."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

Call = Callable[[], object]


class Pool:
    """Makes calls in up to `most` threads, which are started when they are needed.

    Calls must not raise. The threads end with the process.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._calls: SimpleQueue[Call] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._threads = 0

    def submit(self, call: Call) -> None:
        """Make this call soon; for one thread at a time.

        Where no thread can be had at all, the call is made here.
        """
        if self._idle.acquire(blocking=False):
            self._calls.put(call)
            return
        if self._threads < self._most:
            try:
                threading.Thread(target=self._work, daemon=True).start()
            except RuntimeError:
                if self._threads == 0:
                    call()
                    return
            else:
                self._threads += 1
        self._calls.put(call)

    def _work(self) -> None:
        while True:
            self._calls.get()()
            self._idle.release()


class Pools:
    """A pool for each name: who waits for one does not use up the threads of others."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._pools: dict[str, Pool] = {}

    def submit(self, name: str, call: Call) -> None:
        """Make this call soon in the pool of this name; for one thread at a time."""
        pool = self._pools.get(name)
        if pool is None:
            pool = self._pools[name] = Pool(self._most)
        pool.submit(call)
