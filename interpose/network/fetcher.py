# SPDX-License-Identifier: GPL-2.0-or-later
"""Fetches one path from servers in order, through proxies in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from interpose import courtesy
from interpose.errors import InterposeError, NoServer, Offline
from interpose.formats.proxylist import AUTO, DIRECT, Groups
from interpose.messages import Log
from interpose.network.complaint import Tried, complaint, shown
from interpose.network.counters import Counters
from interpose.network.escape import escape
from interpose.network.failover import (
    Backoff,
    Failure,
    Resets,
    Route,
    Walk,
    Way,
)
from interpose.network.local import open_file_url
from interpose.network.memory import Memory, OwnMemory
from interpose.network.settings import NetworkSettings
from interpose.network.transfer import (
    Answer,
    OpenSink,
    Small,
    TryFailed,
    Wanted,
    judge,
    pump,
)

if TYPE_CHECKING:
    from interpose.network.web import Web

_NO_ROUTE_HOLDS_S = 60.0

_log = Log(__name__)


class Fetched(NamedTuple):
    """Where an object came from; `bytes` of it, `seconds` with all tries."""

    url: str
    proxy: str
    bytes: int
    seconds: float


def _silent(text: str, cause: str) -> None:
    del text, cause


class Lent(NamedTuple):
    """What a fetcher is lent: a memory that outlives the run, and the user's ear.

    `pause` waits between retries; None: until the fetcher is closed.
    """

    memory: Memory | None = None
    notice: Callable[[str, str], object] = _silent
    pause: Callable[[float], object] | None = None


class Fetcher:
    """Gets paths below the servers of its settings. Thread-safe.

    Proxies and servers are tried as failover.py says; a later fetch starts with what
    worked. `auto` and the order of servers are found out by the first fetch.
    """

    def __init__(self, settings: NetworkSettings, lent: Lent | None = None) -> None:
        lent = Lent() if lent is None else lent
        self.settings = settings
        self._lent = lent
        self._memory = lent.memory if lent.memory is not None else OwnMemory()
        self._route: Route | None = None
        self._no_route: tuple[float, InterposeError | None] = (0.0, None)
        self._route_lock = threading.Lock()
        self._counters = Counters()
        self._closed = threading.Event()
        self._pause = lent.pause if lent.pause is not None else self._closed.wait
        self._web: Web | None = None
        self._web_lock = threading.Lock()
        self._last_proxy = ""

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
        route = self._route_of_all_threads()
        settings = self.settings
        walk = Walk(
            route, settings.max_retries, key=wanted.text, no_cache=wanted.no_cache
        )
        backoff = Backoff(settings.backoff_init_s, settings.backoff_max_s)
        tries: list[Tried] = []
        try:
            while True:
                try:
                    fetched = self._try(walk, wanted, open_sink)
                    return fetched._replace(seconds=time.monotonic() - began)
                except TryFailed as failed:
                    tries.append(self._tried(walk.way, failed))
                if not self._moved_on(walk, backoff, tries[-1]):
                    raise complaint(wanted.text, tries, len(route.hosts))
        finally:
            self._counters.moved(retries=walk.retries, failovers=walk.failovers)

    def _tried(self, way: Way, failed: TryFailed) -> Tried:
        return Tried(way.host, _proxy(way), failed)

    def _moved_on(self, walk: Walk, backoff: Backoff, tried: Tried) -> bool:
        retries, failed = walk.retries, tried.failed
        if self._closed.is_set():
            return False
        direct = tried.proxy == DIRECT
        if not walk.go_on(failed.failure, direct=direct, is_dead=failed.silent):
            return False
        if walk.retries > retries:
            with courtesy.queue.waiting():
                self._pause(backoff.next_s())
        return True

    def reject(self, url: str) -> None:
        """Start later fetches with another host: what this URL gave is bad."""
        route = self._route_of_all_threads()
        for server in route.hosts:
            if url.startswith(f"{server}/"):
                route.host_failed(server)

    def peers(self) -> tuple[Groups, tuple[str, ...]]:
        """Groups of proxies, and servers, as a fetch finds them. Errors: NoProxy."""
        route = self._route_of_all_threads()
        return route.groups, route.hosts

    def statistics(self) -> dict[str, Any]:
        """Requests, bytes, by_host, retries, failovers and the proxy in use."""
        numbers = self._counters.snapshot()
        groups = self.settings.proxies or ((DIRECT,),)
        numbers["proxy"] = shown(self._last_proxy or groups[0][0])
        return numbers

    def close(self) -> None:
        """Close connections and end back-offs; fetches under way fail soon."""
        self._closed.set()
        if self._web is not None:
            self._web.close()

    def _check(self, wanted: Wanted) -> None:
        if self.settings.offline:
            raise Offline("offline and not in a cache", wanted.text)
        if not self.settings.servers:
            raise NoServer(
                "no server to fetch from", wanted.text, "set CVMFS_SERVER_URL"
            )
        if wanted.byte_range is not None and min(wanted.byte_range) < 0:
            raise ValueError("negative byte range")

    def _try(self, walk: Walk, wanted: Wanted, open_sink: OpenSink) -> Fetched:
        url = f"{walk.way.host}/{escape(wanted.path).lstrip('/')}"
        proxy = self._last_proxy = _proxy(walk.way)
        try:
            answer = self._open(url, proxy, wanted._replace(no_cache=walk.no_cache))
            try:
                judge(answer, wanted, direct=proxy == DIRECT)
                size_bytes = _poured(answer, wanted, open_sink)
            finally:
                answer.close()
        except TryFailed as failed:
            _log.debug("%s through %s: %s", shown(url), shown(proxy), failed.reason)
            if failed.status is not None and failed.failure is not Failure.PROXY:
                walk.answered()
            raise
        walk.worked()
        return Fetched(url, proxy, size_bytes, 0.0)

    def _open(self, url: str, proxy: str, wanted: Wanted) -> Answer:
        self._counters.sent(url)
        if url.startswith("file://"):
            answer = open_file_url(url, wanted.byte_range)
        else:
            answer = self._web_of_all_threads().open(url, proxy, wanted)
        return answer._replace(blocks=self._counted(url, answer.blocks))

    def _counted(self, url: str, blocks: Iterator[bytes]) -> Iterator[bytes]:
        for block in blocks:
            self._counters.received(url, len(block))
            yield block

    def _route_of_all_threads(self) -> Route:
        with self._route_lock:
            if self._route is not None:
                return self._route
            since, error = self._no_route
            if error is not None and time.monotonic() - since < _NO_ROUTE_HOLDS_S:
                raise error
            try:
                self._route = self._found_route()
            except InterposeError as error:
                self._no_route = (time.monotonic(), error)
                raise
            return self._route

    def _found_route(self) -> Route:
        from random import sample  # noqa: PLC0415

        settings = self.settings
        groups, hosts = settings.proxies or ((DIRECT,),), settings.servers
        asks = any(AUTO in group for group in groups)
        if asks or settings.use_geo or settings.max_servers:
            from interpose.network.survey import Survey  # noqa: PLC0415

            survey = Survey(settings, self._memory, self._ask, self._lent.notice)
            groups, hosts = survey.route()
        return Route(
            # Which member serves this job is chance: that is what spreads the load.
            [sample(group, len(group)) for group in groups],
            [url.rstrip("/") for url in hosts],
            Resets(settings.proxy_reset_s, settings.host_reset_s),
            self._memory,
            sharded=settings.proxy_shard,
        )

    def _ask(
        self,
        settings: NetworkSettings,
        path: str,
        check: Callable[[bytes], object],
        most_bytes: int,
    ) -> bytes:
        """A small answer for the survey, as `check` wants it. Errors: as `get`."""
        sinks: list[Small] = []

        def open_sink() -> Small:
            sinks[:] = [Small(check)]
            return sinks[0]

        asking = Fetcher(settings, self._lent)
        try:
            asking.fetch(path, open_sink, limit_bytes=most_bytes)
        finally:
            asking.close()
        return bytes(sinks[0].data)

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


def _proxy(way: Way) -> str:
    return DIRECT if way.host.startswith("file://") else way.proxy
