# SPDX-License-Identifier: GPL-2.0-or-later
"""Objects of one repository: from the caches, else from the network, always proven.

Source: design 6; decisions 16, 17, 19, 21.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from interpose.cache import (
    AlienCache,
    CacheDirectory,
    State,
    Turns,
    recompress_matches,
)
from interpose.cache.verify import VerifyingSink
from interpose.errors import CacheError, CacheFull, FormatError, HashMismatch
from interpose.formats.hashes import ContentHash, new_hasher
from interpose.network import Fetcher
from interpose.repository.flight import SingleFlight
from interpose.repository.objects import StoredObject
from interpose.repository.places import Places
from interpose.repository.shelves import CacheShelf, MemoryShelf, ScratchShelf, Shelf
from interpose.repository.statistics import Statistics

BLOCK_BYTES = 1 << 20
_ANYBODY_WRITES = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
# After a full disk the next objects go to the scratch at once for so long.
_FULL_FOR_S = 10.0

Notice = Callable[[str, str], object]


class Store:
    """Gets objects. Thread-safe: each one is got once at a time, by all jobs of a node.

    `notice(text, cause)` hears what the user should know though nothing failed.
    """

    def __init__(
        self,
        places: Places,
        networks: tuple[Fetcher, Fetcher],
        statistics: Statistics,
        notice: Notice,
    ) -> None:
        self.places = places
        self.statistics = statistics
        self._network, self._external = networks
        self._state = State(places.private)
        self._notice = notice
        self._flights: SingleFlight[Path] = SingleFlight()
        self.turns = Turns(places.private)
        self._full_since: dict[str, float] = {}

    def fetch(self, wanted: StoredObject) -> Path:
        """Path of a file with the object's content.

        Errors: Offline, NetworkError and below, HashMismatch, CacheError and below.
        """
        key = (wanted.hash, wanted.is_compressed)
        return self._flights.run(key, lambda: self._fetch(wanted))

    def _fetch(self, wanted: StoredObject) -> Path:
        found = self.cached(wanted)
        if found is not None:
            return found
        with self.turns.turn(wanted.hash, lambda: self.cached(wanted)) as found:
            if found is not None:
                return found
            path = self.put_on_shelf(
                self.shelves(), lambda shelf: self._download(wanted, shelf)
            )
        self.statistics.got_object("network")
        return path

    def fetch_for_all(self, wanted: StoredObject) -> Path | None:
        """The object's path in a cache, or in the shared cache that now has it.

        None where there is no shared cache that can take it. Errors: as `fetch`.
        """
        found = self.cached(wanted)
        alien = self.places.alien
        if found is not None or alien is None or not alien.writable:
            return found
        shelf = CacheShelf(alien, "alien")
        key = (wanted.hash, wanted.is_compressed)
        try:
            return self._flights.run(key, lambda: self._fetch_to(wanted, shelf))
        except CacheError:
            return None

    def _fetch_to(self, wanted: StoredObject, shelf: Shelf) -> Path:
        with self.turns.turn(wanted.hash, lambda: self.cached(wanted)) as found:
            if found is not None:
                return found
            path = self._download(wanted, shelf)
        self.statistics.got_object("network")
        return path

    def cached(self, wanted: StoredObject) -> Path | None:
        """The object's path if a cache has it and it is proven."""
        with self.statistics.timing("cache"):
            private = self.places.private
            found = private.find(wanted.hash, wanted.size)
            if found is not None and private.vouches_for(found):
                self.statistics.got_object("private")
                return found
        alien = self.places.alien
        candidates: list[tuple[Path | None, CacheDirectory]] = [(found, private)]
        if alien is not None:
            candidates.append((alien.find(wanted.hash, wanted.size), alien))
        for path, cache in candidates:
            if path is None or not _is_bearable(path, cache, wanted):
                continue
            adopted = self._adopt(path, cache, wanted)
            if adopted is not None:
                tier = "alien" if isinstance(cache, AlienCache) else "private"
                self.statistics.got_object(tier)
                return adopted
        return None

    def _adopt(
        self, path: Path, cache: CacheDirectory, wanted: StoredObject
    ) -> Path | None:
        """A file that somebody else left: where its proven content is, or None."""
        with self.statistics.timing("verify"):
            if isinstance(cache, AlienCache) and _is_fit_for_use(path, cache):
                return path if self._is_proven(path, cache, wanted) else None
            try:
                return self._copy(path, wanted)
            except CacheError:
                # The disk is full: better used where it is than not at all.
                return path if self._is_proven(path, cache, wanted) else None

    def _is_proven(
        self, path: Path, cache: CacheDirectory, wanted: StoredObject
    ) -> bool:
        identity = cache.identity(path)
        if identity is None:
            return False
        if self.places.trust_cache:
            return True
        packed = wanted.is_compressed
        if self._state.is_proven(wanted.hash, identity, compressed=packed):
            return True
        proven = _recompress(path, wanted)
        if proven is None:
            return False
        self._remember(wanted, proven)
        return True

    def _remember(self, wanted: StoredObject, identity: object) -> None:
        from interpose.cache import FileIdentity  # noqa: PLC0415

        try:
            if isinstance(identity, FileIdentity):
                self._state.remember_proof(
                    wanted.hash, identity, compressed=wanted.is_compressed
                )
        except CacheError:
            pass  # It will be proven again.

    def _copy(self, path: Path, wanted: StoredObject) -> Path | None:
        """The path of a proven copy in the private cache.

        Errors: CacheError and below.
        """
        private = self.places.private
        with private.receive() as receiver:
            try:
                for block in blocks(path):
                    receiver.write(block)
            except OSError:
                return None
            proven = self.places.trust_cache or _recompress(receiver.path, wanted)
            return receiver.commit(wanted.hash) if proven else None

    def drop_damaged(self, wanted: StoredObject, path: Path) -> bool:
        """Take a file out of the private cache that is not the object after all.

        True if it was one: `fetch` gives another.
        """
        private = self.places.private
        if path != private.path(wanted.hash) or _recompress(path, wanted):
            return False
        with contextlib.suppress(OSError):
            path.unlink()
        return True

    def shelves(self) -> list[Shelf]:
        """Where new objects go, best first."""
        found: list[Shelf] = []
        if self.places.alien is not None and self.places.alien.writable:
            found.append(CacheShelf(self.places.alien, "alien"))
        return found + self.private_shelves()

    def private_shelves(self) -> list[Shelf]:
        """The same for what only this user needs."""
        found: list[Shelf] = [CacheShelf(self.places.private, "private")]
        if self.places.scratch is not None:
            found.append(ScratchShelf(self.places.scratch / "o"))
        return [*found, MemoryShelf()]

    def put_on_shelf(self, shelves: list[Shelf], put: Callable[[Shelf], Path]) -> Path:
        """What `put` gives for the first shelf that has room.

        Errors: those of `put`; of the last shelf also CacheError and below.
        """
        for shelf in shelves[:-1]:
            if time.monotonic() < self._full_since.get(shelf.label, 0.0):
                continue
            try:
                return put(shelf)
            except CacheError as error:
                self._full_since[shelf.label] = time.monotonic() + _FULL_FOR_S
                what = "full" if isinstance(error, CacheFull) else "not writable"
                self._notice(str(error), f"{shelf.label} {what}")
        return put(shelves[-1])

    def _download(self, wanted: StoredObject, shelf: Shelf) -> Path:
        parcels: list[VerifyingSink] = []

        def open_sink() -> VerifyingSink:
            parcels[:] = [wanted.sink(shelf.receive())]
            return parcels[0]

        try:
            self.transfer(wanted, open_sink)
            path = shelf.put(parcels[0].target, wanted.hash.cache_path())  # type: ignore[arg-type]
        except BaseException:
            for parcel in parcels:
                parcel.abort()
            raise
        if shelf.label == "alien":
            identity = getattr(parcels[0].target, "identity", None)
            self._remember(wanted, identity)
        return path

    def transfer(
        self, wanted: StoredObject, open_sink: Callable[[], VerifyingSink]
    ) -> None:
        """Get an object over the network into a sink.

        Errors: Offline, NetworkError and below, HashMismatch, those of the target.
        """
        network = self._network if wanted.external is None else self._external
        try:
            fetched = network.get(wanted.request(), open_sink)
        except FormatError as error:
            # To the user it is the same: bytes that are not what the name promises.
            raise HashMismatch(error.what, error.where, error.advice) from error
        self.statistics.fetched(fetched.bytes, fetched.seconds)

    def local_hash(self, content_hash: ContentHash) -> str:
        """The hash recomputed from what a cache holds (`user.lhash`)."""
        for cache in (self.places.private, self.places.alien):
            path = None if cache is None else cache.find(content_hash)
            if path is not None:
                return packed_hash(path, content_hash).text
        return "Not in cache"


