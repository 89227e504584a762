# SPDX-License-Identifier: GPL-2.0-or-later
"""What one repository cost in this run."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_LOG_LINES = 20


class Statistics:
    """Counters of one repository; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.opens = 0
        self.files_read = 0
        self.catalogs_loaded = 0
        self.index_reused = 0
        self.objects_from = {"private": 0, "alien": 0, "network": 0}
        # Of objects that others left: used as a trusted owner left them, or copied
        # while they were hashed.
        self.objects_trusted = 0
        self.objects_copied = 0
        self.objects_ahead = 0  # of those from the network: before they were asked for
        self.bytes_fetched = 0
        self.seconds = {"network": 0.0, "verify": 0.0, "cache": 0.0}
        self.errors = 0
        self.last_error_at = 0
        self.log: deque[str] = deque(maxlen=_LOG_LINES)

    def count(self, name: str) -> None:
        """One more of `name`."""
        with self._lock:
            setattr(self, name, getattr(self, name) + 1)

    def got_object(self, tier: str) -> None:
        """An object came from `tier`."""
        with self._lock:
            self.objects_from[tier] += 1

    def fetched(self, size_bytes: int, seconds: float) -> None:
        """Bytes came over the network."""
        with self._lock:
            self.bytes_fetched += size_bytes
            self.seconds["network"] += seconds

    def failed(self, text: str) -> None:
        """Something of ours went wrong."""
        now = time.time()
        with self._lock:
            self.errors += 1
            self.last_error_at = int(now)
            shown = time.strftime("%d %b %Y %H:%M:%S", time.localtime(now))
            self.log.appendleft(f"[{shown}] {text}\n")

    @contextmanager
    def timing(self, what: str) -> Iterator[None]:
        """Add the seconds that the block takes to `what`."""
        began = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self.seconds[what] += time.monotonic() - began

    def snapshot(self) -> dict[str, Any]:
        """The numbers as the stats file has them."""
        with self._lock:
            return {
                "opens": self.opens,
                "files_read": self.files_read,
                "catalogs_loaded": self.catalogs_loaded,
                "index_reused": self.index_reused,
                "objects_from": dict(self.objects_from),
                "objects_trusted": self.objects_trusted,
                "objects_copied": self.objects_copied,
                "objects_ahead": self.objects_ahead,
                "bytes_fetched": self.bytes_fetched,
                "seconds": {k: round(v, 6) for k, v in self.seconds.items()},
                "errors": self.errors,
            }
