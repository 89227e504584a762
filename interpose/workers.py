# SPDX-License-Identifier: GPL-2.0-or-later
"""Pieces of work done side by side, in threads where there can be some.

Not concurrent.futures: there, without a thread nothing is done at all (`ulimit -u`),
and one that gets no memory is waited for without end. Here who waits works too.
"""

from __future__ import annotations

import _thread
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from interpose import courtesy
from interpose.latch import Latch

T = TypeVar("T")


class Task(Generic[T]):
    """One piece of work, and what it gave."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._value: list[T] = []
        self.done = Latch()

    def run(self) -> None:
        """Do it. Errors: those of the work."""
        try:
            self._value.append(self._work())
        finally:
            self.done.open()

    @property
    def value(self) -> T:
        """What the work gave, when it is done."""
        return self._value[0]


class Workers:
    """Up to `most` threads, each as long as there is work, for one owner.

    A context: its end waits for all that was submitted, or after an error for what is
    under way, and raises the first error of a piece of work. After that error nothing
    is begun any more.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._waiting: deque[Task[Any]] = deque()
        self._under_way: set[Task[Any]] = set()  # in threads
        self._threads = 0
        self._failure: BaseException | None = None

    def __enter__(self) -> Workers:  # noqa: PYI034 (Self is younger than 3.9)
        return self

    def __exit__(
        self, kind: object, error: BaseException | None, trace: object
    ) -> None:
        del kind, trace
        try:
            if error is None:
                self.work_until(0)
        finally:
            with self._lock:
                self._waiting.clear()
                begun = list(self._under_way)
            for task in begun:
                _wait_for(task)
        if error is None:
            self._raise_failure()

    def submit(self, work: Callable[[], T]) -> Task[T]:
        """Have it done some time."""
        task = Task(work)
        with self._lock:
            self._waiting.append(task)
            if self._threads >= self._most:
                return task
            self._threads += 1
        try:
            # Not threading.Thread: its start() waits for ever for one without memory.
            _thread.start_new_thread(self._serve, ())
        except (RuntimeError, MemoryError):
            self._most = 0
        return task

    def value_of(self, task: Task[T]) -> T:
        """What a task gave; works until it has. Errors: the first of any work."""
        while not task.done.wait(0):
            if not self._work_once():
                _wait_for(task)
        self._raise_failure()
        return task.value

    def work_until(self, waiting: int) -> None:
        """Work until no more tasks than that wait. Errors: the first of any work."""
        while len(self._waiting) > waiting and self._work_once():
            pass

    def _work_once(self) -> bool:
        """Do a piece, if there is one left. Errors: the first of any work."""
        self._raise_failure()
        with self._lock:
            if not self._waiting:
                return False
            task = self._waiting.popleft()
        task.run()
        return True

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _serve(self) -> None:
        task: Task[Any] | None = None
        try:
            while True:
                with self._lock:
                    self._under_way.discard(task)
                    if not self._waiting or self._failure is not None:
                        self._threads -= 1
                        return
                    # First what may want memory.
                    self._under_way.add(self._waiting[0])
                    task = self._waiting.popleft()
                task.run()
        except BaseException as error:  # noqa: BLE001 (raised where it is waited for)
            self._failure = self._failure or error
            if task is not None:
                task.done.open()


def _wait_for(task: Task[Any]) -> None:
    with courtesy.queue.waiting():
        task.done.wait()
