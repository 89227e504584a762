# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections that give up when bytes come too slowly.

A socket's time-out begins anew with each byte, so a server that sends one byte now and
then would hold us for ever. Here each read of the socket is counted and timed.
Source: cvmfs-format.md 12 (low speed limit).
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

MAX_HEADER_BYTES = 256 * 1024
_BUFFER_BYTES = 64 * 1024


class Pace:
    """Bytes over time of one response; only time spent waiting for the peer counts."""

    def __init__(self, low_speed_limit: int, timeout_s: float) -> None:
        # A limit of 0 would allow a byte an hour.
        self._least_bytes = max(1, low_speed_limit) * timeout_s
        self._timeout_s = timeout_s
        self._window_s = 0.0
        self._window_bytes = 0
        self._header_s = 0.0
        self._header_bytes = 0
        self.in_header = True

    def add(self, size_bytes: int, seconds: float) -> None:
        """Count one read. Errors: socket.timeout if too slow, HTTPException."""
        if size_bytes == 0:
            return
        if self.in_header:
            self._header_s += seconds
            self._header_bytes += size_bytes
            if self._header_s > 2 * self._timeout_s:
                raise socket.timeout("headers are too slow")
            if self._header_bytes > MAX_HEADER_BYTES:
                raise http.client.HTTPException("headers without end")
        self._window_s += seconds
        self._window_bytes += size_bytes
        if self._window_s < self._timeout_s:
            return
        if self._window_bytes < self._least_bytes:
            raise socket.timeout("too slow")
        self._window_s = 0.0
        self._window_bytes = 0


class _PacedReads(io.RawIOBase):
    """The raw stream of a socket with a pace."""

    def __init__(self, raw: Any, pace: Pace) -> None:
        super().__init__()
        self._raw = raw
        self._pace = pace

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return int(self._raw.fileno())

    def readinto(self, buffer: Any) -> int | None:
        began = time.monotonic()
        size: int | None = self._raw.readinto(buffer)
        self._pace.add(size or 0, time.monotonic() - began)
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


class _PacedResponse(http.client.HTTPResponse):
    """A response that reads the socket through a pace."""

    low_speed_limit = 1024

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        timeout_s = sock.gettimeout() or 10.0
        self._pace = Pace(self.low_speed_limit, timeout_s)
        raw = self.fp.detach()
        self.fp = io.BufferedReader(_PacedReads(raw, self._pace), _BUFFER_BYTES)

    def begin(self) -> None:
        super().begin()
        self._pace.in_header = False


class _OfficialEscapes:
    """Sends brackets as they are, as the official client does; urllib3 quotes them."""

    def putrequest(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        url = url.replace("%5B", "[").replace("%5D", "]")
        parent: Any = super()
        return parent.putrequest(method, url, *args, **kwargs)


class MeteredAdapter(HTTPAdapter):
    """An adapter of requests whose connections keep a pace."""

    def __init__(self, low_speed_limit: int) -> None:
        response = type(
            "Response", (_PacedResponse,), {"low_speed_limit": low_speed_limit}
        )
        extra = {"response_class": response}
        plain = type("Plain", (_OfficialEscapes, HTTPConnection), extra)
        secure = type("Secure", (_OfficialEscapes, HTTPSConnection), extra)
        self._pools = {
            "http": type("Pool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("Pool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
        }
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the manager of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        manager: Any = self.poolmanager
        manager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        """Give the manager of connections through this proxy."""
        manager: Any = super().proxy_manager_for(proxy, **kwargs)
        if not str(proxy).lower().startswith("socks"):
            manager.pool_classes_by_scheme = self._pools
        return manager
