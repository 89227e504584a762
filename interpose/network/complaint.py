# SPDX-License-Identifier: GPL-2.0-or-later
"""One line about all tries of a request, and the class of error that it deserves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from interpose.errors import (
    InterposeError,
    NetworkError,
    NoProxy,
    NoServer,
    NotOnServer,
    TimedOut,
)
from interpose.formats.proxylist import DIRECT
from interpose.network.failover import Failure
from interpose.network.transfer import NOT_FOUND, TryFailed

_ADVICE = "see CVMFS_SERVER_URL and CVMFS_HTTP_PROXY"


class Tried(NamedTuple):
    """One try that failed: which server, through which proxy, and why."""

    server: str
    proxy: str
    failed: TryFailed

    @property
    def text(self) -> str:
        """The try for a message."""
        through = "" if self.proxy == DIRECT else f" through {shown(self.proxy)}"
        return f"{shown(self.server)}{through}: {self.failed.reason}"


def complaint(path: str, tries: Sequence[Tried], servers: int) -> InterposeError:
    """The error that ends a request after these tries.

    NotOnServer only if the last word of each of the `servers` was a 404.
    """
    what = f"cannot fetch {path}"
    where = "; ".join(_collapsed([tried.text for tried in tries]))
    bad = [tried.failed.error for tried in tries if tried.failed.error is not None]
    if bad:
        worst = bad[-1]
        return type(worst)(f"{what}: {worst.what}", where, worst.advice)
    last = {tried.server: tried.failed for tried in tries}
    if len(last) == servers and all(f.status == NOT_FOUND for f in last.values()):
        return NotOnServer(f"{path} is on no server", where)
    return _class_of(tries)(what, where, _ADVICE)


def _class_of(tries: Sequence[Tried]) -> type[NetworkError]:
    if any(tried.failed.status is not None for tried in tries):
        return NetworkError
    if all(tried.failed.slow for tried in tries):
        return TimedOut
    through_proxies = all(tried.proxy != DIRECT for tried in tries)
    if through_proxies and all(
        tried.failed.failure in (Failure.TRANSFER, Failure.PROXY) for tried in tries
    ):
        return NoProxy
    return NoServer


def _collapsed(texts: list[str]) -> list[str]:
    """The texts in order, equal ones only once with their number."""
    counts: dict[str, int] = {}
    for text in texts:
        counts[text] = counts.get(text, 0) + 1
    return [f"{text} ({n} times)" if n > 1 else text for text, n in counts.items()]


def shown(url: str) -> str:
    """A URL without user and password."""
    from urllib.parse import urlsplit, urlunsplit  # noqa: PLC0415

    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
