# SPDX-License-Identifier: GPL-2.0-or-later
"""The keys of a publisher, in files with the official names.

FQRN.masterkey signs the whitelist, FQRN.pub is what clients need, FQRN.key signs each
revision, FQRN.crt is the certificate of that key. Missing ones are made, private ones
with mode 0600; what is there is never overwritten. A file that somebody else owns, or
that everybody may write, is no key: who plants one would sign in our name.

Source: docs/format.md 2 and 3.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from interpose.errors import InterposeError, UnknownKey
from interpose.formats.fqrn import Fqrn
from interpose.formats.signature import load_private_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_RSA_BITS = 2048
_KEY_BYTES = 1 << 20
_CERTIFICATE_VALIDITY = timedelta(days=3650)  # Clients do not look at it.


class KeySet(NamedTuple):
    """PEM texts; `master_private` is None where only the public half is at hand."""

    master_public: bytes
    master_private: bytes | None
    private_key: bytes
    certificate: bytes


class KeyMaker:
    """Reads the keys of one repository, and makes what is missing.

    `may_be_new` is False where clients know the master key already.
    """

    def __init__(self, directory: Path, fqrn: Fqrn, *, may_be_new: bool = True) -> None:
        self._directory = directory
        self._fqrn = fqrn
        self._may_be_new = may_be_new
        self._made: list[Path] = []

    def keys(self, now: datetime) -> KeySet:
        """The keys, from files that are made where they are missing.

        Errors: UnknownKey for a file that is no RSA key of ours, a pair that does not
        fit, or a half that would have to be invented.
        """
        master_private, master_public = self._master()
        private_key, certificate = self._signer(now)
        return KeySet(master_public, master_private, private_key, certificate)

    @contextlib.contextmanager
    def undone_on_failure(self) -> Iterator[None]:
        """What was made for a publication that fails is of no use to anybody."""
        try:
            yield
        except BaseException:
            for path in reversed(self._made):
                with contextlib.suppress(OSError):
                    path.rmdir() if path == self._directory else path.unlink()
            raise

    def _path(self, suffix: str) -> Path:
        return self._directory / f"{self._fqrn}.{suffix}"

    def _master(self) -> tuple[bytes | None, bytes]:
        private_path, public_path = self._path("masterkey"), self._path("pub")
        private, public = _read(private_path), _read(public_path)
        if private is None and public is not None:
            # The master key may well be kept elsewhere until a whitelist expires.
            return None, public
        if private is None:
            if not self._may_be_new:
                raise UnknownKey(
                    f"no key of {self._fqrn}, which is published already",
                    str(self._directory),
                    "name the directory of its keys; --new-identity makes other ones,"
                    " and no client will know them",
                )
            private = _private_pem(_generate())
            self._write_new(private_path, private, 0o600)
        expected = _public_pem(_load(private, private_path))
        if public is None:
            public = expected
            self._write_new(public_path, public, 0o644)
        elif _spki(public, public_path) != expected:
            raise UnknownKey(
                f"not the public half of {private_path.name}", str(public_path)
            )
        return private, public

    def _signer(self, now: datetime) -> tuple[bytes, bytes]:
        key_path, certificate_path = self._path("key"), self._path("crt")
        private, certificate = _read(key_path), _read(certificate_path)
        if private is None and certificate is not None:
            raise UnknownKey(
                "the private key of a certificate is missing", str(key_path)
            )
        if private is None:
            private = _private_pem(_generate())
            self._write_new(key_path, private, 0o600)
        key = _load(private, key_path)
        if certificate is None:
            certificate = _certificate_pem(key, self._fqrn, now)
            self._write_new(certificate_path, certificate, 0o644)
        elif _certified(certificate, certificate_path) != _public_pem(key):
            message = f"not the certificate of {key_path.name}"
            raise UnknownKey(message, str(certificate_path))
        return private, certificate

    def _write_new(self, path: Path, content: bytes, mode: int) -> None:
        try:
            if not self._directory.is_dir():
                self._directory.mkdir(mode=0o700, parents=True)
                self._made.append(self._directory)
            _write_new(path, content, mode)
        except OSError as error:
            raise InterposeError(
                f"cannot write a key ({error.strerror})", str(path)
            ) from error
        self._made.append(path)


def ensure_keys(directory: Path, fqrn: Fqrn, now: datetime) -> KeySet:
    """As `KeyMaker.keys`, for a repository that nobody knows yet."""
    return KeyMaker(directory, fqrn).keys(now)


def _read(path: Path) -> bytes | None:
    # O_NONBLOCK: a FIFO must not hold us. Links are followed: keys are kept anywhere.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        with open(os.open(path, flags), "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UnknownKey("a key is not a regular file", str(path))
            if status.st_uid not in (0, os.geteuid()):
                advice = "take it over if it is yours: chown, or a copy"
                raise UnknownKey("a key that somebody else owns", str(path), advice)
            if status.st_mode & stat.S_IWOTH:
                advice = "look at it, then chmod o-w"
                raise UnknownKey("a key that everybody may write", str(path), advice)
            return stream.read(_KEY_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnknownKey(f"cannot read a key ({error.strerror})", str(path)) from error


def _write_new(path: Path, content: bytes, mode: int) -> None:
    """A new file that is there whole or not at all, also when two publishers start."""
    temporary = path.with_name(f"{path.name}.{os.urandom(8).hex()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, mode)
    try:
        with open(descriptor, "wb") as stream:
            stream.write(content)
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
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

    try:
        key = load_private_key(pem)
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
