# SPDX-License-Identifier: GPL-2.0-or-later
"""The whitelist `.cvmfswhitelist`: which certificates may sign for a repository.

Source: docs/format.md 3.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, NamedTuple

from interpose.errors import FormatError, TrustError
from interpose.formats import limits, signed
from interpose.formats.fqrn import Fqrn
from interpose.formats.hashes import ContentHash

if TYPE_CHECKING:
    from collections.abc import Iterable

FILE_NAME = ".cvmfswhitelist"
VALIDITY = timedelta(days=30)

_TIME = re.compile(r"[0-9]{14}")
_TIME_FORMAT = "%Y%m%d%H%M%S"
_COMMENT = re.compile(r"[ \t#]")


class Whitelist(NamedTuple):
    """The fields of a whitelist; `parse` verifies nothing but their shape.

    `expires` is in UTC and rounded down to the hour, as the official client does.
    """

    fqrn: Fqrn
    expires: datetime
    fingerprints: frozenset[ContentHash]
    body: bytes
    hash_text: str
    signature: bytes

    @classmethod
    def parse(cls, data: bytes) -> Whitelist:
        """The whitelist in `data`.

        Errors: FormatError; TrustError for the two ways of signing by X.509
        authorities (PKCS#7, CA chain), which we do not know.
        """
        limits.check_size(data, limits.WHITELIST_BYTES, "whitelist")
        parts = signed.split(data, "whitelist")
        lines = parts.body.split(b"\n")
        if len(lines) < 4:
            raise FormatError("whitelist of too few lines")
        head = [signed.ascii_text(line, "whitelist") for line in lines[:3]]
        _time(head[0])
        if head[1][:1] != "E":
            raise FormatError("whitelist without an expiry")
        if head[2][:1] != "N":
            raise FormatError("whitelist without a name")
        expires = _time(head[1][1:]).replace(minute=0, second=0)
        rest = lines[3:]
        if rest[0][:1] in (b"V", b"W"):
            raise TrustError("whitelist signed by X.509 authorities: not supported")
        return cls(
            fqrn=Fqrn.parse(head[2][1:]),
            expires=expires,
            fingerprints=frozenset(parse_fingerprints(rest)),
            body=parts.body,
            hash_text=parts.hash_text,
            signature=parts.signature,
        )

    def is_valid_at(self, now: datetime) -> bool:
        """Whether the hour of `now` (aware) is strictly before the expiry's."""
        return now.astimezone(timezone.utc) < self.expires

    def expiry(self, now: datetime) -> str:
        """For the user, who alone can tell whether it is the clock that is wrong."""
        expires, clock = (
            when.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
            for when in (self.expires, now)
        )
        return f"whitelist expired on {expires} (this node's clock: {clock})"

    @property
    def signed_text(self) -> signed.SignedText:
        """The parts that a signature is about."""
        return signed.SignedText(self.body, self.hash_text, self.signature)


def parse_fingerprints(lines: Iterable[bytes]) -> Iterable[ContentHash]:
    """The fingerprints among `lines`; as officially, other lines are ignored."""
    for line in lines:
        fingerprint = parse_fingerprint(line)
        if fingerprint is not None:
            yield fingerprint


def parse_fingerprint(line: bytes) -> ContentHash | None:
    """The fingerprint that `line` starts with, or None."""
    text = _COMMENT.split(line.decode("latin-1"), maxsplit=1)[0]
    try:
        return ContentHash.parse(text.replace(":", "").lower())
    except FormatError:
        return None


def fingerprint_text(fingerprint: ContentHash) -> str:
    """A fingerprint as whitelists write it: `D5:04:...:7D[-RMD160]`."""
    return fingerprint.digest.hex(":").upper() + fingerprint.algorithm.suffix.upper()


def build_body(
    fqrn: Fqrn,
    issued: datetime,
    expires: datetime,
    fingerprints: Iterable[ContentHash],
) -> bytes:
    """The bytes that are hashed and signed; times are aware and written in UTC."""
    lines = [
        issued.astimezone(timezone.utc).strftime(_TIME_FORMAT),
        "E" + expires.astimezone(timezone.utc).strftime(_TIME_FORMAT),
        f"N{fqrn}",
        *map(fingerprint_text, fingerprints),
    ]
    return "".join(line + "\n" for line in lines).encode("ascii")


def _time(text: str) -> datetime:
    """Errors: FormatError unless `text` is a time of exactly 14 digits."""
    if _TIME.fullmatch(text) is None:
        raise FormatError("whitelist with an impossible time", repr(text[:40]))
    try:
        return datetime.strptime(text, _TIME_FORMAT).replace(tzinfo=timezone.utc)
    except ValueError:
        raise FormatError("whitelist with an impossible time", text) from None
