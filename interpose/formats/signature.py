# SPDX-License-Identifier: GPL-2.0-or-later
"""Signatures of manifests and whitelists, made and verified.

Two different things (docs/format.md 14, trap 1): a manifest carries an ordinary
RSA-SHA1 signature over the text of its hash line; a whitelist carries the bare text
in a PKCS#1 type 1 block, without any hashing. Both are verified by comparing the
recovered payload with the only one that is right; nothing in it is parsed. The
library reads the keys; the power is ours, because systems that forbid SHA-1
signatures by policy would refuse every repository.

Source: docs/format.md 2 and 3; RFC 8017, 8.2 and 9.2.
"""

from __future__ import annotations

import hashlib
import hmac
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from interpose.errors import BadSignature, FormatError, UnknownKey
from interpose.formats import limits, signed
from interpose.formats.hashes import Algorithm, ContentHash, hash_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers
    from cryptography.x509 import Certificate

    from interpose.formats.manifest import Manifest
    from interpose.formats.whitelist import Whitelist

_SHORTEST_PADDING = 8
# A power costs time with the square of the key's length times that of the exponent.
_LONGEST_MODULUS_BITS = 16384
_LONGEST_EXPONENT_BITS = 64
# DER of DigestInfo {sha1, NULL, OCTET STRING of 20 bytes}, without these 20 bytes.
_SHA1_DIGEST_INFO = bytes.fromhex("3021300906052b0e03021a05000414")


class PublicKey(NamedTuple):
    """An RSA public key."""

    modulus: int
    exponent: int

    @property
    def size(self) -> int:
        """Length of a signature in bytes."""
        return (self.modulus.bit_length() + 7) // 8


def load_master_keys(*pems: bytes) -> tuple[PublicKey, ...]:
    """The keys in `pems`, one PEM `PUBLIC KEY` each.

    Errors: UnknownKey if there is none, or if one cannot be used.
    """
    if not pems:
        raise UnknownKey("no master key")
    return tuple(_master_key(pem) for pem in pems)


def _master_key(pem: bytes) -> PublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        load_pem_public_key,
    )

    try:
        key = _plain_key(load_pem_public_key(pem))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if key is None:
        raise UnknownKey("a master key cannot be used", advice="RSA in PEM is needed")
    return key


def _plain_key(key: object) -> PublicKey | None:
    """The numbers of `key`; None if it is no RSA key of a sane size."""
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

    if not isinstance(key, rsa.RSAPublicKey):
        return None
    numbers = key.public_numbers()
    sane = (
        numbers.n.bit_length() <= _LONGEST_MODULUS_BITS
        and numbers.e.bit_length() <= _LONGEST_EXPONENT_BITS
    )
    return PublicKey(numbers.n, numbers.e) if sane else None


def recover_whitelist_payload(signature: bytes, key: PublicKey) -> bytes | None:
    """What `signature` says by `key`; None if it was not made by that key."""
    number = int.from_bytes(signature, "big")
    if len(signature) != key.size or number >= key.modulus:
        return None
    block = pow(number, key.exponent, key.modulus).to_bytes(key.size, "big")
    padding, zero, payload = block[2:].partition(b"\x00")
    sound = block[:2] == b"\x00\x01" and zero and not padding.strip(b"\xff")
    return payload if sound and len(padding) >= _SHORTEST_PADDING else None


def verify_whitelist(whitelist: Whitelist, keys: Iterable[PublicKey]) -> None:
    """Errors: BadSignature unless one of `keys` signed exactly this text."""
    signed.check_body(whitelist.signed_text, "whitelist")
    expected = whitelist.hash_text.encode("ascii")
    if not any(_says(whitelist.signature, key, expected) for key in keys):
        raise BadSignature("whitelist not signed by a known master key")


