# SPDX-License-Identifier: GPL-2.0-or-later
"""What was learned of the network, each thing with the time at which it was learned."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol


class Memory(Protocol):
    """Remembers short texts by name. Thread-safe."""

    def recall(self, name: str, within_s: float) -> str | None:
        """The text, if it was noted within the last seconds; never from the future."""

    def note(self, name: str, text: str) -> object:
        """Remember a text from now on."""

    def forget(self, name: str) -> object:
        """It holds no longer."""


class OwnMemory:
    """A memory that ends with this process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._noted: dict[str, tuple[float, str]] = {}

    def recall(self, name: str, within_s: float) -> str | None:
        """See Memory."""
        with self._lock:
            noted = self._noted.get(name)
        if noted is None or not 0 <= self._clock() - noted[0] < within_s:
            return None
        return noted[1]

    def note(self, name: str, text: str) -> None:
        """See Memory."""
        with self._lock:
            self._noted[name] = (self._clock(), text)

    def forget(self, name: str) -> None:
        """See Memory."""
        with self._lock:
            self._noted.pop(name, None)
