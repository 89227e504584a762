# SPDX-License-Identifier: GPL-2.0-or-later
"""How a thread tells others that something is over, which needs no memory.

threading.Event is a lock held by code of Python: who has no memory left in there keeps
the lock, and all who wait, even for a time, wait for ever.
"""

from __future__ import annotations

import _thread


class Latch:
    """Shut until somebody opens it. Thread-safe."""

    def __init__(self) -> None:
        self._lock = _thread.allocate_lock()
        self._lock.acquire()

    def open(self) -> None:
        """Let all go on who wait, or will; harmless when it is open."""
        try:
            self._lock.release()
        except RuntimeError:
            pass

    def wait(self, timeout_s: float = -1) -> bool:
        """Whether it is open, or was opened within the time; -1: wait for it."""
        if not self._lock.acquire(timeout=timeout_s):
            return False
        self.open()
        return True
