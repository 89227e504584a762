# SPDX-License-Identifier: GPL-2.0-or-later
"""Which proxy and which server are tried next: the official client's table, no I/O.

    transfer error   same again after a back-off, `max_retries` times a request;
                     then as proxy error (through a proxy) or host error (direct)
    proxy error      next proxy; after the last one the first again with the next host
    host error       next host; after the last one the next proxy with all of them
    absent (404)     next host; this one is not asked through another proxy either
    bad data         once more past all caches; then as host error

A group's members are tried before the next group. What failed where something else
worked is tried last, until its reset time is over. Source: docs/format.md 12.
"""

from __future__ import annotations

import enum
import hashlib
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from interpose.network.memory import Memory, OwnMemory

_FOR_EVER = float("inf")
_LOOK_EVERY_S = 1.0
_PROXY, _HOST = "proxy ", "host "


class Failure(enum.Enum):
    """Classes of a try that failed, named by the reaction."""

    TRANSFER = "transfer"
    PROXY = "proxy"
    HOST = "host"
    ABSENT = "absent"
    BAD_DATA = "bad data"


class Way(NamedTuple):
    """One proxy and one host, by their URLs."""

    proxy: str
    host: str


class Resets(NamedTuple):
    """Seconds until what failed is tried in its turn again; 0: in this run never."""

    proxy_s: float = 300.0
    host_s: float = 1800.0


class Route:
    """Where fetches start, and what they have learned. Thread-safe.

    `groups` are in order, each a group's members in the order in which they are tried;
    with `sharded` each object has an order of its own. `shared` outlives the run: it is
    told of who did not answer at all, not of answers that somebody else might get.
    """

    def __init__(
        self,
        groups: Sequence[Sequence[str]],
        hosts: Sequence[str],
        resets: Resets,
        shared: Memory,
        *,
        sharded: bool = False,
    ) -> None:
        self.hosts = tuple(dict.fromkeys(hosts))
        self.groups = tuple(tuple(dict.fromkeys(group)) for group in groups if group)
        self._resets = resets
        self._shared = shared
        self._own = OwnMemory()
        self._sharded = sharded
        self._looked: dict[Way, float] = {}

    def proxies_for(self, key: str) -> tuple[str, ...]:
        """All proxies in the order in which this object asks them."""
        order: dict[str, None] = {}
        for group in self.groups:
            order.update(
                dict.fromkeys(_sharded(group, key) if self._sharded else group)
            )
        return self._last_who_failed(order, _PROXY, self._resets.proxy_s)

    def hosts_now(self) -> tuple[str, ...]:
        """All hosts in the order in which they are asked."""
        return self._last_who_failed(self.hosts, _HOST, self._resets.host_s)

    def _last_who_failed(
        self, names: Iterable[str], kind: str, reset_s: float
    ) -> tuple[str, ...]:
        listed = tuple(names)
        if len(listed) < 2:
            return listed
        failed = {name for name in listed if self._has_failed(kind + name, reset_s)}
        good = [name for name in listed if name not in failed]
        return (*good, *(name for name in listed if name in failed))

    def _has_failed(self, name: str, reset_s: float) -> bool:
        if self._own.recall(name, reset_s or _FOR_EVER) is not None:
            return True
        return self._shared.recall(_shared_name(name), reset_s) is not None

    def proxy_failed(self, proxy: str, *, is_dead: bool) -> None:
        """Try this proxy last from now on."""
        self._failed(_PROXY + proxy, is_dead=is_dead)

    def host_failed(self, host: str, *, is_dead: bool = False) -> None:
        """Try this host last from now on."""
        self._failed(_HOST + host, is_dead=is_dead)

    def worked(self, way: Way) -> None:
        """Whatever was held against these two is over.

        What others hold against them is looked at once a second, not for each object.
        """
        now = time.monotonic()
        if now - self._looked.get(way, -_LOOK_EVERY_S) < _LOOK_EVERY_S:
            return
        self._looked[way] = now
        for name in (_PROXY + way.proxy, _HOST + way.host):
            if self._has_failed(name, _FOR_EVER):
                self._own.forget(name)
                self._shared.forget(_shared_name(name))

    def _failed(self, name: str, *, is_dead: bool) -> None:
        self._looked.clear()
        self._own.note(name, "")
        if is_dead:
            self._shared.note(_shared_name(name), "")


