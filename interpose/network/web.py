# SPDX-License-Identifier: GPL-2.0-or-later
"""Answers of http and https URLs, through the pools of requests.

Imported on the first fetch only: requests costs a fifth of a second.
"""

from __future__ import annotations

import http.client
import os
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import requests.exceptions
import requests.utils
import urllib3
import urllib3.exceptions

from interpose.formats.proxylist import DIRECT
from interpose.network.escape import escape
from interpose.network.failover import Failure
from interpose.network.metered import MeteredAdapter
from interpose.network.settings import NetworkSettings
from interpose.network.transfer import BLOCK_BYTES, Answer, TryFailed, Wanted

MAX_REDIRECTS = 4
_REDIRECTS = (301, 302, 303, 307, 308)
_ODD_PROXY = (
    urllib3.exceptions.ProxySchemeUnknown,
    requests.exceptions.InvalidSchema,  # socks without PySocks
)
# A short page that nobody wants is read, for the sake of its connection.
_READ_ANYWAY_BYTES = 16 * 1024
_FAILURES = (
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
)


class Web:
    """Sends requests. All threads share the connections, of each proxy its own."""

    def __init__(self, settings: NetworkSettings) -> None:
        self._settings = settings
        self._adapter = MeteredAdapter(
            settings.low_speed_limit, settings.families, **_trust(settings.ca_path)
        )
        self._lock = threading.Lock()

    def open(self, url: str, proxy: str, wanted: Wanted) -> Answer:
        """What the server says; redirects are followed if the settings allow it.

        Errors: TryFailed.
        """
        for _ in range(MAX_REDIRECTS + 1):
            response = self._send(url, proxy, wanted)
            target = response.headers.get("Location", "")
            redirected = response.status in _REDIRECTS and target
            if not (redirected and self._settings.follow_redirects):
                return _answer(response, proxy)
            _leave(response)
            url = urljoin(url, target)
            if urlsplit(url).scheme not in ("http", "https"):
                raise TryFailed(Failure.HOST, "redirected to something that is no web")
        raise TryFailed(Failure.TRANSFER, f"more than {MAX_REDIRECTS} redirects")

    def close(self) -> None:
        """Close all connections."""
        self._adapter.close()

    def _send(self, url: str, proxy: str, wanted: Wanted) -> urllib3.BaseHTTPResponse:
        settings = self._settings
        timeout_s = settings.timeout_direct_s if proxy == DIRECT else settings.timeout_s
        try:
            response: urllib3.BaseHTTPResponse = self._manager(proxy).urlopen(
                "GET",
                url,
                headers={**self._headers(wanted), **_authorization(url)},
                timeout=urllib3.Timeout(connect=timeout_s, read=timeout_s),
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            return response
        except _FAILURES as error:
            failed = _explained(error, proxy)
            failed.silent = True
            raise failed from error

    def _manager(self, proxy: str) -> Any:
        """The connections through a proxy. Errors: HTTPError, InvalidSchema."""
        if proxy == DIRECT:
            return self._adapter.poolmanager
        with self._lock:
            return self._adapter.proxy_manager_for(proxy)

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


def _authorization(url: str, name: str = "Authorization") -> dict[str, str]:
    """The header for the user and the password that a URL names, if it does."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return {}
    who = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    basic = urllib3.util.make_headers(basic_auth=who)
    return {name: basic["authorization"]}


def _trust(ca_path: str) -> dict[str, str]:
    """Whose certificates are believed."""
    if not ca_path:
        ca_path = requests.utils.DEFAULT_CA_BUNDLE_PATH
    kind = "ca_cert_dir" if os.path.isdir(ca_path) else "ca_certs"
    return {"cert_reqs": "CERT_REQUIRED", kind: ca_path}


def _answer(response: urllib3.BaseHTTPResponse, proxy: str) -> Answer:
    return Answer(
        response.status,
        response.reason or "",
        _length(response),
        _offset(response.headers.get("Content-Range", "")),
        _blocks(response, proxy),
        lambda: _leave(response),
        _is_of_proxy(response.headers),
        response.headers.get("Date", ""),
        response.headers.get("Age", ""),
    )


def _leave(response: urllib3.BaseHTTPResponse) -> None:
    """Keep the connection if little or nothing is left on it, else close it."""
    left = response.length_remaining
    if left is not None and left <= _READ_ANYWAY_BYTES:
        response.drain_conn()
    else:
        response.close()


def _is_of_proxy(headers: Mapping[str, str]) -> bool:
    """Whether a proxy says that it made this answer, and not the server.

    Source: squid's X-Squid-Error; RFC 9209 2.1 (`received-status` without an `error`
    is what the next one said).
    """
    if "X-Squid-Error" in headers:
        return True
    status = headers.get("Proxy-Status", "").lower()
    return bool(status) and ("error=" in status or "received-status" not in status)


def _blocks(response: urllib3.BaseHTTPResponse, proxy: str) -> Iterator[bytes]:
    while True:
        try:
            block = response.read(BLOCK_BYTES, decode_content=False)
        except _FAILURES as error:
            if isinstance(error, ValueError) and not isinstance(error, OSError):
                reason = "a body that cannot be read"
                raise TryFailed(Failure.TRANSFER, reason) from error
            raise _explained(error, proxy) from error
        if not block:
            return
        yield block


def _length(response: urllib3.BaseHTTPResponse) -> int | None:
    if "chunked" in response.headers.get("Transfer-Encoding", "").lower():
        return None
    text = response.headers.get("Content-Length", "")
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None


def _offset(content_range: str) -> int | None:
    found = re.match(r"bytes\s+([0-9]{1,18})-", content_range)
    return int(found.group(1)) if found else None


def _explained(error: BaseException, proxy: str) -> TryFailed:
    """The class and the reason of what urllib3 or a socket raised."""
    causes = list(_causes(error))
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        failure = Failure.HOST if proxy == DIRECT else Failure.PROXY
        return TryFailed(failure, "name not found")
    if any(_is_timeout(cause) for cause in causes):
        return TryFailed(Failure.TRANSFER, "too slow", slow=True)
    if isinstance(error, _ODD_PROXY):
        return TryFailed(Failure.PROXY, "proxy URL cannot be used")
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return TryFailed(Failure.HOST, "URL cannot be used")
    if isinstance(error, (urllib3.exceptions.URLSchemeUnknown, UnicodeError)):
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
    """The error in words; urllib3 counts the bytes where http.client keeps them."""
    partial: Any = error.partial
    taken = partial if isinstance(partial, int) else len(partial)
    missing = error.expected
    if missing is None:
        return f"short transfer: {taken} bytes"
    return f"short transfer: {taken} of {taken + missing} bytes"


def _is_timeout(cause: BaseException) -> bool:
    # urllib3 derives "cannot connect", whatever the reason, from its time-out.
    if isinstance(cause, urllib3.exceptions.NewConnectionError):
        return False
    timeouts = (socket.timeout, urllib3.exceptions.TimeoutError)
    return isinstance(cause, timeouts)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it stands for, outermost first."""
    seen: set[int] = set()
    waiting: list[Any] = [error]
    while waiting:
        cause = waiting.pop(0)
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting.extend([getattr(cause, "reason", None), *cause.args])
        waiting.extend([cause.__cause__, cause.__context__])
