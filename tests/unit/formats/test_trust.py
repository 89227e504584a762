# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules of trust."""

from __future__ import annotations

from datetime import timedelta

import pytest

from interpose.errors import (
    BadFingerprint,
    BadSignature,
    Expired,
    TrustError,
    UnknownKey,
)
from interpose.formats import signature
from interpose.formats.fqrn import Fqrn
from interpose.formats.hashes import Algorithm
from interpose.formats.trust import Blacklist, TrustedRepository
from tests.unit.formats.making import (
    FQRN,
    NOW,
    KeyPair,
    manifest_bytes,
    whitelist_bytes,
)


class Feeder:
    """Feeds a TrustedRepository what a well-meaning server would send."""

    def __init__(self, master: KeyPair, signer: KeyPair, **options: object) -> None:
        self.signer = signer
        keys = signature.load_master_keys(master.public)
        prints = [signature.fingerprint(signer.certificate, Algorithm.SHA1)]
        self.whitelist = whitelist_bytes(master, prints)
        self.trusted = TrustedRepository(FQRN, keys, **options)  # type: ignore[arg-type]

    def feed(self, manifest: bytes | None = None, *, later: int = 0) -> None:
        """All three steps; `later` in days."""
        now = NOW + timedelta(days=later)
        self.trusted.offer_manifest(manifest or manifest_bytes(self.signer))
        self.trusted.accept_whitelist(self.whitelist, now)
        self.trusted.accept_certificate(self.signer.certificate, now)


@pytest.fixture
def feeder(master: KeyPair, signer: KeyPair) -> Feeder:
    """A repository that nothing was fed to yet."""
    return Feeder(master, signer)


def test_a_good_repository_is_trusted(feeder: Feeder) -> None:
    feeder.feed()
    assert feeder.trusted.manifest.revision == 5
    assert feeder.trusted.whitelist.fqrn == FQRN
    assert feeder.trusted.highest_revision == 5


def test_nothing_is_trusted_before_all_steps(feeder: Feeder) -> None:
    trusted = feeder.trusted
    with pytest.raises(TrustError):
        trusted.accept_certificate(feeder.signer.certificate, NOW)
    trusted.offer_manifest(manifest_bytes(feeder.signer))
    with pytest.raises(TrustError):
        trusted.accept_certificate(feeder.signer.certificate, NOW)
    trusted.accept_whitelist(feeder.whitelist, NOW)
    with pytest.raises(TrustError):
        assert trusted.manifest
    assert trusted.highest_revision == 0


def test_without_a_master_key_nothing_starts() -> None:
    with pytest.raises(UnknownKey):
        TrustedRepository(FQRN, [])


def test_expired_whitelist_is_refused(feeder: Feeder) -> None:
    with pytest.raises(Expired):
        feeder.feed(later=31)
    with pytest.raises(TrustError):
        assert feeder.trusted.whitelist


def test_a_whitelist_that_expires_between_the_steps_is_refused(feeder: Feeder) -> None:
    feeder.trusted.offer_manifest(manifest_bytes(feeder.signer))
    feeder.trusted.accept_whitelist(feeder.whitelist, NOW)
    with pytest.raises(Expired):
        feeder.trusted.accept_certificate(
            feeder.signer.certificate, NOW + timedelta(days=40)
        )


def test_a_whitelist_of_an_unknown_key_is_refused(
    signer: KeyPair, master: KeyPair, stranger: KeyPair
) -> None:
    feeder = Feeder(master, signer)
    feeder.whitelist = Feeder(stranger, signer).whitelist
    with pytest.raises(BadSignature):
        feeder.feed()


def test_manifest_and_whitelist_of_another_repository_are_refused(
    feeder: Feeder, master: KeyPair
) -> None:
    other = Fqrn.parse("other.example.org")
    with pytest.raises(TrustError, match="manifest of other"):
        feeder.feed(manifest_bytes(feeder.signer, fqrn=other))
    feeder.whitelist = whitelist_bytes(master, [], fqrn=other)
    with pytest.raises(TrustError, match="whitelist of other"):
        feeder.feed()


def test_a_certificate_that_is_not_listed_is_refused(
    feeder: Feeder, stranger: KeyPair
) -> None:
    feeder.trusted.offer_manifest(manifest_bytes(stranger))
    feeder.trusted.accept_whitelist(feeder.whitelist, NOW)
    with pytest.raises(BadFingerprint):
        feeder.trusted.accept_certificate(stranger.certificate, NOW)


def test_a_fingerprint_of_any_algorithm_will_do(
    master: KeyPair, signer: KeyPair
) -> None:
    for algorithm in Algorithm:
        feeder = Feeder(master, signer)
        prints = [signature.fingerprint(signer.certificate, algorithm)]
        feeder.whitelist = whitelist_bytes(master, prints)
        feeder.feed()


def test_a_manifest_of_another_signer_is_refused(
    feeder: Feeder, stranger: KeyPair
) -> None:
    with pytest.raises(BadSignature):
        feeder.feed(manifest_bytes(stranger))
    with pytest.raises(TrustError):
        assert feeder.trusted.manifest


def test_an_older_revision_is_refused_and_changes_nothing(feeder: Feeder) -> None:
    feeder.feed()
    with pytest.raises(TrustError, match="older"):
        feeder.feed(manifest_bytes(feeder.signer, revision=4))
    assert feeder.trusted.manifest.revision == 5
    feeder.feed(manifest_bytes(feeder.signer, revision=5))
    feeder.feed(manifest_bytes(feeder.signer, revision=6))
    assert feeder.trusted.highest_revision == 6


def test_a_revision_older_than_one_seen_in_another_run_is_refused(
    master: KeyPair, signer: KeyPair
) -> None:
    with pytest.raises(TrustError, match="older"):
        Feeder(master, signer, highest_revision=6).feed()


def test_a_forged_high_revision_is_not_remembered(
    feeder: Feeder, stranger: KeyPair
) -> None:
    with pytest.raises(BadSignature):
        feeder.feed(manifest_bytes(stranger, revision=1000))
    assert feeder.trusted.highest_revision == 0
    feeder.feed()


def test_blacklisted_certificates_and_revisions_are_refused(
    master: KeyPair, signer: KeyPair
) -> None:
    prints = frozenset({signature.fingerprint(signer.certificate, Algorithm.SHAKE128)})
    with pytest.raises(BadFingerprint, match="blacklist"):
        Feeder(master, signer, blacklist=Blacklist(prints)).feed()
    lowest = Blacklist(lowest_revisions={FQRN: 6})
    with pytest.raises(TrustError, match="blacklist"):
        Feeder(master, signer, blacklist=lowest).feed()
    Feeder(master, signer, blacklist=Blacklist(lowest_revisions={FQRN: 5})).feed()
