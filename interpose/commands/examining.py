# SPDX-License-Identifier: GPL-2.0-or-later
"""One repository, seen from this node: proxies, servers, and whether it opens."""

from __future__ import annotations

import _thread
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from interpose.commands import probe
from interpose.commands.findings import NO, OK, WARNING, Finding, Findings
from interpose.commands.options import Session
from interpose.config import CacheSettings, Configuration, Origin, ServerSettings
from interpose.errors import InterposeError, Offline
from interpose.formats import limits, manifest
from interpose.formats.fqrn import Fqrn
from interpose.formats.manifest import Manifest
from interpose.formats.proxylist import DIRECT, Groups
from interpose.network import Lent, NetworkSettings, Wanted, Way
from interpose.network.reach import Reached, Reacher
from interpose.repository.repository import Repository
from interpose.repository.settings import fetchers

# So that one dead server or proxy leaves time for the others.
PATIENCE_S = 5
SLOW_S = 3.0
_MOST_ASKED = 40
_SOON_S = 2 * 86400
_NO_ADVICE = "see CVMFS_SERVER_URL and CVMFS_HTTP_PROXY"


def start_thread(work: Callable[[], None]) -> None:
    """Do it beside us; where a limit forbids that, now."""
    try:
        # Not threading.Thread: its start() waits for ever for one without memory.
        _thread.start_new_thread(work, ())
    except (RuntimeError, MemoryError):
        work()


class Examination:
    """Looks at one repository until `until` (monotonic seconds)."""

    def __init__(
        self, fqrn: Fqrn, session: Session, findings: Findings, until: float
    ) -> None:
        self.fqrn = fqrn
        self.ahead_s: list[float] = []
        self.is_done = False
        self._session = session
        self._findings = findings
        self._until = until

    def run(self) -> None:
        """All findings of this repository."""
        try:
            self._examine()
        except InterposeError as error:
            found = Finding.of(error, NO, "repository", self.fqrn)
            advice = found.advice or f"see interpose showconfig {self.fqrn}"
            self._findings.add(found._replace(advice=advice))
        except OSError as error:
            text = f"{error.strerror or error}: {error.filename or ''}"
            self._add(NO, "repository", text)
        self.is_done = True

    def _add(
        self,
        level: str,
        name: str,
        text: str,
        advice: str = "",
        facts: Mapping[str, float | str] | None = None,
    ) -> None:
        found = Finding(level, name, self.fqrn, text, advice, dict(facts or {}))
        self._findings.add(found)

    def _examine(self) -> None:
        configuration = self._session.configuration(self.fqrn)
        for notice in CacheSettings.of(configuration).notices:
            self._findings.add(Finding(WARNING, "configuration", "", notice))
        caches = self._session.caches(self.fqrn, configuration)
        top = "" if caches.is_for_this_run() else str(caches.private.top)
        self._findings.place("cache", top)
        if caches.alien is not None:
            self._findings.place("alien cache", str(caches.alien.top))
        if caches.offline:
            self._add(OK, "server", "offline: none is asked")
            self._open(configuration)
            return
        reached = self._survey(configuration)
        self._tell_proxies(reached, configuration)
        self._tell_servers(reached)
        try:
            self._open(_as_reached(configuration, reached), "no server answers now")
        except Offline:
            text = "no server answers, and it was never opened here before"
            self._add(NO, "repository", text, _NO_ADVICE)

    # Servers and proxies

    def _survey(self, configuration: Configuration) -> list[Reached]:
        """Each server through each proxy, all at once. Errors: NoServer, NoProxy."""
        fetcher, _ = fetchers(configuration, Lent(), offline=False)
        settings = _patient(fetcher.settings)
        if not settings.servers:
            advice = f"set CVMFS_SERVER_URL, or -r {self.fqrn}=URL,pubkey=FILE"
            raise InterposeError("no server is configured", self.fqrn, advice)
        groups, servers = type(fetcher)(settings).peers()
        proxies = [proxy for group in groups for proxy in group]
        ways = [Way(proxy, host) for host in servers for proxy in proxies]
        wanted = Wanted(
            manifest.FILE_NAME, no_cache=True, limit_bytes=limits.MANIFEST_BYTES
        )
        reacher = Reacher(settings, wanted, Manifest.parse)
        found = _all_at_once(reacher, ways[:_MOST_ASKED], self._until - PATIENCE_S)
        self.ahead_s += [one.ahead_s for one in found if one.ahead_s is not None]
        return found

    def _tell_proxies(
        self, reached: Sequence[Reached], configuration: Configuration
    ) -> None:
        proxies = dict.fromkeys(one.proxy for one in reached)
        some_works = any(not one.by_proxy for one in reached)
        for proxy in proxies:
            if proxy == DIRECT:
                continue
            mine = [one for one in reached if one.proxy == proxy]
            good = [one for one in mine if not one.by_proxy]
            if good:
                self._tell_time("proxy", proxy, min(good, key=_first_byte_s))
            else:
                level = WARNING if some_works else NO
                advice = "see CVMFS_HTTP_PROXY"
                self._add(level, "proxy", f"{proxy}: {mine[0].reason}", advice)
        if ServerSettings.of(configuration).assumed_direct:
            text = "none is configured, servers are asked directly"
            self._add(WARNING, "proxy", text, "set CVMFS_HTTP_PROXY")
        elif list(proxies) == [DIRECT]:
            self._add(OK, "proxy", "none, servers are asked directly")

    def _tell_servers(self, reached: Sequence[Reached]) -> None:
        newest = max((_revision(one) for one in reached), default=0)
        some_works = any(not one.reason for one in reached)
        for server in dict.fromkeys(one.server for one in reached):
            mine = [one for one in reached if one.server == server]
            good = [one for one in mine if not one.reason]
            if not good:
                # What a server itself said tells more than a proxy's silence.
                worst = min(mine, key=lambda one: one.by_proxy)
                reason = "no proxy reaches it" if worst.by_proxy else worst.reason
                level = WARNING if some_works else NO
                self._add(level, "server", f"{server}: {reason}", _advice(worst))
                continue
            best = min(good, key=_first_byte_s)
            self._tell_time("server", server, best, newest)

    def _tell_time(
        self, name: str, url: str, best: Reached, newest: int | None = None
    ) -> None:
        seconds = _first_byte_s(best)
        facts: dict[str, float | str] = {"url": url, "first_byte_s": round(seconds, 4)}
        text = f"{url}: first byte after {seconds * 1000:.0f} ms"
        level, advice = (WARNING, "it is slow") if seconds > SLOW_S else (OK, "")
        if newest is not None:
            facts["revision"] = revision = _revision(best)
            text += f", revision {revision}"
            if revision < newest:
                level, advice = WARNING, f"it is behind, another has {newest}"
        self._add(level, name, text, advice, facts)

    # The repository

    def _open(self, configuration: Configuration, why_cached: str = "") -> None:
        """`why_cached`: what is wrong if the cache has to answer."""
        repository = self._session.opened(self.fqrn, configuration)
        try:
            self._tell_opened(repository, why_cached)
        finally:
            repository.close()

    def _tell_opened(self, repository: Repository, why_cached: str) -> None:
        found = probe.fields(repository)
        revision, published = found["revision"], found["published"]
        facts = {"revision": revision, "root_hash": found["root_hash"]}
        text = f"revision {revision}"
        if published:
            facts["published"] = published
            text += f", published {probe.date(published)}"
        expires = repository.expires
        if expires is not None:
            facts["expires"] = int(expires.timestamp())
            text += f", valid until {probe.date(expires.timestamp())}"
        level, advice = OK, ""
        if expires is not None and _left_s(expires) < _SOON_S:
            level, advice = WARNING, "the publisher has to sign the whitelist again"
        if not found["proven"]:
            level, advice = WARNING, "nobody has proven it: a cache was trusted"
        if found["unreachable"]:
            text += ", from the cache"
            advice = found["remark"] or why_cached
            level = WARNING if advice else level
        self._add(level, "repository", text, advice, facts)


