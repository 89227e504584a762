# SPDX-License-Identifier: GPL-2.0-or-later
"""What was learned of the network, each thing with the time at which it was learned."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from interpose.formats.noted import Noted, recalled


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
        self._noted: Noted = {}

    def recall(self, name: str, within_s: float) -> str | None:
        """See Memory."""
        with self._lock:
            return recalled(self._noted, name, self._clock(), within_s)

    def note(self, name: str, text: str) -> None:
        """See Memory."""
        with self._lock:
            self._noted[name] = (self._clock(), text)

    def forget(self, name: str) -> None:
        """See Memory."""
        with self._lock:
            self._noted.pop(name, None)