def _shared_name(name: str) -> str:
    """The same server has other repositories: scheme, name and port say who is dead.

    No user and password of a proxy gets into a file.
    """
    kind, _, url = name.partition(" ")
    scheme, separator, rest = url.partition("://")
    where = rest.partition("/")[0].rpartition("@")[2]
    return f"{kind} {scheme}{separator}{where}"


def _sharded(group: Sequence[str], key: str) -> list[str]:
    """The members in an order that is this object's own, on every node the same."""

    def weight(member: str) -> bytes:
        return hashlib.sha256(f"{member} {key}".encode("utf-8", "replace")).digest()

    return sorted(group, key=weight)


class Walk:
    """The tries of one request. No pair of proxy and host is tried twice in vain."""

    def __init__(
        self, route: Route, max_retries: int, *, key: str = "", no_cache: bool = False
    ) -> None:
        self._route = route
        self._proxies = route.proxies_for(key)
        self._hosts = route.hosts_now()
        self.way = Way(self._proxies[0], self._hosts[0])
        self.no_cache = no_cache
        self.retries = 0
        self.failovers = 0
        self._max_retries = max_retries
        self._tried: dict[Way, bool] = {}
        self._absent: set[str] = set()
        # Proxies that could not be used with the host in hand, and hosts that none of
        # the proxies could; the value: nothing answered at all.
        self._lost: dict[str, bool] = {}
        self._out_of_reach: dict[str, bool] = {}

    def go_on(self, failure: Failure, *, direct: bool, is_dead: bool = False) -> bool:
        """Move to the next try; False if there is none. `is_dead`: nobody answered."""
        if failure is Failure.TRANSFER:
            if self.retries < self._max_retries:
                self.retries += 1
                return True
            failure = Failure.HOST if direct else Failure.PROXY
        if failure is Failure.BAD_DATA and not self.no_cache:
            self.no_cache = True
            return True
        self._tried[self.way] = is_dead
        if failure is Failure.PROXY:
            self._lost[self.way.proxy] = is_dead
            return self._next_proxy()
        if failure is Failure.ABSENT:
            self._absent.add(self.way.host)
        return self._next_host(self.way.proxy)

    def _next_proxy(self) -> bool:
        host = self.way.host
        for proxy in self._proxies:
            if proxy not in self._lost and self._move(proxy, host):
                return True
        # It may be the host that no proxy could reach: the proxies get another chance.
        self._out_of_reach[host] = all(self._lost.values())
        self._lost.clear()
        return self._next_host(self._proxies[0])

    def _next_host(self, proxy: str) -> bool:
        here = self._hosts.index(self.way.host)
        for host in self._hosts[here + 1 :] + self._hosts[:here]:
            if self._move(proxy, host):
                return True
        for other in self._proxies:
            if other in self._lost:
                continue
            for host in self._hosts:
                if self._move(other, host):
                    return True
        return False

    def _move(self, proxy: str, host: str) -> bool:
        way = Way(proxy, host)
        unreachable = host in self._absent or host in self._out_of_reach
        if unreachable or way in self._tried:
            return False
        self.way = way
        self.failovers += 1
        return True

    def answered(self) -> None:
        """Something came through this proxy, be it that the object is missing."""
        for proxy, is_dead in self._lost.items():
            if proxy != self.way.proxy:
                self._route.proxy_failed(proxy, is_dead=is_dead)

    def worked(self) -> None:
        """A good object came this way."""
        self.answered()
        here = self.way
        for way, is_dead in self._tried.items():
            if way.host == here.host and way.proxy not in (here.proxy, *self._lost):
                self._route.proxy_failed(way.proxy, is_dead=False)
            if way.proxy == here.proxy and way.host != here.host:
                self._route.host_failed(way.host, is_dead=is_dead)
        for host, is_dead in self._out_of_reach.items():
            self._route.host_failed(host, is_dead=is_dead)
        self._route.worked(here)


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
