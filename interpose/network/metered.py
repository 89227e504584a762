# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections that give up when bytes come too slowly, or frame too little.

A socket's time-out begins anew with each byte, so a server that sends one byte now and
then would hold us for ever. Here each read of the socket is counted and timed. Lines
(status, headers, 1xx answers, sizes of chunks with their extensions, trailers) are
bounded by themselves: whatever a peer makes of them, an answer without end ends.
Source: docs/format.md 12 (low speed limit); RFC 9112, 2.2, 5 and 7.1.
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

from interpose import courtesy
from interpose.network.names import connect, in_order, look_up
from interpose.network.settings import Families

MAX_LINES_BYTES = 128 * 1024
# Connections to one server that are kept for the next request.
MOST_IDLE = 32
# Whoever sends single bytes, each as a chunk, needs three bytes of lines for each.
_LINES_FOR_A_BYTE = 8
_BUFFER_BYTES = 64 * 1024


class Pace:
    """Bytes over time of one response; only time spent waiting for the peer counts.

    Lines that follow a line are a header or trailers: they have a time-out of their
    own. The size of a chunk follows a body, for which a server may need its time.
    """

    def __init__(self, low_speed_limit: int, timeout_s: float) -> None:
        # A limit of 0 would allow a byte an hour.
        self._least_bytes = max(1, low_speed_limit) * timeout_s
        self._timeout_s = timeout_s
        self._window_s = 0.0
        self._window_bytes = 0
        self._lines_s = 0.0
        self._lines_bytes = 0
        self._body_bytes = 0
        self._is_in_lines = True

    def add(self, size_bytes: int, seconds: float) -> None:
        """Count one read of the socket. Errors: socket.timeout if too slow."""
        if size_bytes == 0:
            return
        if self._is_in_lines:
            self._lines_s += seconds
            if self._lines_s > 2 * self._timeout_s:
                raise socket.timeout("headers are too slow")
        self._window_s += seconds
        self._window_bytes += size_bytes
        if self._window_s < self._timeout_s:
            return
        if self._window_bytes < self._least_bytes:
            raise socket.timeout("too slow")
        self._window_s = 0.0
        self._window_bytes = 0

    def add_line(self, size_bytes: int) -> None:
        """Count one line. Errors: HTTPException for more than anybody needs."""
        self._is_in_lines = True
        self._lines_bytes += size_bytes
        most = MAX_LINES_BYTES + _LINES_FOR_A_BYTE * self._body_bytes
        if self._lines_bytes > most:
            raise http.client.HTTPException("headers without end")

    def add_body(self, size_bytes: int) -> None:
        """Count bytes between lines."""
        self._is_in_lines = False
        self._body_bytes += size_bytes


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
        with courtesy.queue.waiting():
            size: int | None = self._raw.readinto(buffer)
        self._pace.add(size or 0, time.monotonic() - began)
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


class _PacedLines(io.BufferedReader):
    """What http.client reads from: lines by readline, all else is a body."""

    def __init__(self, raw: io.RawIOBase, pace: Pace) -> None:
        super().__init__(raw, _BUFFER_BYTES)
        self._pace = pace

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(-1 if size is None else size)
        self._pace.add_line(len(line))
        return line

    def read(self, size: int | None = -1, /) -> bytes:
        self._pace.add_body(0)
        data = super().read(size)
        self._pace.add_body(len(data))
        return data

    def read1(self, size: int = -1, /) -> bytes:
        self._pace.add_body(0)
        data = super().read1(size)
        self._pace.add_body(len(data))
        return data

    def readinto(self, buffer: Any, /) -> int:
        self._pace.add_body(0)
        size = super().readinto(buffer)
        self._pace.add_body(size)
        return size


class _PacedResponse(http.client.HTTPResponse):
    """A response that reads the socket through a pace."""

    low_speed_limit = 1024

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        timeout_s = sock.gettimeout() or 10.0
        pace = Pace(self.low_speed_limit, timeout_s)
        self.fp = _PacedLines(_PacedReads(self.fp.detach(), pace), pace)


class _Connecting:
    """What our connections do otherwise than urllib3's.

    Brackets are sent as they are, as the official client does; names are looked up
    and connected within one time-out, whatever the number of addresses.
    """

    families = Families()

    def putrequest(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        url = url.replace("%5B", "[").replace("%5D", "]")
        parent: Any = super()
        return parent.putrequest(method, url, *args, **kwargs)

    def _new_conn(self) -> socket.socket:
        mine: Any = self
        families, until = self.families, time.monotonic() + mine.timeout
        family = socket.AF_INET if families.ipv4_only else socket.AF_UNSPEC
        host = mine._dns_host.strip("[]")  # noqa: SLF001 (urllib3's own, ours to read)
        with courtesy.queue.waiting():
            found = look_up(host, mine.port, family, mine.timeout)
        if getattr(mine, "proxy", None) is not None:
            found = in_order(found, families)
        left_s = max(0.01, until - time.monotonic())
        with courtesy.queue.waiting():
            return connect(found, left_s, mine.socket_options or ())


class MeteredAdapter(HTTPAdapter):
    """An adapter of requests whose connections keep a pace.

    It makes and keeps the pools, of each proxy its own, and `send` is not used: what
    requests does around the pools for a small object costs as much as the exchange.
    """

    def __init__(self, low_speed_limit: int, families: Families, **pools: Any) -> None:
        """`pools`: whose certificates are believed, and the like, for urllib3."""
        response = type(
            "Response", (_PacedResponse,), {"low_speed_limit": low_speed_limit}
        )
        extra = {"response_class": response, "families": families}
        plain = type("Plain", (_Connecting, HTTPConnection), extra)
        secure = type("Secure", (_Connecting, HTTPSConnection), extra)
        self._pools = {
            "http": type("Pool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("Pool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
        }
        self._options = pools
        super().__init__(pool_maxsize=MOST_IDLE)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the manager of direct connections."""
        kwargs.update(self._options)
        super().init_poolmanager(*args, **kwargs)
        manager: Any = self.poolmanager
        manager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        """Give the manager of connections through this proxy."""
        kwargs.update(self._options)
        manager: Any = super().proxy_manager_for(proxy, **kwargs)
        if not str(proxy).lower().startswith("socks"):
            manager.pool_classes_by_scheme = self._pools
        return manager
