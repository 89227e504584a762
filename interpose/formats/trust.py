# SPDX-License-Identifier: GPL-2.0-or-later
"""Who vouches for a repository, as rules without I/O.

1. The manifest is well-formed, names the repository that was asked for, and is not
   older than the highest revision seen.
2. The whitelist is signed by a master key, names the repository, has not expired.
3. The certificate is the one whose fingerprint the whitelist lists, none that the
   blacklist forbids.
4. The manifest is signed by the certificate's key.

Source: docs/format.md 2.1, 2.2, 2.4, 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from interpose.errors import BadFingerprint, Expired, TrustError, UnknownKey
from interpose.formats import signature
from interpose.formats.manifest import Manifest
from interpose.formats.whitelist import Whitelist

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from interpose.formats.fqrn import Fqrn
    from interpose.formats.hashes import ContentHash
    from interpose.formats.signature import PublicKey


class Blacklist:
    """Certificates and revisions that are forbidden whatever is signed."""

    def __init__(
        self,
        fingerprints: frozenset[ContentHash] = frozenset(),
        lowest_revisions: dict[str, int] | None = None,
    ) -> None:
        self.fingerprints = fingerprints
        self.lowest_revisions = dict(lowest_revisions or {})


class TrustedRepository:
    """What has been proved about one repository so far.

    Fed in this order: `offer_manifest`, `accept_whitelist`, `accept_certificate`; the
    last one returns the manifest, now verified. All three may be fed again (a new
    revision, a new whitelist); a refused input changes nothing.
    """

    def __init__(
        self,
        fqrn: Fqrn,
        keys: Sequence[PublicKey],
        *,
        highest_revision: int = 0,
        blacklist: Blacklist | None = None,
    ) -> None:
        if not keys:
            raise UnknownKey("no master key", fqrn)
        self.fqrn = fqrn
        self.highest_revision = highest_revision
        self._keys = tuple(keys)
        self._blacklist = blacklist if blacklist is not None else Blacklist()
        self._offered: Manifest | None = None
        self._manifest: Manifest | None = None
        self._whitelist: Whitelist | None = None

    @property
    def manifest(self) -> Manifest:
        """The newest verified manifest.

        Errors: TrustError if there is none yet.
        """
        if self._manifest is None:
            raise TrustError("no verified manifest", self.fqrn)
        return self._manifest

    @property
    def whitelist(self) -> Whitelist:
        """The verified whitelist.

        Errors: TrustError if there is none yet.
        """
        if self._whitelist is None:
            raise TrustError("no verified whitelist", self.fqrn)
        return self._whitelist

    def offer_manifest(self, data: bytes) -> Manifest:
        """The claims in `data`, to learn which certificate is wanted: no proof yet.

        Errors: FormatError; TrustError for another name or an old revision.
        """
        manifest = Manifest.parse(data)
        if manifest.fqrn != self.fqrn:
            raise TrustError(f"manifest of {manifest.fqrn}", self.fqrn)
        self._check_revision(manifest.revision)
        self._offered = manifest
        return manifest

    def accept_whitelist(self, data: bytes, now: datetime) -> Whitelist:
        """The whitelist in `data`, verified at the (aware) time `now`.

        Errors: FormatError, BadSignature, Expired, TrustError for another name.
        """
        whitelist = Whitelist.parse(data)
        signature.verify_whitelist(whitelist, self._keys)
        if whitelist.fqrn != self.fqrn:
            raise TrustError(f"whitelist of {whitelist.fqrn}", self.fqrn)
        self._check_expiry(whitelist, now)
        self._whitelist = whitelist
        return whitelist

    def accept_certificate(self, pem: bytes, now: datetime) -> Manifest:
        """The offered manifest, which `pem` proves together with the whitelist.

        Errors: FormatError, BadFingerprint, BadSignature, Expired; TrustError if a
        step is missing.
        """
        if self._offered is None:
            raise TrustError("no manifest offered", self.fqrn)
        self._check_expiry(self.whitelist, now)
        self._check_fingerprint(pem)
        signature.verify_manifest(self._offered, pem)
        self._check_revision(self._offered.revision)
        self._manifest = self._offered
        self.highest_revision = self._manifest.revision
        return self._manifest

    def _check_expiry(self, whitelist: Whitelist, now: datetime) -> None:
        if not whitelist.is_valid_at(now):
            raise Expired(whitelist.expiry(now), self.fqrn)

    def _check_fingerprint(self, pem: bytes) -> None:
        prints = signature.fingerprints(pem)
        if not prints & self.whitelist.fingerprints:
            raise BadFingerprint("certificate is not on the whitelist", self.fqrn)
        if prints & self._blacklist.fingerprints:
            raise BadFingerprint("certificate is on the blacklist", self.fqrn)

    def _check_revision(self, revision: int) -> None:
        if revision < self.highest_revision:
            raise TrustError(
                f"revision {revision} is older than {self.highest_revision}, "
                "which was seen before",
                self.fqrn,
            )
        if revision < self._blacklist.lowest_revisions.get(self.fqrn, 0):
            raise TrustError(f"revision {revision} is on the blacklist", self.fqrn)
