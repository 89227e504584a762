# SPDX-License-Identifier: GPL-2.0-or-later
"""Threads that take questions and answer them, each from its first to its last step.

Who has taken one starts another thread if nobody else is left who could take the next.
So a question costs no hand-over between threads, which is most of what a small object
would cost.
"""

from __future__ import annotations

import _thread
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Generic, TypeVar

from interpose.latch import Latch

T = TypeVar("T")
_BIRTH_S = 4.0


class Crew(Generic[T]):
    """`take` waits for the next work and its name, and gives None at the end of all.

    Of one name up to `most` are worked on at a time: who waits for one does not use up
    the threads of others. What one of the two raises (without memory anything can) ends
    it all, for nobody may wait for ever. Threads end with the process.
    """

    def __init__(
        self,
        take: Callable[[], tuple[str, T] | None],
        work: Callable[[T], object],
        most: int,
    ) -> None:
        self._take = take
        self._work = work
        self._most = most
        self._lock = threading.Lock()
        self._takers = 0
        self._busy: defaultdict[str, int] = defaultdict(int)
        self._left: defaultdict[str, deque[T]] = defaultdict(deque)
        self._last_s = time.monotonic()
        self._ended = Latch()
        self._error: BaseException | None = None
        self._unborn = 0  # threads that were started and have not begun
        self._unborn_since_s = 0.0

    def start(self) -> None:
        """Begin. Without any thread this one does it all, one after the other."""
        self._takers = 1
        try:
            self._start_one()
        except (RuntimeError, MemoryError):
            self._serve()  # Born, in a way.

    def wait_for_end(self, idle_s: float) -> bool:
        """True at the end; False each time that nothing was to do for so long.

        Errors: those of the two functions.
        """
        is_at_end = self._wait_for_end(idle_s)
        if self._error is not None:
            raise self._error
        if not is_at_end and self._is_stillborn():
            raise MemoryError
        return is_at_end

    def _is_stillborn(self) -> bool:
        """Whether a thread has not begun by now: there was no memory for it."""
        waited_s = time.monotonic() - self._unborn_since_s
        return self._unborn > 0 and waited_s > _BIRTH_S

    def _wait_for_end(self, idle_s: float) -> bool:
        while True:
            with self._lock:
                is_busy = any(self._busy.values())
                left_s = self._last_s + idle_s - time.monotonic()
                if not is_busy and left_s <= 0:
                    self._last_s = time.monotonic()
                    return self._ended.wait(0)
            if self._ended.wait(idle_s if is_busy else left_s):
                return True

    def is_busy(self) -> bool:
        """Whether something is worked on."""
        with self._lock:
            return any(self._busy.values())

    def _start_one(self) -> None:
        # Not threading.Thread: its start() waits for ever for one that has no memory.
        with self._lock:
            self._unborn_since_s = time.monotonic()
            self._unborn += 1
        _thread.start_new_thread(self._serve, ())

    def _serve(self) -> None:
        try:
            with self._lock:
                self._unborn -= 1
            self._take_and_work()
        except BaseException as error:  # noqa: BLE001 (raised where the end is awaited)
            self._error = error
        self._ended.open()

    def _take_and_work(self) -> None:
        while True:
            taken = self._take()
            if taken is None:
                return
            name, work = taken
            if self._begin(name, work):
                self._go_on(name, work)

    def _begin(self, name: str, work: T) -> bool:
        """Whether it is this thread's to do; else another will, of the same name."""
        with self._lock:
            self._last_s = time.monotonic()
            if self._busy[name] >= self._most:
                self._left[name].append(work)
                return False
            self._busy[name] += 1
            self._takers -= 1
            if self._takers > 0:
                return True
            self._takers += 1
        try:
            self._start_one()
        except (RuntimeError, MemoryError):
            with self._lock:
                self._unborn -= 1
                self._takers -= 1  # Nobody takes the next one meanwhile.
        return True

    def _go_on(self, name: str, work: T) -> None:
        """Do the work, and what has been left of the same name."""
        while True:
            self._work(work)
            with self._lock:
                self._last_s = time.monotonic()
                if not self._left[name]:
                    self._busy[name] -= 1
                    self._takers += 1
                    return
                work = self._left[name].popleft()
