# SPDX-License-Identifier: GPL-2.0-or-later
"""Answers of http and https URLs. Imported on the first fetch only."""

from __future__ import annotations

import http.client
import re
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from interpose.network.connections import Connections, Way, authorization
from interpose.network.escape import escape
from interpose.network.failover import Failure
from interpose.network.settings import DIRECT, NetworkSettings
from interpose.network.transfer import BLOCK_BYTES, Answer, TryFailed, Wanted

MAX_REDIRECTS = 4
_REDIRECTS = (301, 302, 303, 307, 308)
_FAILURES = (http.client.HTTPException, OSError, ValueError)
# A short page that nobody wants is read, for the sake of its connection.
_READ_ANYWAY_BYTES = 16 * 1024
_PRINTABLE = "".join(map(chr, range(33, 127)))


class Web:
    """Sends requests. All threads share the connections."""

    def __init__(self, settings: NetworkSettings) -> None:
        self._settings = settings
        self._connections = Connections(settings)

    def open(self, url: str, proxy: str, wanted: Wanted) -> Answer:
        """What the server says; redirects are followed if the settings allow it.

        Errors: TryFailed.
        """
        for _ in range(MAX_REDIRECTS + 1):
            exchange = self._sent(url, proxy, wanted)
            response = exchange.response
            target = response.headers.get("Location", "")
            redirected = response.status in _REDIRECTS and target
            if not (redirected and self._settings.follow_redirects):
                return exchange.answer()
            exchange.close()
            url = urljoin(url, target)
            if urlsplit(url).scheme not in ("http", "https"):
                raise TryFailed(Failure.HOST, "redirected to something that is no web")
        raise TryFailed(Failure.TRANSFER, f"more than {MAX_REDIRECTS} redirects")

    def close(self) -> None:
        """Close all connections that are not in use."""
        self._connections.close()

    def _sent(self, url: str, proxy: str, wanted: Wanted) -> _Exchange:
        try:
            return self._exchange(url, proxy, wanted)
        except _FAILURES as error:
            failed = _explained(error, proxy)
            failed.silent = True
            raise failed from error

    def _exchange(self, url: str, proxy: str, wanted: Wanted) -> _Exchange:
        """Errors: those of http.client and of sockets, ValueError, TryFailed."""
        settings = self._settings
        parts = urlsplit(url)
        way = Way.to(parts, proxy)
        target = parts.path or "/"
        if parts.query:
            target += f"?{parts.query}"
        headers = {"Host": way.name, **self._headers(wanted)}
        headers.update(authorization(url, "Authorization"))
        if way.is_forwarded:
            target = f"{way.scheme}://{way.name}{target}"
            headers.update(authorization(proxy, "Proxy-Authorization"))
        target = quote(target, safe=_PRINTABLE)
        known = self._connections.idle(way)
        if known is not None:
            try:
                return _Exchange(self._connections, way, known).begin(target, headers)
            except (ConnectionError, http.client.BadStatusLine):
                known.close()  # Closed at the moment at which we wrote to it.
        timeout_s = settings.timeout_direct_s if proxy == DIRECT else settings.timeout_s
        fresh = self._connections.fresh(way, timeout_s)
        return _Exchange(self._connections, way, fresh).begin(target, headers)

    def _headers(self, wanted: Wanted) -> dict[str, str]:
        headers = {
            "User-Agent": self._settings.agent,
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "Connection": "Keep-Alive",
        }
        if wanted.no_cache:
            headers["Pragma"] = headers["Cache-Control"] = "no-cache"
        if wanted.byte_range is not None:
            offset, size = wanted.byte_range
            headers["Range"] = f"bytes={offset}-{offset + size - 1}"
        if wanted.info and self._settings.send_info:
            headers["cvmfs-info"] = escape(wanted.info)
        return headers


