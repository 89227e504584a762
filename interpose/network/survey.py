# SPDX-License-Identifier: GPL-2.0-or-later
"""What is asked before the first request: proxies of `auto`, who is near.

Answers are remembered: the next job on the node asks nobody.
Source: docs/format.md 12 (GeoAPI, proxy discovery).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from interpose.errors import FormatError, InterposeError, NoProxy
from interpose.formats.proxylist import AUTO, DIRECT, Groups, parse_groups
from interpose.network.memory import Memory
from interpose.network.settings import NetworkSettings

Ask = Callable[[NetworkSettings, str, Callable[[bytes], object], int], bytes]
Notice = Callable[[str, str], object]

WPAD = "http://wpad/wpad.dat"
_SERVERS_ASKED = 3
_MOST_GEO_BYTES = 4096
# Stands between servers and fallback proxies: near one of those, not near us.
_NEAR_FALLBACK = "+PXYSEP+"
_MOST_PAC_BYTES = 1 << 20
_PAC_HOLDS_S = 3600.0
_PAC_AT_MOST_S = 86400.0
_ADVICE = "set CVMFS_PAC_URLS, or name the proxies in CVMFS_HTTP_PROXY"


class Survey:
    """Asks once; `ask(settings, path, check, most_bytes)` gets the bytes of a path."""

    def __init__(
        self, settings: NetworkSettings, memory: Memory, ask: Ask, notice: Notice
    ) -> None:
        self._settings = settings
        self._memory = memory
        self._ask = ask
        self._notice = notice

    # Proxies

    def groups(self) -> Groups:
        """The groups of proxies, with what `auto` stands for.

        Errors: NoProxy where nothing is left; never DIRECT instead.
        """
        wanted = self._settings.proxies
        if not any(AUTO in group for group in wanted):
            return wanted or ((DIRECT,),)
        try:
            automatic = self._discovered()
        except InterposeError as error:
            rest = tuple(group for group in wanted if AUTO not in group)
            if not rest:
                raise
            self._notice(str(error), "no proxy was discovered")
            return rest
        found: list[tuple[str, ...]] = []
        for group in wanted:
            found.extend(automatic if AUTO in group else [group])
        return tuple(found)

    def _discovered(self) -> Groups:
        text = self._memory.recall(self._pac_name, _PAC_HOLDS_S)
        if text is None:
            text = self._asked()
        groups = parse_groups(text)
        if not self._settings.auto_may_be_direct:
            groups = tuple(g for g in groups if DIRECT not in g)
        if not groups:
            raise NoProxy("proxy discovery names no proxy", text, _ADVICE)
        if groups[0] == (DIRECT,):
            text = "proxy discovery says DIRECT, using no proxy"
            self._notice(f"{text} (see CVMFS_PAC_URLS)", "discovered DIRECT")
        return groups

    @property
    def _pac_name(self) -> str:
        text = " ".join((*self._settings.pac_urls, *self._settings.servers))
        return f"proxies {hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()}"

    def _asked(self) -> str:
        """What the first PAC file that can be had says, else what one said before."""
        failed = []
        for url in self._settings.pac_urls or (WPAD,):
            try:
                text = self._pac_answer(WPAD if url == AUTO else url)
            except InterposeError as error:
                failed.append(str(error))
                continue
            if text:
                self._memory.note(self._pac_name, text)
                return text
            failed.append(f"{url}: no answer")
        old = self._memory.recall(self._pac_name, _PAC_AT_MOST_S)
        if old is None:
            raise NoProxy("no proxy was discovered", "; ".join(failed), _ADVICE)
        self._notice(
            "proxy discovery fails, using what it found before (see CVMFS_PAC_URLS)",
            "old discovery",
        )
        return old

    def _pac_answer(self, url: str) -> str:
        """Groups in words. Errors: NetworkError and below, FormatError."""
        from interpose.network import pac  # noqa: PLC0415

        directory, _, name = url.rpartition("/")
        settings = _alone(self._settings, (directory,), ((DIRECT,),))
        program = self._ask(settings, name, lambda _: None, _MOST_PAC_BYTES)
        return pac.evaluate(program, self._settings.servers, settings.timeout_direct_s)

    # Servers, and the proxies to fall back on

    def route(self) -> tuple[Groups, tuple[str, ...]]:
        """The groups of proxies and the servers: nearest first if that is wanted.

        Of the proxies only those to fall back on have such an order. No more servers
        than wanted. Errors: as `groups`.
        """
        groups = self.groups()
        servers = tuple(url.rstrip("/") for url in self._settings.servers)
        if self._settings.use_geo:
            groups, servers = self._sorted(groups, servers)
        return groups, servers[: self._settings.max_servers or None]

    def _sorted(
        self, groups: Groups, servers: tuple[str, ...]
    ) -> tuple[Groups, tuple[str, ...]]:
        count = len(groups) - min(self._settings.fallback_groups, len(groups))
        regular, fallback = groups[:count], groups[count:]
        # By name, as the official client asks: proxies keep the answer for both.
        by_name = sorted(servers, key=_name)
        names = [_name(url) for url in by_name]
        # The members of a group are taken to be at one place.
        others = [_name(group[0]) for group in fallback]
        if (len(names) < 2 and len(others) < 2) or not all([*names, *others]):
            return groups, servers
        near_fallback = [_NEAR_FALLBACK] if not regular and len(names) > 1 else []
        order = self._order_of([*names, *near_fallback, *others], servers, regular)
        if order is None:
            return groups, servers
        first = len(names) + len(near_fallback)
        return (
            regular + tuple(fallback[n - first] for n in order if n >= first),
            tuple(by_name[n] for n in order if n < len(names)),
        )

    def _order_of(
        self, names: list[str], servers: tuple[str, ...], regular: Groups
    ) -> Sequence[int] | None:
        """Positions, nearest first; None if nobody says."""
        path = f"api/v1.0/geo/{self._caller(regular)}/{','.join(names)}"
        known = self._memory.recall(f"order {path}", self._settings.geo_holds_s)
        if known is None:
            known = self._ask_for_order(path, len(names), servers, regular)
            if known is None:
                return None
            self._memory.note(f"order {path}", known)
        return _order(known.encode(), len(names))

    def _ask_for_order(
        self, path: str, count: int, servers: tuple[str, ...], regular: Groups
    ) -> str | None:
        """What one of the servers says, which is an order of so many."""
        import random  # noqa: PLC0415

        asked = random.sample(servers, min(_SERVERS_ASKED, len(servers)))
        # Never through a proxy that is itself to be sorted.
        settings = _alone(self._settings, tuple(asked), regular or ((DIRECT,),))

        def check(data: bytes) -> None:
            _order(data, count)

        try:
            answer = self._ask(settings, path, check, _MOST_GEO_BYTES)
        except InterposeError as error:
            self._notice(
                f"no server sorts the servers, they are tried as listed: {error.what} "
                "(see CVMFS_USE_GEOAPI)",
                "no order of servers",
            )
            return None
        return answer.decode("ascii")

    def _caller(self, regular: Groups) -> str:
        """Who is to be near: the proxy's name; else any text, the address counts."""
        if self._settings.proxy_template:
            return self._settings.proxy_template
        proxies = [p for group in regular for p in group if p != DIRECT]
        return (_name(proxies[0]) if proxies else "") or "interpose"


def _name(url: str) -> str:
    return urlsplit(url).hostname or ""


def _alone(
    settings: NetworkSettings, servers: tuple[str, ...], groups: Groups
) -> NetworkSettings:
    """Settings for a question of our own, which must not lead to another one."""
    return settings._replace(
        servers=servers,
        proxies=groups,
        use_geo=False,
        max_servers=0,
        max_retries=0,
    )


def _order(data: bytes, count: int) -> Sequence[int]:
    """Positions from 0. Errors: FormatError for all but a permutation of 1 to count."""
    words = data.decode("ascii", "replace").strip().split(",")
    numbers = [int(word) - 1 for word in words if word.isdigit()]
    if len(words) != count or sorted(numbers) != list(range(count)):
        raise FormatError("no order of servers")
    return numbers