def _patient(settings: NetworkSettings) -> NetworkSettings:
    """The same with a little patience, and without questions that others answer."""
    return settings._replace(
        timeout_s=min(settings.timeout_s, PATIENCE_S),
        timeout_direct_s=min(settings.timeout_direct_s, PATIENCE_S),
        max_retries=0,
        use_geo=False,
        max_servers=0,
    )


def _all_at_once(reacher: Reacher, ways: Sequence[Way], until: float) -> list[Reached]:
    """One for each way; who has not answered in time is said to be too slow."""
    found: dict[Way, Reached] = {}
    news = threading.Condition()

    def ask(way: Way) -> None:
        reached = reacher.ask(way)
        with news:
            found[way] = reached
            news.notify()

    for way in ways:
        start_thread(lambda way=way: ask(way))  # type: ignore[misc]
    # Headers may take twice as long as a silence.
    until = min(until, time.monotonic() + 2 * PATIENCE_S)
    with news:
        while len(found) < len(ways) and time.monotonic() < until:
            news.wait(max(0.0, until - time.monotonic()))
        late = {
            way: Reached(way, reason="too slow", by_proxy=way.proxy != DIRECT)
            for way in ways
        }
        return [found.get(way, late[way]) for way in ways]


def _as_reached(
    configuration: Configuration, reached: Sequence[Reached]
) -> Configuration:
    """The same without who did not answer; offline if nobody did."""
    good = [one.way for one in reached if not one.reason]
    texts = {
        "CVMFS_SERVER_URL": ";".join(dict.fromkeys(way.host for way in good)),
        "CVMFS_HTTP_PROXY": _groups([(p.proxy,) for p in good]),
        "CVMFS_FALLBACK_PROXY": "",
        "CVMFS_USE_GEOAPI": "no",
        "CVMFS_MAX_SERVERS": "0",
        "CVMFS_MAX_RETRIES": "0",
        "CVMFS_TIMEOUT": str(PATIENCE_S),
        "CVMFS_TIMEOUT_DIRECT": str(PATIENCE_S),
    }
    if not good:
        offline = {**configuration.environment, "INTERPOSE_OFFLINE": "yes"}
        return configuration._replace(environment=offline)
    return configuration.replaced(texts, Origin("doctor"))


def _groups(groups: Groups | list[tuple[str, ...]]) -> str:
    return ";".join(dict.fromkeys("|".join(group) for group in groups))


def _first_byte_s(one: Reached) -> float:
    return float("inf") if one.first_byte_s is None else one.first_byte_s


def _revision(one: Reached) -> int:
    return Manifest.parse(one.data).revision if one.data else 0


def _advice(one: Reached) -> str:
    if one.first_byte_s is not None and "404" not in one.reason:
        return "a login page, or no server of repositories? see CVMFS_SERVER_URL"
    return _NO_ADVICE


def _left_s(expires: datetime) -> float:
    return expires.timestamp() - time.time()