def verify_manifest(manifest: Manifest, certificate_pem: bytes) -> None:
    """Errors: BadSignature unless the certificate's key signed this manifest.

    FormatError if the certificate cannot be used.
    """
    key = _certificate_key(load_certificate(certificate_pem))
    signed.check_body(manifest.signed_text, "manifest")
    if not _says(manifest.signature, key, _sha1_payload(manifest.hash_text)):
        raise BadSignature("manifest not signed by its certificate")


def _says(signature: bytes, key: PublicKey, expected: bytes) -> bool:
    payload = recover_whitelist_payload(signature, key)
    return payload is not None and hmac.compare_digest(payload, expected)


def _sha1_payload(hash_text: str) -> bytes:
    message = hash_text.encode("ascii")
    return _SHA1_DIGEST_INFO + hashlib.sha1(message, usedforsecurity=False).digest()


def load_certificate(pem: bytes) -> Certificate:
    """Errors: FormatError if `pem` is no X.509 certificate."""
    from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415

    limits.check_size(pem, limits.CERTIFICATE_BYTES, "certificate")
    try:
        # Oddities of a certificate (a serial number of 0) are none of the user's
        # business: what counts is its fingerprint, and its key.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return load_pem_x509_certificate(pem)
    except (ValueError, TypeError):
        raise FormatError("certificate that cannot be read") from None


def _certificate_key(certificate: Certificate) -> PublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415

    try:
        key = _plain_key(certificate.public_key())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if key is None:
        raise FormatError("certificate whose key cannot be used")
    return key


def fingerprint(certificate_pem: bytes, algorithm: Algorithm) -> ContentHash:
    """The hash of the certificate in DER.

    Errors: FormatError if the certificate cannot be read.
    """
    return hash_bytes(algorithm, _der(certificate_pem))


def fingerprints(certificate_pem: bytes) -> frozenset[ContentHash]:
    """The fingerprints of the certificate by each algorithm.

    Errors: FormatError if the certificate cannot be read.
    """
    der = _der(certificate_pem)
    return frozenset(hash_bytes(algorithm, der) for algorithm in Algorithm)


def _der(certificate_pem: bytes) -> bytes:
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
    )

    return load_certificate(certificate_pem).public_bytes(Encoding.DER)


def sign_manifest(hash_text: str, private_key_pem: bytes) -> bytes:
    """The signature of a manifest's hash line by the certificate's private key.

    Errors: UnknownKey if the key cannot be used.
    """
    return _sign(_sha1_payload(hash_text), private_key_pem)


def sign_whitelist(hash_text: str, private_key_pem: bytes) -> bytes:
    """The signature of a whitelist's hash line by a private master key.

    Errors: UnknownKey if the key cannot be used.
    """
    return _sign(hash_text.encode("ascii"), private_key_pem)


@lru_cache(maxsize=4)
def load_private_key(pem: bytes) -> object:
    """The key, of whatever kind. It is proven for 50 ms, so each one only once.

    Errors: ValueError, TypeError, UnsupportedAlgorithm.
    """
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        load_pem_private_key,
    )

    return load_pem_private_key(pem, password=None)


def _sign(payload: bytes, private_key_pem: bytes) -> bytes:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

    try:
        key = load_private_key(private_key_pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UnknownKey("a private key cannot be read") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise UnknownKey("a private key is not an RSA key")
    numbers = key.private_numbers()
    modulus = numbers.public_numbers.n
    size = (modulus.bit_length() + 7) // 8
    padding = b"\xff" * (size - 3 - len(payload))
    if len(padding) < _SHORTEST_PADDING:
        raise UnknownKey("a private key is too short")
    block = b"\x00\x01" + padding + b"\x00" + payload
    return _power(int.from_bytes(block, "big"), numbers).to_bytes(size, "big")


def _power(base: int, numbers: RSAPrivateNumbers) -> int:
    """`base` to the private exponent, by way of the primes: a quarter of the time.

    Source: RFC 8017, 5.1.2 (2b).
    """
    first = pow(base, numbers.dmp1, numbers.p)
    second = pow(base, numbers.dmq1, numbers.q)
    return second + (first - second) * numbers.iqmp % numbers.p * numbers.q
