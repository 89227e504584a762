# SPDX-License-Identifier: GPL-2.0-or-later
"""What the official client and tools ask of a repository, as complaints.

Each rule was read in their source; docs/official-tools.md tells them in words. Nothing
of the product is used here: hashes by hashlib, signatures by the library's primitives.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
import zlib
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.support.official_catalogs import Catalogs

HASH = r"[0-9a-f]{40}(-rmd160|-shake128)?"
EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e"
FIELDS = {
    "C": HASH,
    "B": "[1-9][0-9]*",
    "R": EMPTY_MD5,
    "D": "[1-9][0-9]*",
    "S": "[1-9][0-9]*",
    "G": "yes|no",
    "A": "yes|no",
    "N": r"[a-z0-9.-]+",
    "X": HASH,
    "H": HASH,
    "T": "[1-9][0-9]*",
    "M": HASH,
    "Y": HASH,
}


def complaints(stratum: Path, master: bytes, scratch: Path) -> list[str]:
    """Everything that the tools would not like; `master` is the public key in PEM."""
    check = Repository(stratum, master, scratch)
    check.run()
    return check.found


class Repository:
    """A repository as a web server holds it."""

    def __init__(self, stratum: Path, master: bytes, scratch: Path) -> None:
        self.stratum = stratum
        self.master = serialization.load_pem_public_key(master)
        self.scratch = scratch
        self.found: list[str] = []
        self.fields: dict[str, str] = {}

    def run(self) -> None:
        published = self._letter(".cvmfspublished")
        self._check_fields(published[0])
        certificate = self._certificate()
        self._check_seal(published, certificate)
        self._check_whitelist(certificate)
        self._check_reflog()
        self._check_history()
        walk = Catalogs(lambda name: self.file(name, "C"), self._has)
        walk.check(self.fields["C"], int(self.fields["B"]))
        self.found += walk.found

    def file(self, name: str, kind: str) -> Path:
        """The unpacked object in a file."""
        stored = self._object(name, kind).read_bytes()
        if hashed(stored, name) != name:
            self.found.append(f"{name}{kind}: wrong hash")
        target = self.scratch / f"{name}{kind}"
        target.write_bytes(zlib.decompress(stored))
        return target

    def _object(self, name: str, kind: str) -> Path:
        return self.stratum / "data" / name[:2] / (name[2:] + kind)

    def _has(self, name: str) -> bool:
        return (self.stratum / "data" / name[:2] / name[2:]).exists()

    def _letter(self, name: str) -> tuple[bytes, str, bytes]:
        """Body, hash and signature of a signed file."""
        data = (self.stratum / name).read_bytes()
        body, _, rest = data.partition(b"\n--\n")
        line, _, signature = rest.partition(b"\n")
        text = line.decode()
        if hashed(body + b"\n", text) != text:
            self.found.append(f"{name}: wrong hash")
        return body + b"\n", text, signature

    def _check_fields(self, body: bytes) -> None:
        lines = body.decode().splitlines()
        letters = "".join(line[:1] for line in lines)
        if not re.fullmatch("CBRDSGANXH?T?M?Y?", letters):
            self.found.append(f"manifest: fields {letters}")
        self.fields = {line[:1]: line[1:] for line in lines}
        for letter, value in self.fields.items():
            if not re.fullmatch(FIELDS.get(letter, ""), value):
                self.found.append(f"manifest: {letter}{value}")
        if self.fields.get("N") != self.stratum.name:
            self.found.append("manifest: another repository")

    def _certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(
            self.file(self.fields["X"], "X").read_bytes()
        )

    def _check_seal(
        self, published: tuple[bytes, str, bytes], certificate: x509.Certificate
    ) -> None:
        key = certificate.public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        _, text, signature = published
        try:
            key.verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA1())
        except InvalidSignature:
            self.found.append("manifest: wrong signature")

    def _check_whitelist(self, certificate: x509.Certificate) -> None:
        body, text, signature = self._letter(".cvmfswhitelist")
        lines = body.decode().splitlines()
        if not re.fullmatch("[0-9]{14}", lines[0]):
            self.found.append("whitelist: no time of issue")
        expiry = re.fullmatch("E([0-9]{10})[0-9]{4}", lines[1])
        now = datetime.now(timezone.utc)
        if not expiry or expiry.group(1) <= now.strftime("%Y%m%d%H"):
            self.found.append("whitelist: expired")
        if lines[2] != f"N{self.stratum.name}":
            self.found.append("whitelist: another repository")
        der = certificate.public_bytes(serialization.Encoding.DER)
        if not any(fingerprint(der, line) == line for line in lines[3:]):
            self.found.append("whitelist: certificate is not listed")
        assert isinstance(self.master, rsa.RSAPublicKey)
        if unsealed(self.master, signature) != text.encode():
            self.found.append("whitelist: wrong signature")

    def _check_reflog(self) -> None:
        """A server's tools abort over half a reflog; none at all is fine."""
        there = (self.stratum / ".cvmfsreflog").exists()
        if there != ("Y" in self.fields):
            self.found.append("reflog: file and manifest disagree")
        if not there or "Y" not in self.fields:
            return
        data = (self.stratum / ".cvmfsreflog").read_bytes()
        if hashed(data, self.fields["Y"]) != self.fields["Y"]:
            self.found.append("reflog: wrong hash")
        rows = rows_of(self.stratum / ".cvmfsreflog", "select hash from refs")
        if not {self.fields[letter] for letter in "CXHM"} <= {row[0] for row in rows}:
            self.found.append("reflog: incomplete")

    def _check_history(self) -> None:
        if "H" not in self.fields:
            return
        file = self.file(self.fields["H"], "H")
        properties = dict(rows_of(file, "select key, value from properties"))
        # Read without a default: a tool that misses one of them aborts.
        for key in ("schema", "fqrn", "previous_revision"):
            if not properties.get(key):
                self.found.append(f"history: no {key}")
        branches = dict(rows_of(file, "select branch, initial_revision from branches"))
        tags = rows_of(file, "select name, hash, revision, size, branch from tags")
        if {tag[4] for tag in tags} != set(branches):
            self.found.append("history: branches without tags, or tags without branch")
        if any(tag[2] < branches.get(tag[4], 0) for tag in tags):
            self.found.append("history: a tag is older than its branch")
        newest = [tag[1:4] for tag in tags if tag[0] == "trunk"]
        wanted = (self.fields["C"], int(self.fields["S"]), int(self.fields["B"]))
        if newest != [wanted]:
            self.found.append("history: trunk is not the current revision")


