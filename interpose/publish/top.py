# SPDX-License-Identifier: GPL-2.0-or-later
"""The two signed files on top of a repository: whitelist and manifest.

Source: docs/format.md 2 and 3.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from interpose.errors import BadSignature, FormatError, TrustError, UnknownKey
from interpose.formats import manifest as manifest_format
from interpose.formats import signature, signed
from interpose.formats import whitelist as whitelist_format
from interpose.formats.fqrn import Fqrn
from interpose.formats.hashes import Algorithm
from interpose.formats.manifest import ManifestFields
from interpose.formats.whitelist import Whitelist
from interpose.publish.keys import KeySet
from interpose.publish.storage import WHITELIST, Storage

_RENEWED_BELOW = 0.5


def check_identity(storage: Storage, keys: KeySet, directory: Path) -> None:
    """Errors: UnknownKey where another master key signed the present whitelist."""
    content = storage.read_top(WHITELIST)
    if content is None:
        return
    try:
        found = Whitelist.parse(content)
        signed.check_body(found.signed_text, "whitelist")
    except (FormatError, BadSignature):
        return  # Damaged: it is written anew.
    masters = signature.load_master_keys(keys.master_public)
    try:
        signature.verify_whitelist(found, masters)
    except BadSignature:
        raise UnknownKey(
            "the repository has another master key",
            str(directory),
            "name the directory of its keys; --new-identity goes on with these,"
            " and no client will know them",
        ) from None


def is_whitelist_due(storage: Storage, fqrn: Fqrn, keys: KeySet, now: datetime) -> bool:
    """Whether a new whitelist has to be written.

    One with less than half of its time left is renewed while that is easy, that is
    while the private master key is at hand.
    Errors: UnknownKey if a new one is needed and the master key is elsewhere.
    """
    remaining = _remaining_share(storage, fqrn, keys, now)
    if keys.master_private is not None:
        return remaining < _RENEWED_BELOW
    if remaining > 0:
        return False
    advice = f"put {fqrn}.masterkey beside the other keys"
    raise UnknownKey("the whitelist must be signed anew", WHITELIST, advice)


def signed_whitelist(
    fqrn: Fqrn, keys: KeySet, algorithm: Algorithm, now: datetime
) -> bytes:
    """What lets clients trust the certificate for the next 30 days.

    Errors: UnknownKey without a private master key.
    """
    if keys.master_private is None:
        raise UnknownKey("no private master key", fqrn)
    fingerprint = signature.fingerprint(keys.certificate, algorithm)
    expires = now + whitelist_format.VALIDITY
    body = whitelist_format.build_body(fqrn, now, expires, [fingerprint])
    text = signed.hash_line(body, algorithm)
    seal = signature.sign_whitelist(text, keys.master_private)
    return signed.join(body, text, seal)


def signed_manifest(fields: ManifestFields, keys: KeySet) -> bytes:
    """What makes a revision the current one, once it is written."""
    body = manifest_format.build_body(fields)
    text = signed.hash_line(body, fields.root_hash.algorithm)
    seal = signature.sign_manifest(text, keys.private_key)
    return signed.join(body, text, seal)


def _remaining_share(
    storage: Storage, fqrn: Fqrn, keys: KeySet, now: datetime
) -> float:
    """How much of its validity the whitelist has left; 0 if it cannot be used."""
    content = storage.read_top(WHITELIST)
    if content is None:
        return 0.0
    try:
        found = Whitelist.parse(content)
        masters = signature.load_master_keys(keys.master_public)
        signature.verify_whitelist(found, masters)
    except (FormatError, BadSignature, TrustError):
        return 0.0
    listed = any(
        signature.fingerprint(keys.certificate, one.algorithm) == one
        for one in found.fingerprints
    )
    if not listed or found.fqrn != fqrn or not found.is_valid_at(now):
        return 0.0
    return (found.expires - now) / whitelist_format.VALIDITY
