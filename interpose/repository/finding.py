# SPDX-License-Identifier: GPL-2.0-or-later
"""Which root catalog a repository is opened with: newest, pinned, or a cache's word.

Source: docs/format.md 13.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

from interpose.config import PinSettings
from interpose.config.repository_option import PinKind
from interpose.errors import (
    CacheError,
    InterposeError,
    NetworkError,
    NotOnServer,
    Offline,
)
from interpose.formats.hashes import ContentHash
from interpose.formats.manifest import Manifest
from interpose.repository.indexing import Facts
from interpose.repository.named import NamedRoot
from interpose.repository.opening import UNREACHABLE_TTL_S, Opening, Verified

if TYPE_CHECKING:
    from interpose.formats.fqrn import Fqrn
    from interpose.network import Fetcher
    from interpose.repository.caches import Caches
    from interpose.repository.keys import Keys
    from interpose.repository.store import Store

_NEVER = 1 << 62


class Root(NamedTuple):
    """A root catalog; `tag` is set where a tag or a date chose it.

    `valid_until`, in seconds since 1970: when the servers should be asked again.
    `is_proven` is False where a cache was trusted. `checked_at`, in seconds since 1970:
    when they were asked last; `unreachable`: none could be now. `remark`: a line for
    the user.
    """

    hash: ContentHash
    revision: int
    tag: str = ""
    valid_until: int = _NEVER
    is_fixed: bool = False
    is_proven: bool = True
    manifest: Manifest | None = None
    checked_at: float = 0.0
    unreachable: bool = False
    remark: str = ""

    def is_as(self, other: Root) -> bool:
        """Whether it is the same revision; 0 is not known yet."""
        is_same = self.revision == other.revision or 0 in (
            self.revision,
            other.revision,
        )
        return is_same and self.hash == other.hash


class Sought(Protocol):
    """What is to be known of the repository before it has a root catalog."""

    fqrn: Fqrn
    caches: Caches
    network: Fetcher
    store: Store

    def keys(self) -> Keys:
        """The master keys and the blacklist."""

    def ttl_s(self, manifest: Manifest) -> float:
        """How long the manifest counts without a look at the servers."""


def _at_once(manifest: Manifest) -> float:
    """The time to live for who wants the servers to be asked now."""
    del manifest
    return 0.0


class RootFinder:
    """Chooses the root catalog of one repository; `refresh`: by asking the servers."""

    def __init__(
        self,
        repository: Sought,
        pin: PinSettings,
        clock: Callable[[], float],
        *,
        refresh: bool = False,
    ) -> None:
        self._repository = repository
        self._pin = pin
        self._clock = clock
        self._verified: Verified | None = None
        self._named = NamedRoot(repository.caches.private, repository.fqrn)
        self._remark = ""
        self._opening = Opening(
            repository.fqrn,
            repository.caches,
            repository.network,
            _at_once if refresh else repository.ttl_s,
            clock,
        )

    @property
    def remark(self) -> str:
        """A line for the user about the choice, or ""."""
        return self._remark if self._verified is None else self._verified.remark

    @property
    def expires(self) -> datetime | None:
        """When the whitelist does; None where none was needed."""
        return None if self._verified is None else self._opening.expires

    def find(self) -> Root:
        """The root catalog; nothing of it has been loaded.

        Errors: ConfigurationError for a pin that means nothing; Offline, NetworkError
        and below, TrustError and below, FormatError.
        """
        if self._pin.kind is PinKind.ROOT_HASH:
            # As officially: who names a hash needs no signature.
            return Root(ContentHash.parse(self._pin.text), 0, is_fixed=True)
        try:
            self._verified = self._opening.verified(self._repository.keys())
        except (Offline, NetworkError) as error:
            return self._by_breadcrumb() or self._by_name(error)
        manifest = self._verified.manifest
        if self._pin.kind is None:
            return Root(manifest.root_hash, manifest.revision, manifest=manifest)
        from interpose.repository.pins import Pins  # noqa: PLC0415

        pins = Pins(self._repository.fqrn, self._repository.store)
        tag = pins.find(self._pin, manifest.history_hash)
        return Root(
            tag.root_hash, tag.revision, tag.name, is_fixed=True, manifest=manifest
        )

    def _by_name(self, error: InterposeError) -> Root:
        """What was named by its hash before. Errors: `error` if that does not help."""
        known = self._named.last() if self._pin.kind is None else None
        if known is None or isinstance(error, NotOnServer):
            raise error
        fqrn = self._repository.fqrn
        what = f"{error.what}, using the root catalog that was named here before"
        self._remark = str(InterposeError(what, f"{fqrn}@{known.text}"))
        until = int(self._clock()) + UNREACHABLE_TTL_S
        return Root(known, 0, "", until, is_proven=False, unreachable=True)

    def _by_breadcrumb(self) -> Root | None:
        crumb = self._opening.breadcrumb() if self._pin.kind is None else None
        if crumb is None:
            return None
        until = int(self._clock()) + UNREACHABLE_TTL_S
        return Root(
            crumb.root_hash,
            crumb.revision,
            valid_until=until,
            is_proven=False,
            unreachable=True,
        )

    def complete(self, root: Root, facts: Facts) -> Root:
        """The same with what is known since the catalog is loaded."""
        if not root.revision:
            root = root._replace(revision=facts.revision)
        if self._pin.kind is PinKind.ROOT_HASH:
            self._named.note(root.hash)
        if self._verified is None or root.manifest is None or root.is_fixed:
            return root
        if self._verified.unreachable:
            until = self._verified.checked_at + UNREACHABLE_TTL_S
        else:
            ttl_s = self._repository.ttl_s(root.manifest)
            until = self._verified.checked_at + ttl_s
        try:
            self._opening.leave_breadcrumb(root.manifest)
        except CacheError:
            pass  # The next job leaves it.
        return root._replace(
            valid_until=int(until),
            checked_at=self._verified.checked_at,
            unreachable=self._verified.unreachable,
            remark=self._verified.remark,
        )