def hashed(data: bytes, like: str) -> str:
    """The name that data has by the algorithm of the name `like`."""
    if like.endswith("-shake128"):
        return hashlib.shake_128(data).hexdigest(20) + "-shake128"
    if like.endswith("-rmd160"):
        from Crypto.Hash import RIPEMD160

        return RIPEMD160.new(data).hexdigest() + "-rmd160"
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def fingerprint(der: bytes, like: str) -> str:
    """A certificate as a whitelist names it."""
    plain, _, algorithm = hashed(der, like.lower()).partition("-")
    pairs = ":".join(plain[i : i + 2] for i in range(0, len(plain), 2))
    return (pairs + (f"-{algorithm}" if algorithm else "")).upper()


def unsealed(key: rsa.RSAPublicKey, signature: bytes) -> bytes:
    """The padded bytes that a private key was applied to."""
    numbers = key.public_numbers()
    size = (key.key_size + 7) // 8
    plain = pow(int.from_bytes(signature, "big"), numbers.e, numbers.n)
    padded = plain.to_bytes(size, "big")
    return padded[2:].partition(b"\0")[2] if padded[:2] == b"\0\1" else b""


def rows_of(file: Path, query: str) -> list[tuple[Any, ...]]:
    """The answer of a database."""
    database = sqlite3.connect(file)
    try:
        return database.execute(query).fetchall()
    finally:
        database.close()


def structure(file: Path) -> dict[str, Any]:
    """Tables with columns, keys, indexes and references; the order does not count."""
    found: dict[str, Any] = {}
    for (table,) in rows_of(file, "select name from sqlite_master where type='table'"):
        columns = {
            (name, kind, default, key)
            for _, name, kind, _, default, key in rows_of(
                file, f"pragma table_info({table})"
            )
        }
        indexes = set()
        for row in rows_of(file, f"pragma index_list({table})"):
            parts = rows_of(file, f"pragma index_info({row[1]})")
            named = row[1] if not row[1].startswith("sqlite_") else ""
            indexes.add((named, row[2], tuple(part[2] for part in parts)))
        references = {
            (row[2], row[3], row[4])
            for row in rows_of(file, f"pragma foreign_key_list({table})")
        }
        found[table] = (columns, indexes, references)
    return found
