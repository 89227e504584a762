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
        """Make this call soon; for one thread at a time."""
        self._calls.put(call)
        if self._idle.acquire(blocking=False) or self._threads == self._most:
            return
        self._threads += 1
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while True:
            self._calls.get()()
            self._idle.release()
