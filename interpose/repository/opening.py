# SPDX-License-Identifier: GPL-2.0-or-later
"""Which root catalog is the newest, and who says so.

Within the TTL what we verified ourselves answers, without a request; after it the
servers are asked; where none can be reached, ours serves until the whitelist expires.

Source: docs/format.md 2.1, 2.2, 13.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from interpose.cache import RepositoryState, State, TrustRecord, inventory
from interpose.errors import (
    CacheError,
    Expired,
    FormatError,
    InterposeError,
    NetworkError,
    NotOnServer,
    Offline,
    TrustError,
    UnknownKey,
)
from interpose.formats import breadcrumb, limits, manifest, whitelist
from interpose.formats.breadcrumb import Breadcrumb
from interpose.formats.fqrn import Fqrn
from interpose.formats.manifest import Manifest
from interpose.formats.whitelist import Whitelist
from interpose.messages import Log
from interpose.network import Fetcher, Wanted
from interpose.repository import blacklist
from interpose.repository.caches import Caches
from interpose.repository.certificates import Certificates
from interpose.repository.keys import Keys
from interpose.repository.objects import Memory

if TYPE_CHECKING:
    from interpose.formats.trust import TrustedRepository

UNREACHABLE_TTL_S = 180
_PAGE_ADVICE = "a login page? see CVMFS_HTTP_PROXY and CVMFS_SERVER_URL"
_NAME_ADVICE = "open it once with a server, or name its root catalog:"
_TRUST_ADVICE = "--trust-cache uses what the caches hold without proof"

_log = Log(__name__)


class NoSuchRepository(NotOnServer):
    """Every server that answered has no such repository, and we never saw one."""


class NoManifest(FormatError):
    """Something was sent for the manifest that is none, by each who was asked."""


class Verified(NamedTuple):
    """A manifest that counts, and when it was last compared with the servers' one.

    `unreachable`: the servers could not be asked now; `remark` is a line for the user.
    """

    manifest: Manifest
    checked_at: float
    unreachable: bool = False
    remark: str = ""


class _Stored(NamedTuple):
    """What we verified before, with these keys."""

    record: TrustRecord
    manifest: Manifest
    whitelist: Whitelist

    def says_the_same(self, manifest: bytes, whitelist: bytes, now: datetime) -> bool:
        """Whether exactly this was verified before and is valid still."""
        same = self.record.manifest == manifest and self.record.whitelist == whitelist
        return same and self.whitelist.is_valid_at(now)


class Opening:
    """Finds the manifest of one repository.

    `ttl_of` gives the seconds for which a manifest holds; `clock` the time.
    """

    def __init__(
        self,
        fqrn: Fqrn,
        caches: Caches,
        network: Fetcher,
        ttl_of: Callable[[Manifest], float],
        clock: Callable[[], float],
    ) -> None:
        self.fqrn = fqrn
        self._caches = caches
        self._network = network
        self._ttl_of = ttl_of
        self._clock = clock
        self._state: RepositoryState = State(caches.private).repository(fqrn)
        self._certificates = Certificates(caches, network)
        # Of the whitelist that counts, once `verified` has found one.
        self.expires: datetime | None = None

    def verified(self, keys: Keys) -> Verified:
        """The manifest that counts now.

        Errors: Offline, NetworkError and below, TrustError and below, FormatError.
        """
        now = self._clock()
        stored = self._stored(keys)
        self.expires = None if stored is None else stored.whitelist.expires
        if stored is not None and self._is_fresh(stored, now):
            return Verified(stored.manifest, stored.record.verified_at)
        try:
            return self._ask(keys, stored)
        except (NetworkError, Offline) as error:
            return self._without_servers(stored, error)
        except NoManifest as error:
            return self._instead_of_a_page(stored, error)

    def _with_advice(self, error: NetworkError | Offline) -> NetworkError | Offline:
        """The error as the user sees it, naming what might help."""
        is_left = self._left_breadcrumb() is not None
        advice = _TRUST_ADVICE if is_left and not self._caches.trust_cache else ""
        if isinstance(error, Offline):
            advice = advice or f"{_NAME_ADVICE} -r {self.fqrn}@ROOTHASH"
            return Offline("offline and never verified here", self.fqrn, advice)
        return type(error)(error.what, error.where, advice) if advice else error

    def breadcrumb(self) -> Breadcrumb | None:
        """What a cache that is trusted says was the last root catalog."""
        return self._left_breadcrumb() if self._caches.trust_cache else None

    def _left_breadcrumb(self) -> Breadcrumb | None:
        for cache in (self._caches.alien, self._caches.private):
            data = None if cache is None else cache.breadcrumb(self.fqrn)
            try:
                if data is not None:
                    return Breadcrumb.parse(data)
            except FormatError:
                continue
        return None

    def leave_breadcrumb(self, found: Manifest) -> None:
        """Tell the official client, which may use the same caches later."""
        if found.timestamp == 0:
            return
        crumb = Breadcrumb(found.root_hash, found.timestamp, found.revision)
        for cache in (self._caches.alien, self._caches.private):
            if cache is None or not cache.writable:
                continue
            if cache.breadcrumb(self.fqrn) == crumb.format():
                continue
            try:
                cache.store_breadcrumb(self.fqrn, crumb.format())
            except CacheError as error:
                _log.info("%s: %s", breadcrumb.file_name(self.fqrn), error)

    def _stored(self, keys: Keys) -> _Stored | None:
        record = self._state.trust()
        if record is None or self._mark_file_content() != keys.mark:
            return None
        try:
            stored = _Stored(
                record,
                Manifest.parse(record.manifest),
                Whitelist.parse(record.whitelist),
            )
            self._prove(stored, keys)
        except (FormatError, TrustError) as error:
            _log.info("%s: what was stored is not believed: %s", self.fqrn, error)
            return None
        return stored

    def _prove(self, stored: _Stored, keys: Keys) -> None:
        """Verify the signatures of what was stored, as of a time when it counted.

        Whether it counts now is the caller's to judge. Errors: TrustError and below,
        FormatError.
        """
        before_end = stored.whitelist.expires - timedelta(seconds=1)
        when = min(_date(self._clock()), before_end)
        trusted = self._trusted(keys)
        trusted.offer_manifest(stored.record.manifest)
        trusted.accept_whitelist(stored.record.whitelist, when)
        trusted.accept_certificate(stored.record.certificate, when)

    def _is_fresh(self, stored: _Stored, now: float) -> bool:
        # A clock that was set back must not make an old answer last for ever.
        age_s = now - stored.record.verified_at
        is_valid = stored.whitelist.is_valid_at(_date(now))
        return is_valid and 0 <= age_s < self._ttl_of(stored.manifest)

    def _without_servers(
        self, stored: _Stored | None, error: NetworkError | Offline
    ) -> Verified:
        now = self._clock()
        if stored is None:
            raise self._with_advice(error) from error
        if self.breadcrumb() is not None and not stored.whitelist.is_valid_at(
            _date(now)
        ):
            raise error
        if not stored.whitelist.is_valid_at(_date(now)):
            raise Expired(stored.whitelist.expiry(_date(now)), self.fqrn) from error
        return Verified(stored.manifest, now, unreachable=True)

    def _instead_of_a_page(self, stored: _Stored | None, error: NoManifest) -> Verified:
        """A login page of a network, or a proxy's page: as if nobody had answered."""
        if stored is None:
            raise error
        found = self._without_servers(stored, Offline(error.what, error.where))
        text = f"no manifest is sent, using revision {found.manifest.revision}"
        line = InterposeError(f"{text} of the cache", error.where, _PAGE_ADVICE)
        return found._replace(remark=str(line))

    def _ask(self, keys: Keys, stored: _Stored | None) -> Verified:
        """What the servers say; after bad data another server is asked."""
        left = max(1, len(self._network.settings.servers))
        while True:
            left -= 1
            url, data = self._manifest()
            try:
                return self._judge(data, keys, stored)
            except (TrustError, FormatError) as error:
                self._network.reject(url)
                if left > 0:
                    continue
                if _is_older(data, stored):
                    _log.info("%s: %s", self.fqrn, error)
                    found = self._without_servers(stored, Offline(error.what))
                    return found._replace(remark=self._made_anew(data, found))
                raise _located(error, self.fqrn) from error

    def _made_anew(self, data: bytes, found: Verified) -> str:
        offered = Manifest.parse(data).revision
        what = (
            f"the server's revision {offered} is older than {found.manifest.revision}"
        )
        top = self._caches.private.top
        record = inventory.TRUST.below(top, fqrn=self.fqrn).parent
        advice = f"the later one is shown; was it made anew? Then remove {record}"
        return str(InterposeError(what, self.fqrn, advice))

    def _judge(self, data: bytes, keys: Keys, stored: _Stored | None) -> Verified:
        """Verify manifest `data` and store what proves it."""
        now = self._clock()
        text = self._whitelist(stored, now)
        self.expires = Whitelist.parse(text).expires
        if stored is not None and stored.says_the_same(data, text, _date(now)):
            self._store(TrustRecord(data, text, stored.record.certificate, now))
            return Verified(stored.manifest, now)
        trusted = self._trusted(keys)
        offered = trusted.offer_manifest(data)
        trusted.accept_whitelist(text, _date(now))
        pem = None
        if stored is not None:
            same = offered.certificate_hash == stored.manifest.certificate_hash
            pem = stored.record.certificate if same else None
        with contextlib.ExitStack() as stack:
            if pem is None:
                got = self._certificates.got(
                    offered.certificate_hash, is_alternative=offered.alt_names
                )
                pem = stack.enter_context(got)
            found = trusted.accept_certificate(pem, _date(now))
            self._store(TrustRecord(data, text, pem, now), keys, found)
        return Verified(found, now)

    def _manifest(self) -> tuple[str, bytes]:
        try:
            return self._get(manifest.FILE_NAME, limits.MANIFEST_BYTES, Manifest.parse)
        except NotOnServer as error:
            raise NoSuchRepository(error.what, error.where, error.advice) from error
        except FormatError as error:
            where = f"{self.fqrn} {error.where}"
            raise NoManifest(error.what, where, _PAGE_ADVICE) from error

    def _whitelist(self, stored: _Stored | None, now: float) -> bytes:
        try:
            return self._get(
                whitelist.FILE_NAME, limits.WHITELIST_BYTES, Whitelist.parse
            )[1]
        except (NetworkError, FormatError):
            if stored is not None and stored.whitelist.is_valid_at(_date(now)):
                return stored.record.whitelist
            raise

    def _trusted(self, keys: Keys) -> TrustedRepository:
        from interpose.formats.signature import load_master_keys  # noqa: PLC0415
        from interpose.formats.trust import Blacklist, TrustedRepository  # noqa: PLC0415

        forbidden = whitelist.parse_fingerprints(keys.blacklist.splitlines())
        lowest = blacklist.lowest_revisions(keys.blacklist)
        try:
            masters = load_master_keys(*keys.pems)
        except UnknownKey as error:
            raise UnknownKey(error.what, keys.origin, error.advice) from error
        return TrustedRepository(
            self.fqrn,
            masters,
            highest_revision=self._state.highest_revision() or 0,
            blacklist=Blacklist(frozenset(forbidden), lowest),
        )

    def _get(
        self, name: str, limit_bytes: int, parse: Callable[[bytes], object]
    ) -> tuple[str, bytes]:
        """Where it came from, and bytes that `parse` takes; others are bad data."""
        sinks: list[Memory] = []

        def open_sink() -> Memory:
            sinks[:] = [Memory(parse)]
            return sinks[0]

        fetched = self._network.get(Wanted(name, limit_bytes=limit_bytes), open_sink)
        return fetched.url, bytes(sinks[0].data)

    def _store(
        self,
        record: TrustRecord,
        keys: Keys | None = None,
        found: Manifest | None = None,
    ) -> None:
        """Remember what was verified; a cache that cannot take it costs requests."""
        try:
            self._state.store_trust(record)
            if found is not None:
                self._state.remember_revision(found.revision)
                self._certificates.keep(found.certificate_hash, record.certificate)
            if keys is not None:
                self._caches.private.store_small(self._mark_file, keys.mark)
        except CacheError as error:
            _log.info("%s: %s", self.fqrn, error)

    @property
    def _mark_file(self) -> Path:
        return inventory.KEYS.below(self._caches.private.top, fqrn=self.fqrn)

    def _mark_file_content(self) -> bytes:
        return self._caches.private.read_small(self._mark_file, 100) or b""


def _is_older(data: bytes, stored: _Stored | None) -> bool:
    """Whether a stale server answered and we know better."""
    try:
        offered = Manifest.parse(data)
    except FormatError:
        return False
    return stored is not None and offered.revision < stored.manifest.revision


def _located(error: TrustError | FormatError, fqrn: Fqrn) -> TrustError | FormatError:
    """The same error, naming the repository."""
    where = error.where if fqrn in error.where else f"{fqrn} {error.where}".strip()
    return type(error)(error.what, where, error.advice)


def _date(now: float) -> datetime:
    return datetime.fromtimestamp(now, timezone.utc)
