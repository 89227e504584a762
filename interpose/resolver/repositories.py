# SPDX-License-Identifier: GPL-2.0-or-later
"""The repositories of one run: which exist, which are open, which failed."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from interpose.config import Addition, Additions, Configuration, Sources
from interpose.errors import (
    CacheError,
    ConfigurationError,
    InterposeError,
    NetworkError,
    NotThere,
)
from interpose.formats.fqrn import Fqrn
from interpose.repository.configuring import with_configuration_repository
from interpose.repository.finding import Root
from interpose.repository.flight import SingleFlight
from interpose.repository.opening import NoSuchRepository
from interpose.repository.repository import Repository, Surroundings
from interpose.resolver import handover
from interpose.resolver.absent import AbsentNames
from interpose.resolver.handover import Handover
from interpose.resolver.listing import Listing
from interpose.resolver.mountfile import root_of_run
from interpose.resolver.settings import Pairs, parse_addition

Tell = Callable[[str, str, str], object]


def _nothing(configuration: Configuration) -> None:
    del configuration


_UNKNOWN = "no configuration covers this name, so it does not exist"
_DENIED = "every server says that it has no such repository"
_LATER = "see CVMFS_SERVER_URL; the next run asks again after a minute"
_AT_ONCE = "--refresh asks again at once"


class NotCovered(NotThere):
    """No configuration covers the name: to the job it does not exist."""


class Repositories:
    """Opens repositories once each. Thread-safe.

    `tell(text, cause, fqrn)` writes a line for the user, `begin` is told of each
    configuration before it is used; `kept` has mount files that the tracer may have
    taken; `refresh`: the servers are asked whatever was remembered.
    """

    def __init__(
        self,
        sources: Sources,
        scratch: Path | None,
        tell: Tell,
        before: Handover | None = None,
        *,
        refresh: bool = False,
    ) -> None:
        self._tell = tell
        self.begin: Callable[[Configuration], object] = _nothing
        self.kept: Path | None = None
        self._scratch = scratch
        self._refresh = refresh
        base = with_configuration_repository(sources, self._around(""))
        self._additions = Additions(base)
        self._added = handover.take_added(scratch)
        for pairs in self._added:
            self._additions.add(parse_addition(pairs), ())
        # Whose configuration is in use, or soon may be.
        self._decided: set[Fqrn] = set()
        self._deciding, self._adding = threading.Lock(), threading.Lock()
        self._lock = threading.Lock()
        self._open: dict[Fqrn, Repository] = {}
        self._flights: SingleFlight[Repository] = SingleFlight()
        self.before = before or Handover()
        self._absent: set[Fqrn] = set(self.before.absent)
        self._listing: Listing[Repository] = Listing(self.open)

    def _around(self, fqrn: str) -> Surroundings:
        def notice(text: str, cause: str) -> object:
            return self._tell(text, cause, fqrn)

        return Surroundings(self._scratch, notice, refresh=self._refresh)

    def open(self, fqrn: Fqrn, *, is_named: bool = False) -> Repository:
        """The opened repository.

        Errors: NotCovered, NoSuchRepository (to the job: ENOENT) unless `is_named`;
        whatever opening can raise.
        """
        return self._flights.run(fqrn, lambda: self._open_once(fqrn, is_named=is_named))

    def open_for_job(self, fqrn: Fqrn, *, is_named: bool) -> Repository:
        """The same for a call of the job, which may be going through /cvmfs.

        Errors: as `open`; TimedOut where a listing would wait too long.
        """
        attempt = None if is_named else self._listing.attempt(fqrn)
        if attempt is None:
            return self.open(fqrn, is_named=is_named)
        try:
            return attempt.result(fqrn, self._one_try_s(fqrn))
        finally:
            self._listing.answered()

    def _one_try_s(self, fqrn: Fqrn) -> float:
        """How long one try may last. Errors: ConfigurationError."""
        from interpose.config import ServerSettings  # noqa: PLC0415
        from interpose.formats.proxylist import DIRECT  # noqa: PLC0415

        settings = ServerSettings.of(self._additions.load(fqrn))
        direct = DIRECT in settings.proxies[0]
        return float(settings.timeout_direct_s if direct else settings.timeout_s)

    def opened(self, fqrn: Fqrn) -> Repository:
        """The repository, which a tracer says is open already.

        A resolver that replaced a dead one opens it first, at the revision that the
        tracer goes on with. Errors: as `open`.
        """
        with self._lock:
            known = self._open.get(fqrn)
        if known is not None:
            return known
        mount_files = None if self._scratch is None else self._scratch / "m"
        stay_on = root_of_run((mount_files, self.kept), fqrn)

        def open_again() -> Repository:
            return self._open_once(fqrn, is_named=True, stay_on=stay_on)

        return self._flights.run(fqrn, open_again)

    def _open_once(
        self, fqrn: Fqrn, *, is_named: bool, stay_on: Root | None = None
    ) -> Repository:
        with self._lock:
            known = self._open.get(fqrn)
            is_absent = fqrn in self._absent
        if known is not None:
            return known
        is_named = is_named or fqrn in self.before.roots
        if not is_named and is_absent:
            raise NotCovered(_DENIED, fqrn, _LATER)
        if not is_named and not self._additions.is_covered(fqrn):
            raise NotCovered(_UNKNOWN, fqrn, f"see CVMFS_SERVER_URL, or -r {fqrn}=URL")
        with self._deciding:
            configuration = self._additions.load(fqrn)
            self._decided.add(fqrn)
        try:
            return self._open_by(fqrn, configuration, stay_on, is_named=is_named)
        except BaseException:
            self._decided.discard(fqrn)
            raise

    def _open_by(
        self,
        fqrn: Fqrn,
        configuration: Configuration,
        stay_on: Root | None,
        *,
        is_named: bool,
    ) -> Repository:
        self.begin(configuration)
        _need_server(fqrn, configuration)
        self._tell_notices(configuration)
        # A name that somebody wrote down is to exist: its absence is a failure.
        is_meant = is_named or self._additions.is_listed(fqrn, configuration)
        remembered = AbsentNames(fqrn, configuration, self._scratch)
        if not (is_meant or self._refresh) and remembered.is_remembered():
            raise NotCovered(f"{_DENIED} a moment ago", fqrn, _AT_ONCE)
        try:
            root = self.before.roots.get(fqrn)
            around = self._around(fqrn)
            repository = Repository.open(
                fqrn, configuration, around, root, stay_on=stay_on
            )
        except NoSuchRepository as error:
            if is_meant:
                where = f"{fqrn} {error.where}"
                advice = "see CVMFS_SERVER_URL"
                raise NetworkError(
                    f"{_DENIED}, yet it is configured", where, advice
                ) from error
            with self._lock:
                self._absent.add(fqrn)
            remembered.remember()
            what = f"{_DENIED}, so it does not exist"
            raise NoSuchRepository(what, f"{fqrn} {error.where}", _LATER) from error
        with self._lock:
            self._open[fqrn] = repository
        return repository

    @property
    def has_additions(self) -> bool:
        """Whether an inner run has added something."""
        return not self._additions.is_empty

    def add(self, pairs: Pairs) -> None:
        """Take in what an inner run asks for, and open what it names.

        Errors: whatever stands against it; then nothing has been added.
        """
        addition = parse_addition(pairs)
        opened = {Fqrn(value) for name, value in pairs if name == "open"}
        with self._adding:
            with self._deciding:
                settled = opened | self._decided | set(self.before.roots)
                is_new = self._additions.add(addition, settled)
            try:
                with self._lock:
                    self._absent.clear()
                self._open_named(addition, opened)
                if is_new and self._scratch is not None:
                    self._added.append([one for one in pairs if one[0] != "open"])
                    _leave_added(self._scratch, self._added)
            except InterposeError:
                with self._deciding:
                    if is_new:
                        self._additions.take_back(addition)
                raise

    def _open_named(self, addition: Addition, opened: set[Fqrn]) -> None:
        """All but those that the tracer has open, at a revision of its own."""
        for option in addition.repositories:
            if option.fqrn in opened:
                continue
            try:
                self.open(option.fqrn, is_named=True)
            except InterposeError as error:
                what = "another interpose_run is around this one and cannot open"
                where = f"--repository {option.text}: {error}"
                raise InterposeError(what, where) from error

    def _tell_notices(self, configuration: Configuration) -> None:
        from interpose.config import CacheSettings, ServerSettings  # noqa: PLC0415

        if ServerSettings.of(configuration).assumed_direct:
            text = "no proxy is configured, using DIRECT (set CVMFS_HTTP_PROXY)"
            self._tell(text, "no proxy", "")
        notices = CacheSettings.of(configuration).notices + configuration.notices
        for notice in notices:
            self._tell(notice, notice, "")

    def handover(self, seen: frozenset[tuple[str, str]]) -> Handover:
        """What the next resolver of this run has to know; without figures."""
        with self._lock:
            roots = {fqrn: one.root for fqrn, one in self._open.items()}
            absent = frozenset(self._absent)
        return Handover(seen, {**self.before.roots, **roots}, absent)

    def names(self, warm: Iterable[str] = ()) -> list[Fqrn]:
        """What `ls /cvmfs` shows, sorted; `warm`: what the tracer opens without us.

        Errors: ConfigurationError.
        """
        with self._lock:
            found = set(self._open) | set(self.before.roots)
        names = sorted(found | set(self._additions.names()))
        self._listing.begin(names, warm)
        return names

    def failed(self, fqrn: str, text: str) -> None:
        """Count a failure of one repository."""
        with self._lock:
            known = self._open.get(Fqrn(fqrn))
        if known is not None:
            known.statistics.failed(text)

    def leave_quotas(self) -> None:
        """Others are told what was stored in the caches."""
        with self._lock:
            opened = list(self._open.values())
        for repository in opened:
            repository.caches.private.quota.leave()

    def statistics(self) -> dict[str, Any]:
        """The parts of the stats file that are ours."""
        with self._lock:
            opened = list(self._open.values())
        return {
            "repositories": [_numbers(repository) for repository in opened],
            "network": _network(opened),
        }


def _leave_added(scratch: Path, added: list[Pairs]) -> None:
    """Errors: CacheError."""
    try:
        handover.leave_added(scratch, added)
    except OSError as error:
        added.pop()
        what = f"the scratch cannot be written: {error.strerror}"
        raise CacheError(what, str(scratch)) from error


def _need_server(fqrn: Fqrn, configuration: Configuration) -> None:
    """Errors: ConfigurationError where nobody could be asked, and is to be."""
    from interpose.config import ServerSettings  # noqa: PLC0415
    from interpose.config.environment import variables  # noqa: PLC0415

    if variables(configuration.environment).offline:
        return
    if not ServerSettings.of(configuration).servers:
        advice = f"set CVMFS_SERVER_URL, or -r {fqrn}=URL,pubkey=FILE"
        raise ConfigurationError("no server is configured", fqrn, advice)


def _numbers(repository: Repository) -> dict[str, Any]:
    root = repository.root
    found: dict[str, Any] = {
        "fqrn": repository.fqrn,
        "revision": root.revision,
        "root_hash": root.hash.text,
        "tag": root.tag,
    }
    found.update(repository.statistics.snapshot())
    return found


def _network(opened: list[Repository]) -> dict[str, Any]:
    total: dict[str, Any] = {
        "requests": 0,
        "bytes": 0,
        "by_host": {},
        "proxy": "",
        "retries": 0,
        "failovers": 0,
    }
    for repository in opened:
        for fetcher in (repository.network, repository.external_network):
            part = fetcher.statistics()
            for name in ("requests", "bytes", "retries", "failovers"):
                total[name] += part.get(name, 0)
            for host, count in part.get("by_host", {}).items():
                total["by_host"][host] = _sum(total["by_host"].get(host), count)
            if part.get("requests"):
                total["proxy"] = part.get("proxy", "")
    return total


def _sum(old: Any, new: Any) -> Any:
    if old is None:
        return new
    if isinstance(new, dict):
        return {name: old.get(name, 0) + value for name, value in new.items()}
    return old + new


def job_errno(error: InterposeError, *, is_named: bool) -> int:
    """What a call of the job answers for an error of ours.

    A failure of ours is never ENOENT, but for names that do not exist anywhere.
    """
    if isinstance(error, (NotCovered, NoSuchRepository)):
        return errno.EIO if is_named else errno.ENOENT
    if error.errno in (errno.ENOENT, errno.ENOSPC):
        return errno.EIO
    return error.errno
