# SPDX-License-Identifier: GPL-2.0-or-later
"""The options `-r FQRN[@TAG|@DATE|@ROOTHASH][=URL[;URL]][,pubkey=FILE]` and `-o`."""

from __future__ import annotations

import enum
import re
from typing import NamedTuple

from interpose.config.words import NAME
from interpose.errors import FormatError, UsageError
from interpose.formats.fqrn import Fqrn

_ROOT_HASH = re.compile(r"[0-9a-f]{40}(?:-rmd160|-shake128)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
# A comma may be part of a URL, so only what looks like the field is judged.
_FIELD = re.compile(r",([A-Za-z_-]+)=")
_ADVICE = "write FQRN[@TAG|@DATE|@ROOTHASH][=URL[;URL]][,pubkey=FILE]"


class PinKind(enum.Enum):
    """What selects a revision; the value is the parameter that says the same."""

    ROOT_HASH = "CVMFS_ROOT_HASH"
    TAG = "CVMFS_REPOSITORY_TAG"
    DATE = "CVMFS_REPOSITORY_DATE"


class Pin(NamedTuple):
    """A revision that the user wants, in the user's words."""

    kind: PinKind
    text: str


class RepositoryOption(NamedTuple):
    """One `-r`; `text`: in the user's words."""

    fqrn: Fqrn
    pin: Pin | None = None
    urls: tuple[str, ...] = ()
    pubkey: str | None = None
    text: str = ""

    def __eq__(self, other: object) -> bool:
        """Whether it means the same, in whatever words."""
        return isinstance(other, RepositoryOption) and self[:-1] == other[:-1]

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self[:-1])

    @classmethod
    def parse(cls, text: str) -> RepositoryOption:
        """What `-r text` means. Errors: UsageError."""
        _check_fields(text)
        start, comma, pubkey = text.rpartition(",pubkey=")
        rest = start if comma else text
        name, equals, servers = rest.partition("=")
        name, at, pin = name.partition("@")
        urls = tuple(url.strip() for url in servers.split(";") if url.strip())
        if (comma and not pubkey) or (equals and not urls) or (at and not pin):
            raise UsageError("-r with an empty part", text, _ADVICE)
        try:
            fqrn = Fqrn.parse(name)
        except FormatError as problem:
            raise UsageError("-r without a name", text, _ADVICE) from problem
        return cls(
            fqrn, parse_pin(pin) if at else None, urls, pubkey if comma else None, text
        )

    def parameters(self) -> tuple[tuple[str, str], ...]:
        """The same as parameters; a pin switches the other kinds of pins off."""
        found: list[tuple[str, str]] = []
        if self.urls:
            found.append(("CVMFS_SERVER_URL", ";".join(self.urls)))
        if self.pubkey:
            found.append(("CVMFS_PUBLIC_KEY", self.pubkey))
        if self.pin:
            found += [(k.value, self._pin_text(k, self.pin)) for k in PinKind]
        return tuple(found)

    @staticmethod
    def _pin_text(kind: PinKind, pin: Pin) -> str:
        return pin.text if kind is pin.kind else ""


def _check_fields(text: str) -> None:
    """Errors: UsageError for a field that looks like `pubkey` and is not."""
    for name in _FIELD.findall(text):
        if name != "pubkey" and _looks_like_pubkey(name):
            advice = "is pubkey meant? Write FQRN=URL,pubkey=FILE"
            raise UsageError(f"-r with an unknown field, {name}", text, advice)


def _looks_like_pubkey(name: str) -> bool:
    import difflib  # noqa: PLC0415 - only unknown fields ask

    plain = name.lower().replace("_", "").replace("-", "")
    return "key" in plain or bool(difflib.get_close_matches(plain, ["pubkey"]))


def parse_pin(text: str) -> Pin:
    """A root hash or a date where it looks like one, else a tag."""
    if _ROOT_HASH.fullmatch(text):
        return Pin(PinKind.ROOT_HASH, text)
    if _DATE.fullmatch(text):
        return Pin(PinKind.DATE, text)
    return Pin(PinKind.TAG, text)


def parse_parameter_option(text: str) -> tuple[str, str]:
    """What `-o NAME=VALUE` means. Errors: UsageError."""
    name, equals, value = text.partition("=")
    if not equals or not NAME.fullmatch(name):
        raise UsageError("-o without a parameter", text, "write -o NAME=VALUE")
    return name, value
