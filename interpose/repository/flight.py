# SPDX-License-Identifier: GPL-2.0-or-later
"""One piece of work at a time for each key: who comes later gets the same result."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar, cast

from interpose import courtesy
from interpose.latch import Latch

T = TypeVar("T")


class _Flight(Generic[T]):
    def __init__(self) -> None:
        self.landed = Latch()
        self.value: T | None = None
        self.error: BaseException | None = None


class SingleFlight(Generic[T]):
    """Runs work once for all who ask at the same time; remembers nothing after it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[Hashable, _Flight[T]] = {}

    def run(self, key: Hashable, work: Callable[[], T]) -> T:
        """The result of `work`, or of the one that is under way for `key`.

        Errors: those of the work, for everybody who waited for it.
        """
        with self._lock:
            flight = self._flights.get(key)
            is_mine = flight is None
            if flight is None:
                flight = self._flights[key] = _Flight()
        if not is_mine:
            with courtesy.queue.waiting():
                flight.landed.wait()
            if flight.error is not None:
                raise flight.error
            return cast("T", flight.value)
        try:
            flight.value = work()
        except BaseException as error:
            flight.error = error
            raise
        finally:
            with self._lock:
                del self._flights[key]
            flight.landed.open()
        return flight.value
