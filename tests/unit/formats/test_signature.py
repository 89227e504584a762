# SPDX-License-Identifier: GPL-2.0-or-later
"""Signatures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from interpose.errors import BadSignature, FormatError, UnknownKey
from interpose.formats import signature, signed
from interpose.formats.hashes import Algorithm, ContentHash, hash_bytes
from interpose.formats.manifest import Manifest, ManifestFields, build_body
from interpose.formats.whitelist import Whitelist
from tests.unit.formats.making import (
    FQRN,
    KeyPair,
    make_keys,
    manifest_bytes,
    whitelist_bytes,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

TEXT = "a" * 40
UNSIGNED = build_body(
    ManifestFields(
        root_hash=ContentHash.parse("1" * 40),
        root_size=1,
        revision=1,
        fqrn=FQRN,
        certificate_hash=ContentHash.parse("2" * 40),
        timestamp=1,
    )
)


def _rsa(pem: bytes) -> RSAPublicKey:
    return load_pem_public_key(pem)  # type: ignore[return-value]


def _raw_sign(block: bytes, pem: bytes) -> bytes:
    key = serialization.load_pem_private_key(pem, None)
    numbers = key.private_numbers()  # type: ignore[union-attr]
    modulus = numbers.public_numbers.n  # type: ignore[union-attr]
    value = pow(int.from_bytes(block, "big"), numbers.d, modulus)  # type: ignore[union-attr]
    return value.to_bytes(256, "big")


def test_a_manifests_signature_is_rsa_with_sha1_for_the_library_too(
    signer: KeyPair,
) -> None:
    found = signature.sign_manifest(TEXT, signer.private)
    _rsa(signer.public).verify(found, TEXT.encode(), padding.PKCS1v15(), hashes.SHA1())


def test_a_whitelists_signature_is_the_bare_text_for_the_library_too(
    master: KeyPair,
) -> None:
    found = signature.sign_whitelist(TEXT, master.private)
    key = _rsa(master.public)
    payload = key.recover_data_from_signature(found, padding.PKCS1v15(), None)
    assert payload == TEXT.encode()


def test_a_manifest_signed_by_its_certificate_is_accepted(signer: KeyPair) -> None:
    found = Manifest.parse(manifest_bytes(signer))
    signature.verify_manifest(found, signer.certificate)


def test_a_manifest_signed_by_another_key_is_refused(
    signer: KeyPair, stranger: KeyPair
) -> None:
    found = Manifest.parse(manifest_bytes(stranger))
    with pytest.raises(BadSignature):
        signature.verify_manifest(found, signer.certificate)


def test_a_manifest_with_a_whitelists_kind_of_signature_is_refused(
    signer: KeyPair,
) -> None:
    found = Manifest.parse(manifest_bytes(signer))
    bare = signature.sign_whitelist(found.hash_text, signer.private)
    with pytest.raises(BadSignature):
        signature.verify_manifest(found._replace(signature=bare), signer.certificate)


def test_a_manifest_whose_body_was_changed_is_refused(signer: KeyPair) -> None:
    data = manifest_bytes(signer).replace(b"\nS5\n", b"\nS6\n")
    with pytest.raises(BadSignature):
        signature.verify_manifest(Manifest.parse(data), signer.certificate)


def test_any_of_several_master_keys_will_do(master: KeyPair, stranger: KeyPair) -> None:
    found = Whitelist.parse(whitelist_bytes(master, []))
    keys = signature.load_master_keys(stranger.public, master.public)
    signature.verify_whitelist(found, keys)
    with pytest.raises(BadSignature):
        signature.verify_whitelist(found, keys[:1])
    with pytest.raises(BadSignature):
        signature.verify_whitelist(found, [])


@pytest.mark.parametrize("algorithm", Algorithm)
def test_the_hash_line_may_use_any_algorithm(
    master: KeyPair, algorithm: Algorithm
) -> None:
    found = Whitelist.parse(whitelist_bytes(master, [], algorithm=algorithm))
    signature.verify_whitelist(found, signature.load_master_keys(master.public))


@pytest.mark.parametrize(
    "block",
    [
        b"\x00\x02" + b"\xff" * 213 + b"\x00" + TEXT.encode(),
        b"\x00\x01" + b"\xfe" * 213 + b"\x00" + TEXT.encode(),
        b"\x00\x01" + b"\xff" * 212 + b"\x01" + b"\x00" + TEXT.encode(),
        b"\x00\x01" + b"\xff" * 7 + b"\x00" + b"x" * 246,
        b"\x00\x01" + b"\xff" * 254,
        b"\x00\x00" + b"\xff" * 213 + b"\x00" + TEXT.encode(),
    ],
)
def test_a_block_of_another_shape_says_nothing(master: KeyPair, block: bytes) -> None:
    (key,) = signature.load_master_keys(master.public)
    assert len(block) == 256
    found = _raw_sign(block, master.private)
    assert signature.recover_whitelist_payload(found, key) is None


def test_a_payload_is_compared_whole(master: KeyPair) -> None:
    (key,) = signature.load_master_keys(master.public)
    found = Whitelist.parse(whitelist_bytes(master, []))
    for text in (found.hash_text + "x", found.hash_text[:-1], "x" + found.hash_text):
        forged = signature.sign_whitelist(text, master.private)
        assert signature.recover_whitelist_payload(forged, key) == text.encode()
        with pytest.raises(BadSignature):
            signature.verify_whitelist(found._replace(signature=forged), [key])


def test_signatures_of_another_length_or_beyond_the_modulus_say_nothing(
    master: KeyPair,
) -> None:
    (key,) = signature.load_master_keys(master.public)
    good = signature.sign_whitelist(TEXT, master.private)
    larger = (int.from_bytes(good, "big") + key.modulus).to_bytes(257, "big")
    for bad in (b"", good[:-1], good + b"\n", b"\0" + good, larger, b"\xff" * 256):
        assert signature.recover_whitelist_payload(bad, key) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_no_signature(master: KeyPair, data: bytes) -> None:
    (key,) = signature.load_master_keys(master.public)
    assert signature.recover_whitelist_payload(data, key) is None


def _curve_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def test_master_keys_must_be_rsa_keys_in_pem(master: KeyPair) -> None:
    pem = serialization.Encoding.PEM
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    curve = _curve_key().public_key().public_bytes(pem, spki)
    for bad in (b"", b"garbage", curve, master.private, master.public[:100]):
        with pytest.raises(UnknownKey):
            signature.load_master_keys(master.public, bad)
    with pytest.raises(UnknownKey):
        signature.load_master_keys()


def test_keys_whose_powers_take_forever_are_refused(
    monkeypatch: pytest.MonkeyPatch, master: KeyPair
) -> None:
    monkeypatch.setattr(signature, "_LONGEST_MODULUS_BITS", 1024)
    with pytest.raises(UnknownKey):
        signature.load_master_keys(master.public)


def test_private_keys_must_be_long_rsa_keys(master: KeyPair) -> None:
    pem = serialization.Encoding.PEM
    curve = _curve_key().private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for bad in (b"", curve, master.public):
        with pytest.raises(UnknownKey):
            signature.sign_manifest(TEXT, bad)
    with pytest.raises(UnknownKey):
        signature.sign_whitelist("x" * 250, make_keys(1024).private)


def test_certificates_that_cannot_be_used_are_format_errors(
    signer: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Manifest.parse(manifest_bytes(signer))
    for bad in (b"", b"x" * 100, signer.public, bytes(2 << 20)):
        with pytest.raises(FormatError):
            signature.verify_manifest(found, bad)
        with pytest.raises(FormatError):
            signature.fingerprint(bad, Algorithm.SHA1)
    monkeypatch.setattr(signature, "_LONGEST_MODULUS_BITS", 1024)
    with pytest.raises(FormatError):
        signature.verify_manifest(found, signer.certificate)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(position=st.integers(0, 5000), byte=st.integers(0, 255))
@example(position=48, byte=47)  # a serial number that is no positive one
def test_a_changed_certificate_is_refused_or_another_one(
    signer: KeyPair, position: int, byte: int
) -> None:
    data = bytearray(signer.certificate)
    data[position % len(data)] = byte
    # Signed by nobody: making a signature each time would take seconds.
    text = hash_bytes(Algorithm.SHA1, UNSIGNED).text
    found = Manifest.parse(signed.join(UNSIGNED, text, bytes(256)))
    try:
        signature.fingerprint(bytes(data), Algorithm.SHA1)
        signature.verify_manifest(found, bytes(data))
    except (FormatError, BadSignature):
        pass


def test_fingerprints_are_those_of_the_der_form(signer: KeyPair) -> None:
    every = signature.fingerprints(signer.certificate)
    assert every == {
        signature.fingerprint(signer.certificate, algorithm) for algorithm in Algorithm
    }
    assert len(every) == 3