def _is_bearable(path: Path, cache: CacheDirectory, wanted: StoredObject) -> bool:
    """Whether a foreign file is worth the time that a proof takes."""
    status = cache.status(path)
    limit = wanted.limit if wanted.size is None else wanted.size
    return status is not None and (limit is None or status.st_size <= limit)


def _is_fit_for_use(path: Path, cache: CacheDirectory) -> bool:
    """Whether jobs can read and execute the file, and nobody can write it."""
    status = cache.status(path)
    if status is None or status.st_mode & _ANYBODY_WRITES:
        return False
    return bool(status.st_mode & 0o111) and cache.is_usable(path)


def _recompress(path: Path, wanted: StoredObject) -> object:
    algorithm = wanted.hash.algorithm
    return recompress_matches(
        path,
        wanted.hash.digest,
        lambda: new_hasher(algorithm),
        compressed=wanted.is_compressed,
    )


def packed_hash(path: Path, like: ContentHash) -> ContentHash:
    """The hash that the file's content has when it is packed by zlib."""
    import zlib  # noqa: PLC0415

    packer = zlib.compressobj()
    hasher = new_hasher(like.algorithm)
    for block in blocks(path):
        hasher.update(packer.compress(block))
    hasher.update(packer.flush())
    return ContentHash(like.algorithm, hasher.digest())


def blocks(path: Path) -> Iterator[bytes]:
    """The content of a regular file in pieces. Errors: OSError."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    with open(os.open(path, flags), "rb", buffering=0) as file:
        while True:
            block = file.read(BLOCK_BYTES)
            if not block:
                return
            yield block
