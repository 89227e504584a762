# SPDX-License-Identifier: GPL-2.0-or-later
"""Which proxy and which server are tried next: the official client's table, no I/O.

    transfer error   same again after a back-off, `max_retries` times a request;
                     then as proxy error (through a proxy) or host error (direct)
    proxy error      next proxy; after the last one the first again with the next host
    host error       next host, each host once
    bad data         once more past all caches; then as host error

Source: cvmfs-format.md 12.
"""

from __future__ import annotations

import enum
import threading
from dataclasses import dataclass


class Failure(enum.Enum):
    """Classes of a try that failed, named by the reaction."""

    TRANSFER = "transfer"
    PROXY = "proxy"
    HOST = "host"
    BAD_DATA = "bad data"


@dataclass(frozen=True)
class Place:
    """One proxy and one host, as positions in their lists."""

    proxy: int
    host: int


class Route:
    """Where fetches start: the last proxy and host that worked. Thread-safe."""

    def __init__(self, proxies: int, hosts: int) -> None:
        self.proxies = proxies
        self.hosts = hosts
        self._lock = threading.Lock()
        self._place = Place(0, 0)

    @property
    def place(self) -> Place:
        """Proxy and host that the next fetch starts with."""
        with self._lock:
            return self._place

    def proxy_answered(self, start: Place, used: Place) -> None:
        """Something answered through this proxy, be it that the object is missing."""
        # A fetch that never moved must not undo what another one found out meanwhile.
        if used.proxy != start.proxy:
            with self._lock:
                self._place = Place(used.proxy, self._place.host)

    def host_answered(self, start: Place, used: Place) -> None:
        """A good object came from this host."""
        if used.host != start.host:
            with self._lock:
                self._place = Place(self._place.proxy, used.host)

    def leave_host(self, host: int) -> None:
        """Start with the next host, if this one is where fetches start."""
        with self._lock:
            if self._place.host == host:
                self._place = Place(self._place.proxy, (host + 1) % self.hosts)


class Walk:
    """The tries of one request."""

    def __init__(self, route: Route, max_retries: int, *, no_cache: bool) -> None:
        self.start = route.place
        self.place = self.start
        self.no_cache = no_cache
        self.retries = 0
        self.failovers = 0
        self._hosts = route.hosts
        self._proxies = route.proxies
        self._max_retries = max_retries
        self._used_hosts = 1
        self._used_proxies = 1

    def go_on(self, failure: Failure, *, direct: bool) -> bool:
        """Move to the next try; False if there is none."""
        if failure is Failure.TRANSFER:
            if self.retries < self._max_retries:
                self.retries += 1
                return True
            failure = Failure.HOST if direct else Failure.PROXY
        if failure is Failure.BAD_DATA and not self.no_cache:
            self.no_cache = True
            return True
        if failure is Failure.PROXY:
            return self._next_proxy()
        return self._next_host(self.place.proxy)

    def _next_proxy(self) -> bool:
        if self._used_proxies >= self._proxies:
            self._used_proxies = 1
            return self._next_host(0)
        self._used_proxies += 1
        self.failovers += 1
        next_proxy = (self.place.proxy + 1) % self._proxies
        self.place = Place(next_proxy, self.place.host)
        return True

    def _next_host(self, proxy: int) -> bool:
        if self._used_hosts >= self._hosts:
            return False
        self._used_hosts += 1
        self.failovers += 1
        self.place = Place(proxy, (self.place.host + 1) % self._hosts)
        return True


class Backoff:
    """Waits between tries of one URL: random at first, then doubling."""

    def __init__(self, init_s: float, max_s: float) -> None:
        self._init_s = init_s
        self._max_s = max_s
        self._last_s = 0.0

    def next_s(self) -> float:
        """Seconds to wait before the next try."""
        import random  # noqa: PLC0415

        if self._last_s > 0.0:
            self._last_s *= 2
        else:
            self._last_s = random.uniform(0.0, self._init_s)  # noqa: S311
        self._last_s = min(self._last_s, self._max_s)
        return self._last_s
