# SPDX-License-Identifier: GPL-2.0-or-later
"""A job that goes through /cvmfs name by name, as `ls -l` does.

While it waits for one repository, the next ones of the list are opened, each in a
thread of its own; and it waits for each no longer than one try may last. Who asks for
a repository without such a list waits for all tries.
"""

from __future__ import annotations

import _thread
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from interpose import courtesy
from interpose.errors import TimedOut
from interpose.formats.fqrn import Fqrn
from interpose.latch import Latch

T = TypeVar("T")
MOST_AHEAD = 64
# Who lists, and looks at the names later, is not in a listing any more.
_ENDS_AFTER_S = 3.0


class Attempt(Generic[T]):
    """Work in a thread of its own. Errors: RuntimeError or MemoryError: no thread."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._began = time.monotonic()
        self._done = Latch()
        self._value: list[T] = []
        self._error: BaseException | None = None
        _thread.start_new_thread(self._run, ())

    def _run(self) -> None:
        try:
            self._value.append(self._work())
        except BaseException as error:  # noqa: BLE001 (raised where it is waited for)
            self._error = error
        finally:
            self._done.open()

    def result(self, what: str, limit_s: float) -> T:
        """What the work gives, within a time since it began.

        Errors: those of the work; TimedOut, while the work goes on.
        """
        left_s = self._began + limit_s - time.monotonic()
        with courtesy.queue.waiting():
            is_done = self._done.wait(max(0.0, left_s))
        if not is_done:
            raise TimedOut(
                f"no answer within {limit_s:g} s, a listing waits no longer",
                what,
                "see CVMFS_TIMEOUT; asked again it is waited for",
            )
        if self._error is not None:
            raise self._error
        return self._value[0]


class Listing(Generic[T]):
    """The last list of names, and how far the job has come. Thread-safe."""

    def __init__(self, work: Callable[[Fqrn], T]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._names: Sequence[Fqrn] = ()
        self._next = 0
        self._last_s = 0.0
        self._met: set[Fqrn] = set()
        self._attempts: dict[Fqrn, Attempt[T]] = {}

    def begin(self, names: Sequence[Fqrn], warm: Iterable[str] = ()) -> None:
        """The job has got this list; who is `warm` it needs not ask us for."""
        with self._lock:
            self._names, self._next = tuple(names), 0
            self._met.update(name for name in names if name in set(warm))
            self._last_s = time.monotonic()

    def attempt(self, fqrn: Fqrn) -> Attempt[T] | None:
        """The work for a name, if it is asked for as the next one of the list."""
        with self._lock:
            self._met.add(fqrn)
            known = self._attempts.pop(fqrn, None)
            if not self._is_next(fqrn):
                return None
            self._next = self._names.index(fqrn) + 1
            try:
                mine = known if known is not None else self._begun(fqrn)
                self._go_ahead()
            except (RuntimeError, MemoryError):
                return known  # No thread to be had: one after the other, then.
            return mine

    def answered(self) -> None:
        """The job has its answer, and goes on from now."""
        with self._lock:
            self._last_s = time.monotonic()

    def _is_next(self, fqrn: Fqrn) -> bool:
        if time.monotonic() - self._last_s > _ENDS_AFTER_S and self._next == 0:
            return False
        if fqrn not in self._names[self._next :]:
            return False
        here = self._names.index(fqrn)
        # What was met before is open, or has failed: the tracer does not ask again.
        return all(name in self._met for name in self._names[self._next : here])

    def _go_ahead(self) -> None:
        for name in self._names[self._next : self._next + MOST_AHEAD]:
            if name not in self._met and name not in self._attempts:
                self._attempts[name] = self._begun(name)

    def _begun(self, fqrn: Fqrn) -> Attempt[T]:
        return Attempt(lambda: self._work(fqrn))
