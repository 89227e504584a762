# SPDX-License-Identifier: GPL-2.0-or-later
"""Keys, manifests and whitelists that tests make and bend."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from interpose.formats import manifest, signature, signed, whitelist
from interpose.formats.fqrn import Fqrn
from interpose.formats.hashes import Algorithm, ContentHash, hash_bytes

FQRN = Fqrn.parse("demo.example.org")
NOW = datetime(2026, 5, 4, 12, 30, tzinfo=timezone.utc)


@dataclass(frozen=True)
class KeyPair:
    """An RSA key and a certificate for it, in PEM."""

    private: bytes
    public: bytes
    certificate: bytes


def make_keys(bits: int = 2048) -> KeyPair:
    """A fresh key with a certificate that it signed itself."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "demo")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=timezone.utc))
        .not_valid_after(datetime(2021, 1, 1, tzinfo=timezone.utc))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    return KeyPair(
        key.private_bytes(
            pem,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ),
        key.public_key().public_bytes(
            pem, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        certificate.public_bytes(pem),
    )


def manifest_bytes(signer: KeyPair, **changes: object) -> bytes:
    """A signed manifest of revision 5, with fields changed."""
    values: dict[str, object] = {
        "root_hash": hash_bytes(Algorithm.SHA1, b"root"),
        "root_size": 4096,
        "revision": 5,
        "fqrn": FQRN,
        "certificate_hash": hash_bytes(Algorithm.SHA1, signer.certificate),
        "timestamp": 1_700_000_000,
    }
    values.update(changes)
    body = manifest.build_body(manifest.ManifestFields(**values))  # type: ignore[arg-type]
    text = signed.hash_line(body, Algorithm.SHA1)
    return signed.join(body, text, signature.sign_manifest(text, signer.private))


def whitelist_bytes(
    master: KeyPair,
    fingerprints: list[ContentHash],
    *,
    fqrn: Fqrn = FQRN,
    expires: datetime = NOW + whitelist.VALIDITY,
    algorithm: Algorithm = Algorithm.SHA1,
) -> bytes:
    """A signed whitelist that lists `fingerprints`."""
    body = whitelist.build_body(fqrn, NOW, expires, fingerprints)
    text = signed.hash_line(body, algorithm)
    return signed.join(body, text, signature.sign_whitelist(text, master.private))


@dataclass(frozen=True)
class OfficialRepository:
    """Manifest, whitelist, catalogs, histories, certificates of one repository."""

    name: str
    files: dict[str, bytes]
    public_key: bytes

    def stored(self, content_hash: ContentHash, kind: str) -> bytes:
        """An object as the server has it."""
        return self.files[content_hash.object_path(kind)]

    def unpacked(self, content_hash: ContentHash, kind: str) -> bytes:
        """An object as it is used."""
        return zlib.decompress(self.stored(content_hash, kind))

    def objects(self, kind: str) -> dict[str, bytes]:
        """All objects of one kind, unpacked, by their paths."""
        return {
            path: zlib.decompress(stored)
            for path, stored in sorted(self.files.items())
            if path.startswith("data/") and path.endswith(kind)
        }


OFFICIAL_NAMES = [
    f"{name}.example.org"
    for name in (
        *("sha1", "rmd160", "shake128", "tricky", "tagged", "bind", "programs"),
        *("lsst", "oldschema", "expired", "wrongkey"),
    )
]
