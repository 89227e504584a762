# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections to servers and proxies, kept for the next request of any thread."""

from __future__ import annotations

import http.client
import os
import select
import socket
import ssl
import threading
import time
from base64 import b64encode
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from interpose.network.failover import Failure
from interpose.network.metered import PacedResponse
from interpose.network.names import connect, in_order, look_up
from interpose.network.settings import DIRECT, NetworkSettings
from interpose.network.transfer import TryFailed

_PORTS = {"http": 80, "https": 443}
_MOST_IDLE = 32


@dataclass(frozen=True)
class Way:
    """To whom a connection goes, for which server, and through which proxy."""

    scheme: str
    host: str
    port: int
    proxy: str

    @classmethod
    def to(cls, parts: SplitResult, proxy: str) -> Way:
        """Errors: ValueError for a URL that cannot be used."""
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("no URL of a web server")
        port = parts.port or _PORTS[parts.scheme]
        return cls(parts.scheme, parts.hostname, port, proxy)

    @property
    def name(self) -> str:
        """The server as the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def is_forwarded(self) -> bool:
        """Whether a proxy reads the request and sends its own."""
        return self.proxy != DIRECT and self.scheme == "http"


class Connections:
    """Makes connections and keeps those that can be used again. Thread-safe."""

    def __init__(self, settings: NetworkSettings) -> None:
        self._settings = settings
        self._response: Any = type(
            "Response",
            (PacedResponse,),
            {"low_speed_limit": settings.low_speed_limit},
        )
        self._lock = threading.Lock()
        self._idle: dict[Way, list[http.client.HTTPConnection]] = {}
        self._context: ssl.SSLContext | None = None

    def idle(self, way: Way) -> http.client.HTTPConnection | None:
        """One that was used before and that its peer has not closed."""
        while True:
            with self._lock:
                waiting = self._idle.get(way)
                connection = waiting.pop() if waiting else None
            if connection is None or not _has_something_to_say(connection.sock):
                return connection
            connection.close()

    def keep(self, way: Way, connection: http.client.HTTPConnection) -> None:
        """Whatever was asked for has been read: use it again."""
        with self._lock:
            waiting = self._idle.setdefault(way, [])
            if len(waiting) < _MOST_IDLE:
                waiting.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close those that are not in use."""
        with self._lock:
            every = [one for waiting in self._idle.values() for one in waiting]
            self._idle.clear()
        for connection in every:
            connection.close()

    def fresh(self, way: Way, timeout_s: float) -> http.client.HTTPConnection:
        """A connection that is not made yet.

        Errors: TryFailed for a proxy that cannot be used.
        """
        if way.proxy == DIRECT:
            connection = self._made(way.scheme, way.host, way.port, timeout_s)
        else:
            connection = self._through(way, timeout_s)
        made: Any = connection
        # The place where http.client looks for how to connect.
        made._create_connection = self._connect_to(of_proxy=way.proxy != DIRECT)  # noqa: SLF001
        made.response_class = self._response
        return connection

    def _through(self, way: Way, timeout_s: float) -> http.client.HTTPConnection:
        try:
            proxy = Way.to(urlsplit(way.proxy), DIRECT)
        except ValueError:
            raise TryFailed(Failure.PROXY, "proxy URL cannot be used") from None
        if way.is_forwarded:
            return self._made(proxy.scheme, proxy.host, proxy.port, timeout_s)
        if proxy.scheme != "http":
            raise TryFailed(Failure.PROXY, "proxy cannot be used for https")
        connection = self._made("https", proxy.host, proxy.port, timeout_s)
        headers = authorization(way.proxy, "Proxy-Authorization")
        connection.set_tunnel(way.host, way.port, headers)
        return connection

    def _made(
        self, scheme: str, host: str, port: int, timeout_s: float
    ) -> http.client.HTTPConnection:
        if scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=timeout_s)
        return http.client.HTTPSConnection(
            host, port, timeout=timeout_s, context=self._trust()
        )

    def _trust(self) -> ssl.SSLContext:
        """Whose certificates are believed. Errors: OSError."""
        with self._lock:
            if self._context is None:
                place = self._settings.ca_path
                if not place:
                    import certifi  # noqa: PLC0415

                    place = certifi.where()
                if os.path.isdir(place):
                    self._context = ssl.create_default_context(capath=place)
                else:
                    self._context = ssl.create_default_context(cafile=place)
            return self._context

    def _connect_to(self, *, of_proxy: bool) -> Any:
        families = self._settings.families

        def create(
            address: tuple[str, int], timeout_s: float, *_: object
        ) -> socket.socket:
            until = time.monotonic() + timeout_s
            family = socket.AF_INET if families.ipv4_only else socket.AF_UNSPEC
            found = look_up(*address, family, timeout_s)
            if of_proxy:
                found = in_order(found, families)
            made = connect(found, max(0.01, until - time.monotonic()))
            made.settimeout(timeout_s)
            return made

        return create


def authorization(url: str, name: str) -> dict[str, str]:
    """The header for the user and the password that a URL names, if it does."""
    if "@" not in url:
        return {}
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return {}
    who = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return {name: f"Basic {b64encode(who.encode()).decode()}"}


def _has_something_to_say(sock: socket.socket | None) -> bool:
    """Nothing was asked: it was closed, or sends what nobody wants."""
    if sock is None:
        return True
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
