# SPDX-License-Identifier: GPL-2.0-or-later
"""One request to one server through one proxy: who answers, and how soon.

No failover and no memory: this is for who wants to know each of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from interpose.formats.proxylist import DIRECT
from interpose.network.complaint import shown
from interpose.network.failover import Failure, Way
from interpose.network.local import open_file_url
from interpose.network.settings import NetworkSettings
from interpose.network.transfer import Answer, Small, TryFailed, Wanted, judge, pump


class Reached(NamedTuple):
    """What came of it. `reason` is empty if it was what was wanted.

    `first_byte_s`: until the first bytes; None: nothing came. `ahead_s`: of how much
    our clock is ahead of the date that was told; None: none was told. `by_proxy`: the
    proxy is to blame, or it never reached a server.
    """

    way: Way
    data: bytes = b""
    reason: str = ""
    first_byte_s: float | None = None
    ahead_s: float | None = None
    by_proxy: bool = False

    @property
    def server(self) -> str:
        """The server for a reader."""
        return shown(self.way.host)

    @property
    def proxy(self) -> str:
        """The proxy for a reader."""
        return shown(self.way.proxy)


class Reacher:
    """Asks each way; thread-safe. `check` raises FormatError for what is not wanted."""

    def __init__(
        self,
        settings: NetworkSettings,
        wanted: Wanted,
        check: Callable[[bytes], object],
    ) -> None:
        from interpose.network.web import Web  # noqa: PLC0415 (see fetcher.py)

        self._web = Web(settings)
        self._wanted = wanted
        self._check = check

    def ask(self, way: Way) -> Reached:
        """Ask once, past all caches."""
        url = f"{way.host}/{self._wanted.text}"
        began = time.monotonic()
        sink = Small(self._check)
        first_byte_s, ahead_s = None, None
        direct = way.proxy == DIRECT
        try:
            if url.startswith("file://"):
                answer = open_file_url(url)
            else:
                answer = self._web.open(url, way.proxy, self._wanted)
            first_byte_s = time.monotonic() - began
            ahead_s = _ahead_s(answer)
            try:
                judge(answer, self._wanted, direct=direct)
                pump(answer, sink, self._wanted)
            finally:
                answer.close()
        except TryFailed as failed:
            silent = failed.status is None and first_byte_s is None
            by_proxy = not direct and (silent or failed.failure is Failure.PROXY)
            return Reached(
                way,
                reason=failed.reason,
                first_byte_s=first_byte_s,
                ahead_s=ahead_s,
                by_proxy=by_proxy,
            )
        return Reached(way, bytes(sink.data), "", first_byte_s, ahead_s)


def _ahead_s(answer: Answer) -> float | None:
    """Our clock minus theirs: a cache's copy is as old as its `Age` says.

    Source: RFC 9110, 6.6.1; RFC 9111, 5.1.
    """
    try:
        told = parsedate_to_datetime(answer.date)
        age_s = int(answer.age) if answer.age.isdigit() else 0
        return time.time() - told.timestamp() - age_s
    except (TypeError, ValueError, OverflowError):
        return None
