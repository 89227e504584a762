# SPDX-License-Identifier: GPL-2.0-or-later
"""Reading ahead: the next files of a directory that is read in order.

They are got while the job reads those before them, into the private cache, where the
tracer finds them without a question. Bounded in bytes and connections; what fails is
nobody's error, for nobody has asked.
"""

from __future__ import annotations

import _thread
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from interpose import courtesy
from interpose.errors import InterposeError
from interpose.messages import Log
from interpose.repository.contents import whole
from interpose.repository.repository import Repository
from interpose.repository.subject import Subject
from interpose.resolver.directories import Directory

CONNECTIONS = 16
# A job that asks for more files at a time than this is ahead of itself.
ENOUGH_READERS = 4
UNDER_WAY_BYTES = 4 << 20
_DIRECTORIES = 64
_WAITING = 64
# For so long nothing is got ahead where it did not work.
_PAUSE_S = 10.0
_ENOUGH_FOR_S = 1.0

_log = Log(__name__)
_Task = tuple[Directory, Subject]


class Ahead:
    """Gets what will be asked for next. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._directories: OrderedDict[object, Directory] = OrderedDict()
        self._waiting: deque[_Task] = deque(maxlen=_WAITING)
        self._threads = 0
        self._asking = 0  # questions, which need connections, too
        self._enough_until_s = 0.0
        self._working = 0
        self._bytes = 0
        self._paused: dict[Repository, float] = {}

    @contextmanager
    def asked(
        self, repository: Repository, subject: Subject
    ) -> Iterator[Callable[[], object] | None]:
        """Answer a question for a file; what to call if no cache has it."""
        now = time.monotonic()
        with self._lock:
            self._asking += 1
            if self._asking > ENOUGH_READERS:
                self._enough_until_s = now + _ENOUGH_FOR_S
        try:
            is_wanted = now >= self._enough_until_s
            yield self._begin(repository, subject) if is_wanted else None
        finally:
            with self._lock:
                self._asking -= 1
                if self._has_next():
                    self._changed.notify()

    def _begin(
        self, repository: Repository, subject: Subject
    ) -> Callable[[], object] | None:
        if repository.caches.offline or not subject.is_file:
            return None
        try:
            directory = self._directory(repository, subject)
            coming = directory.asked(subject.number)
        except (InterposeError, OSError) as error:
            _log.debug("no reading ahead: %s", error)
            return None
        if coming and self._may_work(repository):
            self._add([(directory, one) for one in coming])
        return directory.missed

    def is_busy(self) -> bool:
        """Whether something is under way."""
        with self._lock:
            return self._working > 0

    def _directory(self, repository: Repository, subject: Subject) -> Directory:
        key = (repository, subject.catalog, subject.entry.parent)
        with self._lock:
            known = self._directories.get(key)
        if known is None:
            known = Directory(repository, subject)
        with self._lock:
            known = self._directories.setdefault(key, known)
            self._directories.move_to_end(key)
            while len(self._directories) > _DIRECTORIES:
                self._directories.popitem(last=False)
        return known

    def _may_work(self, repository: Repository) -> bool:
        is_paused = time.monotonic() < self._paused.get(repository, 0.0)
        return not is_paused and repository.store.has_room

    def _add(self, tasks: list[_Task]) -> None:
        with self._lock:
            self._waiting.extend(tasks)
            self._changed.notify()  # who takes one wakes the next
            idle = self._threads - self._working
            more = min(len(tasks) - idle, CONNECTIONS - self._threads - self._asking)
            for _ in range(more):
                try:
                    _thread.start_new_thread(self._serve, ())
                except (RuntimeError, MemoryError):
                    return
                self._threads += 1

    def _serve(self) -> None:
        while True:
            with self._lock:
                while not self._has_next():
                    self._changed.wait()
                task = self._waiting.popleft()
                size = task[1].entry.size
                self._bytes += size
                self._working += 1
                if self._has_next():
                    self._changed.notify()
            self._get(*task)
            with self._lock:
                self._bytes -= size
                self._working -= 1

    def _has_next(self) -> bool:
        if not self._waiting:
            return False
        if self._asking + self._working >= CONNECTIONS:
            return False
        size = self._waiting[0][1].entry.size
        return not self._working or self._bytes + size <= UNDER_WAY_BYTES

    def _get(self, directory: Directory, subject: Subject) -> None:
        repository = directory.repository
        has_missed = False

        def missed() -> None:
            nonlocal has_missed
            has_missed = True
            directory.missed()

        try:
            with courtesy.queue.turn():
                repository.store.fetch(whole(subject), missed)
        except Exception as error:  # noqa: BLE001 (who asks for it is told)
            _log.debug("not got ahead: %s", error)
            self._paused[repository] = time.monotonic() + _PAUSE_S
            return
        if has_missed:
            repository.statistics.count("objects_ahead")
        else:
            directory.hit()
