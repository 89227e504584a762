# SPDX-License-Identifier: GPL-2.0-or-later
"""The keys of a publisher, in files with the official names.

FQRN.masterkey signs the whitelist, FQRN.pub is what clients need, FQRN.key signs each
revision, FQRN.crt is the certificate of that key. Missing ones are made, private ones
with mode 0600; what is there is never overwritten.

Source: decisions.md 26; cvmfs-format.md 2 and 3.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from interpose.errors import InterposeError, UnknownKey
from interpose.formats.fqrn import Fqrn

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_RSA_BITS = 2048
_CERTIFICATE_VALIDITY = timedelta(days=3650)  # Clients do not look at it.


@dataclass(frozen=True)
class KeySet:
    """PEM texts; `master_private` is None where only the public half is at hand."""

    master_public: bytes
    master_private: bytes | None
    private_key: bytes
    certificate: bytes


def ensure_keys(directory: Path, fqrn: Fqrn, now: datetime) -> KeySet:
    """The keys of `fqrn` in `directory`, made where they are missing.

    Errors: UnknownKey for a file that is no RSA key, a pair that does not fit, or a
    public half whose private half would have to be invented.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    master_private, master_public = _master(directory, fqrn)
    private_key, certificate = _signer(directory, fqrn, now)
    return KeySet(master_public, master_private, private_key, certificate)


def _master(directory: Path, fqrn: Fqrn) -> tuple[bytes | None, bytes]:
    private_path = directory / f"{fqrn}.masterkey"
    public_path = directory / f"{fqrn}.pub"
    private = _read(private_path)
    public = _read(public_path)
    if private is None and public is not None:
        # The master key may well be kept elsewhere until a whitelist expires.
        return None, public
    if private is None:
        private = _private_pem(_generate())
        _write_new(private_path, private, 0o600)
    expected = _public_pem(_load(private, private_path))
    if public is None:
        public = expected
        _write_new(public_path, public, 0o644)
    elif _spki(public, public_path) != expected:
        raise UnknownKey(
            f"not the public half of {private_path.name}", str(public_path)
        )
    return private, public


def _signer(directory: Path, fqrn: Fqrn, now: datetime) -> tuple[bytes, bytes]:
    key_path = directory / f"{fqrn}.key"
    certificate_path = directory / f"{fqrn}.crt"
    private = _read(key_path)
    certificate = _read(certificate_path)
    if private is None and certificate is not None:
        raise UnknownKey("the private key of a certificate is missing", str(key_path))
    if private is None:
        private = _private_pem(_generate())
        _write_new(key_path, private, 0o600)
    key = _load(private, key_path)
    if certificate is None:
        certificate = _certificate_pem(key, fqrn, now)
        _write_new(certificate_path, certificate, 0o644)
    elif _certified(certificate, certificate_path) != _public_pem(key):
        message = f"not the certificate of {key_path.name}"
        raise UnknownKey(message, str(certificate_path))
    return private, certificate


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnknownKey(f"cannot read a key ({error.strerror})", str(path)) from error


def _write_new(path: Path, content: bytes, mode: int) -> None:
    """A new file that is there whole or not at all, also when two publishers start."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with open(os.open(temporary, flags, mode), "wb") as stream:
        stream.write(content)
    try:
        os.link(temporary, path)
    except FileExistsError:
        message = "a key appeared while it was made"
        raise InterposeError(message, str(path), "try again") from None
    finally:
        temporary.unlink()


def _generate() -> RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

    return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)


def _private_pem(key: RSAPrivateKey) -> bytes:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _public_pem(key: RSAPrivateKey) -> bytes:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _load(pem: bytes, path: Path) -> RSAPrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UnknownKey("a private key cannot be used", str(path)) from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise UnknownKey("a private key is not an RSA key", str(path))
    return key


def _spki(pem: bytes, path: Path) -> bytes:
    """A public key as this module would write it."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UnknownKey("a public key cannot be used", str(path)) from None
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _certified(pem: bytes, path: Path) -> bytes:
    """The public key that a certificate is about."""
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    try:
        key = x509.load_pem_x509_certificate(pem).public_key()
    except (ValueError, TypeError):
        raise UnknownKey("a certificate cannot be used", str(path)) from None
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _certificate_pem(key: RSAPrivateKey, fqrn: Fqrn, now: datetime) -> bytes:
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, fqrn)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + _CERTIFICATE_VALIDITY)
    )
    certificate = builder.sign(key, hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.PEM)
