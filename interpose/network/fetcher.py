# SPDX-License-Identifier: GPL-2.0-or-later
"""Fetches one path from servers in order, through proxies in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from interpose.errors import NoServer, Offline
from interpose.messages import Log
from interpose.network.complaint import Tried, complaint, shown
from interpose.network.counters import Counters
from interpose.network.escape import escape
from interpose.network.failover import Backoff, Place, Route, Walk
from interpose.network.local import open_file_url
from interpose.network.settings import DIRECT, NetworkSettings
from interpose.network.transfer import (
    Answer,
    OpenSink,
    TryFailed,
    Wanted,
    judge,
    pump,
)

if TYPE_CHECKING:
    from interpose.network.web import Web

_log = Log(__name__)


@dataclass(frozen=True)
class Fetched:
    """Where an object came from; `bytes` of it, `seconds` with all tries."""

    url: str
    proxy: str
    bytes: int
    seconds: float


class Fetcher:
    """Gets paths below the servers of its settings. Thread-safe.

    Proxies and servers are tried as cvmfs-format.md 12 says; a later fetch starts with
    the proxy and the server that worked last. `pause` waits between retries.
    """

    def __init__(
        self,
        settings: NetworkSettings,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self.settings = settings
        self._servers = tuple(url.rstrip("/") for url in settings.servers)
        self._proxies = settings.proxy_order
        self._route = Route(len(self._proxies), max(1, len(self._servers)))
        self._counters = Counters()
        self._closed = threading.Event()
        self._pause = pause if pause is not None else self._closed.wait
        self._web: Web | None = None
        self._web_lock = threading.Lock()

    def fetch(
        self,
        path: str | bytes,
        open_sink: OpenSink,
        *,
        no_cache: bool = False,
        byte_range: tuple[int, int] | None = None,
        limit_bytes: int | None = None,
    ) -> Fetched:
        """Get a path into a sink; see `get`. `byte_range` is (offset, size)."""
        return self.get(Wanted(path, no_cache, byte_range, limit_bytes), open_sink)

    def get(self, wanted: Wanted, open_sink: OpenSink) -> Fetched:
        """Get what is wanted into a sink that `open_sink` gives afresh for each try.

        Errors: Offline; NotOnServer if each server says 404; the sink's HashMismatch or
        FormatError if the bytes stayed bad; TimedOut, NoProxy, NoServer, NetworkError;
        any other exception of the sink as it is, without another try.
        """
        self._check(wanted)
        began = time.monotonic()
        walk = Walk(self._route, self.settings.max_retries, no_cache=wanted.no_cache)
        backoff = Backoff(self.settings.backoff_init_s, self.settings.backoff_max_s)
        tries: list[Tried] = []
        try:
            while True:
                try:
                    fetched = self._try(walk, wanted, open_sink)
                    return replace(fetched, seconds=time.monotonic() - began)
                except TryFailed as failed:
                    tries.append(self._tried(walk.place, failed))
                if not self._moved_on(walk, backoff, tries[-1]):
                    raise complaint(wanted.text, tries, len(self._servers))
        finally:
            self._counters.moved(retries=walk.retries, failovers=walk.failovers)

    def _tried(self, place: Place, failed: TryFailed) -> Tried:
        return Tried(self._servers[place.host], self._proxy(place), failed)

    def _moved_on(self, walk: Walk, backoff: Backoff, tried: Tried) -> bool:
        retries = walk.retries
        if self._closed.is_set():
            return False
        if not walk.go_on(tried.failed.failure, direct=tried.proxy == DIRECT):
            return False
        if walk.retries > retries:
            self._pause(backoff.next_s())
        return True

    def reject(self, url: str) -> None:
        """Start later fetches with another host: what this URL gave is bad."""
        for host, server in enumerate(self._servers):
            if url.startswith(f"{server}/"):
                self._route.leave_host(host)

    def statistics(self) -> dict[str, Any]:
        """Requests, bytes, by_host, retries, failovers and the proxy in use."""
        numbers = self._counters.snapshot()
        numbers["proxy"] = shown(self._proxies[self._route.place.proxy])
        return numbers

    def close(self) -> None:
        """Close connections and end back-offs; fetches under way fail soon."""
        self._closed.set()
        if self._web is not None:
            self._web.close()

    def _check(self, wanted: Wanted) -> None:
        if self.settings.offline:
            raise Offline("offline and not in a cache", wanted.text)
        if not self._servers:
            raise NoServer(
                "no server to fetch from", wanted.text, "set CVMFS_SERVER_URL"
            )
        if wanted.byte_range is not None and min(wanted.byte_range) < 0:
            raise ValueError("negative byte range")

    def _try(self, walk: Walk, wanted: Wanted, open_sink: OpenSink) -> Fetched:
        url = f"{self._servers[walk.place.host]}/{escape(wanted.path).lstrip('/')}"
        proxy = self._proxy(walk.place)
        try:
            answer = self._open(url, proxy, replace(wanted, no_cache=walk.no_cache))
            try:
                judge(answer, wanted, direct=proxy == DIRECT)
                size_bytes = _poured(answer, wanted, open_sink)
            finally:
                answer.close()
        except TryFailed as failed:
            _log.debug("%s through %s: %s", shown(url), shown(proxy), failed.reason)
            if failed.status is not None:
                self._route.proxy_answered(walk.start, walk.place)
            raise
        self._route.proxy_answered(walk.start, walk.place)
        self._route.host_answered(walk.start, walk.place)
        return Fetched(url, proxy, size_bytes, 0.0)

    def _open(self, url: str, proxy: str, wanted: Wanted) -> Answer:
        self._counters.sent(url)
        if url.startswith("file://"):
            answer = open_file_url(url, wanted.byte_range)
        else:
            answer = self._web_of_all_threads().open(url, proxy, wanted)
        return replace(answer, blocks=self._counted(url, answer.blocks))

    def _counted(self, url: str, blocks: Iterator[bytes]) -> Iterator[bytes]:
        for block in blocks:
            self._counters.received(url, len(block))
            yield block

    def _proxy(self, place: Place) -> str:
        if self._servers[place.host].startswith("file://"):
            return DIRECT
        return self._proxies[place.proxy]

    def _web_of_all_threads(self) -> Web:
        with self._web_lock:
            if self._web is None:
                # requests costs a fifth of a second: a warm job never needs it.
                from interpose.network.web import Web  # noqa: PLC0415

                self._web = Web(self.settings)
            return self._web


def _poured(answer: Answer, wanted: Wanted, open_sink: OpenSink) -> int:
    sink = open_sink()
    try:
        return pump(answer, sink, wanted)
    except BaseException:
        sink.abort()
        raise
