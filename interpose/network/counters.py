# SPDX-License-Identifier: GPL-2.0-or-later
"""What the network was asked for; the numbers of the stats file."""

from __future__ import annotations

import threading
from typing import Any


class Counters:
    """Requests, bytes, retries and failovers of one fetcher. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests = 0
        self._bytes = 0
        self._retries = 0
        self._failovers = 0
        self._by_host: dict[str, dict[str, int]] = {}

    def sent(self, url: str) -> None:
        """Count a request that was sent to the host of this URL."""
        with self._lock:
            self._requests += 1
            self._host(url)["requests"] += 1

    def received(self, url: str, size_bytes: int) -> None:
        """Count bytes of a body, good or bad."""
        with self._lock:
            self._bytes += size_bytes
            self._host(url)["bytes"] += size_bytes

    def moved(self, *, retries: int, failovers: int) -> None:
        """Count how the tries of one request went on."""
        with self._lock:
            self._retries += retries
            self._failovers += failovers

    def snapshot(self) -> dict[str, Any]:
        """All numbers, under the names of the stats file."""
        with self._lock:
            return {
                "requests": self._requests,
                "bytes": self._bytes,
                "by_host": {host: dict(row) for host, row in self._by_host.items()},
                "retries": self._retries,
                "failovers": self._failovers,
            }

    def _host(self, url: str) -> dict[str, int]:
        rest = url.partition("://")[2]
        name = rest.partition("/")[0].rpartition("@")[2] or "file"
        return self._by_host.setdefault(name, {"requests": 0, "bytes": 0})
