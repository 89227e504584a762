# SPDX-License-Identifier: GPL-2.0-or-later
"""The manifest `.cvmfspublished`: which root catalog is the newest.

Source: docs/format.md 2.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from interpose.errors import FormatError
from interpose.formats import limits, signed
from interpose.formats.fqrn import Fqrn
from interpose.formats.hashes import ContentHash, optional_hash
from interpose.formats.pathhash import ROOT_PATH_MD5

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE_NAME = ".cvmfspublished"

_NUMBER = re.compile(r"[0-9]{1,19}")
_LARGEST = (1 << 63) - 1
_FLAGS = {"yes": True, "no": False, "": False}


class Manifest(NamedTuple):
    """The fields of a manifest; `parse` verifies nothing but their shape.

    `root_size` is in bytes and 0 where it is not known, `timestamp` is in seconds
    since 1970 and 0 where it is not known.
    """

    root_hash: ContentHash
    root_size: int
    revision: int
    ttl_s: int
    fqrn: Fqrn
    certificate_hash: ContentHash
    history_hash: ContentHash | None
    metainfo_hash: ContentHash | None
    timestamp: int
    garbage_collectable: bool
    alt_names: bool
    reflog_hash: ContentHash | None
    body: bytes
    hash_text: str
    signature: bytes

    @classmethod
    def parse(cls, data: bytes) -> Manifest:
        """The manifest in `data`.

        Errors: FormatError, also for a manifest of something below a root.
        """
        limits.check_size(data, limits.MANIFEST_BYTES, "manifest")
        parts = signed.split(data, "manifest")
        fields = _fields(parts.body)
        if _required(fields, "R") != ROOT_PATH_MD5:
            raise FormatError("manifest of something else than a root catalog")
        return cls(
            root_hash=_hash(fields, "C"),
            root_size=_number(fields, "B", "0"),
            revision=_number(fields, "S"),
            ttl_s=_number(fields, "D"),
            fqrn=Fqrn.parse(_required(fields, "N")),
            certificate_hash=_hash(fields, "X"),
            history_hash=optional_hash(fields.get("H", "")),
            metainfo_hash=optional_hash(fields.get("M", "")),
            timestamp=_number(fields, "T", "0"),
            garbage_collectable=_flag(fields, "G"),
            alt_names=_flag(fields, "A"),
            reflog_hash=optional_hash(fields.get("Y", "")),
            body=parts.body,
            hash_text=parts.hash_text,
            signature=parts.signature,
        )

    @property
    def signed_text(self) -> signed.SignedText:
        """The parts that a signature is about."""
        return signed.SignedText(self.body, self.hash_text, self.signature)


class ManifestFields(NamedTuple):
    """What a publisher says in a manifest (units as in `Manifest`)."""

    root_hash: ContentHash
    root_size: int
    revision: int
    fqrn: Fqrn
    certificate_hash: ContentHash
    timestamp: int
    ttl_s: int = 240
    garbage_collectable: bool = False
    alt_names: bool = False
    history_hash: ContentHash | None = None
    metainfo_hash: ContentHash | None = None
    reflog_hash: ContentHash | None = None


def build_body(fields: ManifestFields) -> bytes:
    """The bytes that are hashed and signed, in the official order of lines."""
    lines = [
        f"C{fields.root_hash.text}",
        f"B{fields.root_size}",
        f"R{ROOT_PATH_MD5}",
        f"D{fields.ttl_s}",
        f"S{fields.revision}",
        f"G{_yes_no(fields.garbage_collectable)}",
        f"A{_yes_no(fields.alt_names)}",
        f"N{fields.fqrn}",
        f"X{fields.certificate_hash.text}",
    ]
    if fields.history_hash is not None:
        lines.append(f"H{fields.history_hash.text}")
    if fields.timestamp:
        lines.append(f"T{fields.timestamp}")
    if fields.metainfo_hash is not None:
        lines.append(f"M{fields.metainfo_hash.text}")
    if fields.reflog_hash is not None:
        lines.append(f"Y{fields.reflog_hash.text}")
    return "".join(line + "\n" for line in lines).encode("ascii")


def _yes_no(value: object) -> str:
    return "yes" if value else "no"


def _fields(body: bytes) -> dict[str, str]:
    """Letter to value, the last occurrence; only the letters that we use."""
    fields: dict[str, str] = {}
    for line in body.split(b"\n"):
        letter = line[:1]
        if letter and letter in b"CBRDSGANXHMYT":
            fields[letter.decode("ascii")] = signed.ascii_text(line[1:], "manifest")
    return fields


def _required(fields: Mapping[str, str], letter: str) -> str:
    value = fields.get(letter, "")
    if not value:
        raise FormatError(f"manifest without field {letter}")
    return value


def _hash(fields: Mapping[str, str], letter: str) -> ContentHash:
    found = optional_hash(_required(fields, letter))
    if found is None:
        raise FormatError(f"manifest with a null hash in field {letter}")
    return found


def _number(fields: Mapping[str, str], letter: str, absent: str = "") -> int:
    value = fields.get(letter, "") or absent
    if not value:
        raise FormatError(f"manifest without field {letter}")
    if _NUMBER.fullmatch(value) is None or int(value) > _LARGEST:
        raise FormatError(f"manifest with an impossible number in field {letter}")
    return int(value)


def _flag(fields: Mapping[str, str], letter: str) -> bool:
    try:
        return _FLAGS[fields.get(letter, "")]
    except KeyError:
        raise FormatError(f"manifest field {letter} is not yes or no") from None
