# SPDX-License-Identifier: GPL-2.0-or-later
"""Objects that others left in a cache: used in place, or read once and hashed then.

What root, this user or an owner named by INTERPOSE_TRUSTED_OWNERS wrote, where nobody
else can write, is believed. Of all else each byte that is used was hashed on its way
(docs/trust.md).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from interpose.cache import CacheDirectory, Found, Repacked, State
from interpose.errors import CacheError
from interpose.formats.hashes import new_hasher
from interpose.repository.caches import Caches
from interpose.repository.objects import StoredObject
from interpose.repository.statistics import Statistics

_ANYBODY_WRITES = 0o222
_SPECIAL = 0o7000


class Standing(enum.Enum):
    """What may be done with a foreign file."""

    IN_PLACE = enum.auto()  # jobs may use it where it is
    BELIEVED = enum.auto()  # a copy needs no proof
    SUSPECT = enum.auto()  # a copy needs one
    USELESS = enum.auto()


class Foreign:
    """Judges and reads foreign files. Thread-safe."""

    def __init__(self, caches: Caches, statistics: Statistics) -> None:
        self._caches = caches
        self._state = State(caches.private)
        self._statistics = statistics

    def found(
        self, wanted: StoredObject, *, in_private: bool = True
    ) -> Generator[tuple[Found, str], None, None]:
        """Open files that may hold the object, and the names of their caches.

        Each is closed when the next one is asked for. `in_private`: there is something
        in the private cache, too.
        """
        private, alien = self._caches.private, self._caches.alien
        if in_private:
            yield from _open(private, private.path(wanted.hash), "private")
        if alien is not None:
            yield from _open(alien, alien.path(wanted.hash), "alien")

    def standing(self, found: Found, tier: str, wanted: StoredObject) -> Standing:
        """What may be done with a file that was found."""
        if not _fits(found, wanted) or self._is_disproven(found, wanted):
            return Standing.USELESS
        is_alien, trusts = tier == "alien", self._caches.trust_cache
        if not trusts and not (is_alien and found.is_guarded):
            return Standing.SUSPECT
        # A raw object is proven at once; and what is one is not packed, trusted or not.
        if not wanted.is_compressed or _is_raw(found, wanted):
            return Standing.SUSPECT
        is_fit = found.is_guarded or not found.mode & _ANYBODY_WRITES
        # Nobody becomes another user by executing an object.
        if is_alien and is_fit and not found.mode & _SPECIAL and found.is_executable():
            return Standing.IN_PLACE
        return Standing.BELIEVED

    def pour(
        self,
        found: Found,
        wanted: StoredObject,
        standing: Standing,
        write: Callable[[bytes], object],
    ) -> bool:
        """Give the content to `write`; whether it was the right one.

        Reads each byte once, and none beyond the promised size. Errors: CacheError and
        below, those of `write`.
        """
        size = _size_of(wanted, found.size)
        proof: Repacked | _Nothing = _Nothing()
        if standing is Standing.SUSPECT:
            hasher = new_hasher(wanted.hash.algorithm)
            proof = Repacked(hasher, compressed=wanted.is_compressed)
        given = 0
        with self._statistics.timing("verify"):
            for block in _readable(found, size):
                given += len(block)
                if given > size:
                    break
                proof.update(block)
                write(block)
            is_right = given == size and proof.digest() in {wanted.hash.digest, b""}
        if standing is Standing.SUSPECT:
            self._note(found, wanted, is_right=is_right)
        else:
            self._statistics.count("objects_trusted")
        return is_right

    def drop(self, found: Found, wanted: StoredObject) -> bool:
        """Never use this file again if it does not hold the object after all."""
        packed = Repacked(
            new_hasher(wanted.hash.algorithm), compressed=wanted.is_compressed
        )
        for block in _readable(found, found.size):
            packed.update(block)
        is_right = packed.digest() == wanted.hash.digest
        if not is_right:
            self._note(found, wanted, is_right=False)
        return not is_right

    def _note(self, found: Found, wanted: StoredObject, *, is_right: bool) -> None:
        if is_right:
            self._statistics.count("objects_copied")
            return
        try:
            self._state.remember_disproof(
                wanted.hash, found.identity, compressed=wanted.is_compressed
            )
        except CacheError:
            pass  # It will be read again.

    def _is_disproven(self, found: Found, wanted: StoredObject) -> bool:
        return self._state.is_disproven(
            wanted.hash, found.identity, compressed=wanted.is_compressed
        )


class _Nothing:
    """Stands for a proof where none is needed."""

    def update(self, content: bytes) -> None:
        """Forget it."""

    def digest(self) -> bytes:
        """That of no object."""
        return b""


def _open(cache: CacheDirectory, path: Path, tier: str) -> Iterator[tuple[Found, str]]:
    found = cache.look(path)
    if found is not None:
        with found:
            yield found, tier


def _fits(found: Found, wanted: StoredObject) -> bool:
    """Whether it has the promised size, or one that is worth a proof."""
    if found.size != _size_of(wanted, found.size):
        return False
    return wanted.limit is None or found.size <= wanted.limit


def _size_of(wanted: StoredObject, otherwise: int) -> int:
    """Bytes of the content, `otherwise` if nobody says how many."""
    for size in (wanted.size, wanted.expected):
        if size is not None:
            return size
    return otherwise


def _is_raw(found: Found, wanted: StoredObject) -> bool:
    """Whether it is the zlib stream itself of what is wanted.

    Shared caches have one name for what packs to some bytes and for these bytes, stored
    raw by another repository. These begin as each zlib stream does.
    """
    try:
        if not found.may_be_a_zlib_stream():
            return False
    except OSError:
        return True
    hasher = new_hasher(wanted.hash.algorithm)
    for block in _readable(found, found.size):
        hasher.update(block)
    return hasher.digest() == wanted.hash.digest


def _readable(found: Found, size: int) -> Iterator[bytes]:
    """The content as far as it can be read."""
    try:
        yield from found.blocks(size)
    except OSError:
        return
