# SPDX-License-Identifier: GPL-2.0-or-later
"""Content hashes, their text form and the names of objects made from them.

Source: docs/format.md 1, 1.1, 1.2.
"""

from __future__ import annotations

import enum
import hashlib
import re
from typing import Any, NamedTuple, Protocol

from interpose.errors import FormatError

DIGEST_BYTES = 20

FILE = ""
CHUNK = "P"
CATALOG = "C"
HISTORY = "H"
CERTIFICATE = "X"
METAINFO = "M"
KINDS = frozenset({FILE, CHUNK, CATALOG, HISTORY, CERTIFICATE, METAINFO})

# Of every algorithm. Official tools write it always, and read it without a default.
NO_PREDECESSOR = "0" * 2 * DIGEST_BYTES

_TEXT = re.compile(r"([0-9a-f]{40})(|-rmd160|-shake128)")


class Algorithm(enum.Enum):
    """A hash algorithm: its suffix in texts and its number in catalog flags."""

    SHA1 = ("", 0)
    RIPEMD160 = ("-rmd160", 1)
    SHAKE128 = ("-shake128", 2)

    def __init__(self, suffix: str, flag: int) -> None:
        self.suffix = suffix
        self.flag = flag

    @classmethod
    def of_flag(cls, flag: int) -> Algorithm:
        """Errors: FormatError if no algorithm has the number `flag`."""
        try:
            return _BY_FLAG[flag]
        except KeyError:
            raise FormatError(f"unknown hash algorithm {flag}") from None


_BY_SUFFIX = {algorithm.suffix: algorithm for algorithm in Algorithm}
_BY_FLAG = {algorithm.flag: algorithm for algorithm in Algorithm}


class Hasher(Protocol):
    """What `new_hasher` gives: eats bytes, tells 20 bytes."""

    def update(self, data: Any, /) -> None:
        """Go on with `data`."""

    def digest(self) -> bytes:
        """The hash of all bytes so far."""


class _Shake128:
    """SHAKE128, cut to its first 160 bits."""

    def __init__(self) -> None:
        self._hasher = hashlib.shake_128()

    def update(self, data: Any, /) -> None:
        self._hasher.update(data)

    def digest(self) -> bytes:
        return self._hasher.digest(DIGEST_BYTES)


def _new_ripemd160() -> Hasher:
    try:
        return hashlib.new("ripemd160")
    except ValueError:
        # OpenSSL 3 has it only in its legacy provider, which may be absent.
        from Crypto.Hash import RIPEMD160  # noqa: PLC0415

        hasher: Hasher = RIPEMD160.new()
        return hasher


def new_hasher(algorithm: Algorithm) -> Hasher:
    """A fresh hasher with `update(bytes)` and a `digest()` of 20 bytes."""
    if algorithm is Algorithm.SHA1:
        return hashlib.sha1(usedforsecurity=False)
    if algorithm is Algorithm.SHAKE128:
        return _Shake128()
    return _new_ripemd160()


class _Fields(NamedTuple):
    algorithm: Algorithm
    digest: bytes


class ContentHash(_Fields):
    """The hash of an object as it is stored (compressed, if it is)."""

    __slots__ = ()

    def __new__(  # noqa: PYI034 (typing has Self since 3.11)
        cls, algorithm: Algorithm, digest: bytes
    ) -> ContentHash:
        """Errors: FormatError for a digest of another length."""
        if len(digest) != DIGEST_BYTES:
            raise FormatError(f"hash of {len(digest)} bytes")
        return super().__new__(cls, algorithm, digest)

    @classmethod
    def parse(cls, text: str) -> ContentHash:
        """The hash that `text` (40 digits and the algorithm's suffix) names.

        Errors: FormatError for everything that is not exactly such a text.
        """
        found = _TEXT.fullmatch(text)
        if found is None:
            raise FormatError("not a content hash", repr(text[:80]))
        return cls(_BY_SUFFIX[found.group(2)], bytes.fromhex(found.group(1)))

    @property
    def text(self) -> str:
        """40 lower case digits and the algorithm's suffix."""
        return self.digest.hex() + self.algorithm.suffix

    @property
    def is_null(self) -> bool:
        """Whether all bytes are 0, which stands for "none"."""
        return not any(self.digest)

    def object_path(self, kind: str = FILE) -> str:
        """Where a server keeps the object: `data/xx/rest[-alg][kind]`."""
        if kind not in KINDS:
            raise ValueError(f"no kind of object: {kind!r}")
        return f"data/{self.cache_path()}{kind}"

    def alternative_path(self, kind: str) -> str:
        """The second name of a root catalog or a certificate, at a server's top."""
        return f".cvmfsalt-{self.text}{kind}"

    def cache_path(self) -> str:
        """Where a cache keeps the object: `xx/rest[-alg]`."""
        text = self.text
        return f"{text[:2]}/{text[2:]}"

    def __str__(self) -> str:
        return self.text


def hash_bytes(algorithm: Algorithm, data: bytes) -> ContentHash:
    """The hash of `data` by `algorithm`."""
    hasher = new_hasher(algorithm)
    hasher.update(data)
    return ContentHash(algorithm, hasher.digest())


def optional_hash(text: str) -> ContentHash | None:
    """The hash in `text`, None for an empty text and for one of zeros only."""
    if not text:
        return None
    found = ContentHash.parse(text)
    return None if found.is_null else found