class _Exchange:
    """One request on a connection, and its response."""

    response: http.client.HTTPResponse

    def __init__(
        self,
        connections: Connections,
        way: Way,
        connection: http.client.HTTPConnection,
    ) -> None:
        self._connections = connections
        self._way = way
        self._connection = connection

    def begin(self, target: str, headers: dict[str, str]) -> _Exchange:
        """Send the request and read the header. Errors: see Web._exchange."""
        connection = self._connection
        try:
            connection.putrequest(
                "GET", target, skip_host=True, skip_accept_encoding=True
            )
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            self.response = connection.getresponse()
        except BaseException:
            connection.close()
            raise
        return self

    def answer(self) -> Answer:
        """The response for those who know no connection. Errors: TryFailed."""
        response = self.response
        try:
            length = _length(response)
        except TryFailed:
            self._drop()
            raise
        return Answer(
            response.status,
            response.reason or "",
            length,
            _offset(response.headers.get("Content-Range", "")),
            self._blocks(),
            self.close,
            _is_of_proxy(response.headers),
        )

    def _blocks(self) -> Iterator[bytes]:
        while True:
            try:
                block = self.response.read(BLOCK_BYTES)
            except _FAILURES as error:
                self._drop()
                if isinstance(error, ValueError) and not isinstance(error, OSError):
                    reason = "a body that cannot be read"
                    raise TryFailed(Failure.TRANSFER, reason) from error
                raise _explained(error, self._way.proxy) from error
            if not block:
                return
            yield block

    def close(self) -> None:
        """Keep the connection for the next request, if nothing is left on it."""
        response = self.response
        left = response.length
        if not response.isclosed() and left is not None and left < _READ_ANYWAY_BYTES:
            try:
                response.read()
            except _FAILURES:
                self._drop()
                return
        if response.isclosed() and not response.will_close and self._connection.sock:
            self._connections.keep(self._way, self._connection)
        else:
            self._drop()

    def _drop(self) -> None:
        self.response.close()
        self._connection.close()


def _is_of_proxy(headers: http.client.HTTPMessage) -> bool:
    """Whether a proxy says that it made this answer, and not the server.

    Source: squid's X-Squid-Error; RFC 9209 2.1 (`received-status` without an `error`
    is what the next one said).
    """
    if "X-Squid-Error" in headers:
        return True
    status = headers.get("Proxy-Status", "").lower()
    return bool(status) and ("error=" in status or "received-status" not in status)


def _length(response: http.client.HTTPResponse) -> int | None:
    """Bytes of the body, if they are told. Errors: TryFailed for two numbers."""
    if response.headers.get("Transfer-Encoding"):
        return None
    texts = set(response.headers.get_all("Content-Length") or ())
    if len(texts) > 1:
        raise TryFailed(Failure.TRANSFER, "a body of two lengths")
    text = texts.pop().strip() if texts else ""
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None


def _offset(content_range: str) -> int | None:
    found = re.match(r"bytes\s+([0-9]{1,18})-", content_range)
    return int(found.group(1)) if found else None


def _explained(error: BaseException, proxy: str) -> TryFailed:
    """The class and the reason of what http.client or a socket raised."""
    causes = list(_causes(error))
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        failure = Failure.HOST if proxy == DIRECT else Failure.PROXY
        return TryFailed(failure, "name not found")
    if any(isinstance(cause, socket.timeout) for cause in causes):
        return TryFailed(Failure.TRANSFER, "too slow", slow=True)
    if isinstance(error, (ValueError, http.client.InvalidURL)) and not isinstance(
        error, OSError
    ):
        return TryFailed(Failure.HOST, "URL cannot be used")
    for cause in causes:
        if isinstance(cause, http.client.IncompleteRead):
            return TryFailed(Failure.TRANSFER, _what_is_missing(cause))
    for cause in reversed(causes):
        if isinstance(cause, OSError) and cause.strerror:
            return TryFailed(Failure.TRANSFER, cause.strerror.lower())
    last = causes[-1]
    reason = f"{type(last).__name__} {last}".strip()
    return TryFailed(Failure.TRANSFER, " ".join(reason.split())[:120])


def _what_is_missing(error: http.client.IncompleteRead) -> str:
    """The error in words."""
    taken = len(error.partial)
    missing = error.expected
    if missing is None:
        return f"short transfer: {taken} bytes"
    return f"short transfer: {taken} of {taken + missing} bytes"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it stands for, outermost first."""
    seen: set[int] = set()
    cause: Any = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__
