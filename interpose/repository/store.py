# SPDX-License-Identifier: GPL-2.0-or-later
"""Objects of one repository: from the caches, else from the network, always proven.

What others may write is never used by a name that was looked at before: foreign.py
reads it once and hashes what it gives (docs/trust.md).
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import TypeVar

from interpose.cache import AlienCache, CacheDirectory, Found, Repacked, Turns
from interpose.cache.directory import is_missing
from interpose.cache.layout import OBJECT_MODE
from interpose.cache.verify import Target, VerifyingSink
from interpose.errors import CacheError, CacheFull, FormatError, HashMismatch
from interpose.formats.hashes import ContentHash, new_hasher
from interpose.network import Fetcher
from interpose.repository.caches import Caches
from interpose.repository.flight import SingleFlight
from interpose.repository.foreign import Foreign, Standing
from interpose.repository.objects import StoredObject
from interpose.repository.sharing import ForAll
from interpose.repository.shelves import (
    AlienShelf,
    CacheShelf,
    MemoryShelf,
    Parcel,
    ScratchShelf,
    Shelf,
)
from interpose.repository.statistics import Statistics

T = TypeVar("T")
BLOCK_BYTES = 1 << 20
# After a full disk the next objects go to the scratch at once for so long.
_FULL_FOR_S = 10.0

Notice = Callable[[str, str], object]


class Store:
    """Gets objects. Thread-safe: each one is got once at a time, by all jobs of a node.

    `notice(text, cause)` hears what the user should know though nothing failed.
    """

    def __init__(
        self,
        caches: Caches,
        networks: tuple[Fetcher, Fetcher],
        statistics: Statistics,
        notice: Notice,
    ) -> None:
        self.caches = caches
        self.statistics = statistics
        self._network, self._external = networks
        self._foreign = Foreign(caches, statistics)
        self._notice = notice
        self._flights: SingleFlight[Path] = SingleFlight()
        self.turns = Turns(caches.workspace, caches.filled)
        self._full_since: dict[str, float] = {}

    def fetch(
        self,
        wanted: StoredObject,
        missed: Callable[[], object] | None = None,
        *,
        is_asked_for: bool = False,
    ) -> Path:
        """Path of a file with the object's content; `missed()`: no cache had it.

        `is_asked_for`: by the tracer, which has looked into a shared cache itself.
        Errors: Offline, NetworkError and below, HashMismatch, CacheError and below.
        """
        saves_a_look = is_asked_for and self._looks_in_turn
        look = self._cached_here if saves_a_look else self.cached
        return self._flights.run(wanted.key, lambda: self._fetch(wanted, look, missed))

    @property
    def _looks_in_turn(self) -> bool:
        """Whether the shared cache is looked into again once we have the turn.

        The tracer looks only where owners count (native/run/alien.c).
        """
        return self.caches.filled is not None and not self.caches.trust_cache

    def _fetch(
        self,
        wanted: StoredObject,
        look: Callable[[StoredObject], Path | None],
        missed: Callable[[], object] | None,
    ) -> Path:
        found = look(wanted)
        if found is not None:
            return found
        if wanted.size == 0 and wanted.holds_nothing:
            return self._make_empty(wanted)
        with self._turn(wanted, lambda: self.cached(wanted)) as found:
            if found is not None:
                return found
            if missed is not None:
                missed()
            path = self.put_on_shelf(
                self.shelves(wanted), lambda shelf: self._download(wanted, shelf)
            )
        self.statistics.got_object("network")
        return path

    def _make_empty(self, wanted: StoredObject) -> Path:
        """No server is needed for it: the official client may have removed it."""

        def put(shelf: Shelf) -> Path:
            parcel = shelf.receive()
            self._share(parcel, wanted)
            return shelf.put(parcel, wanted.private_name, wanted.modes[0])

        return self.put_on_shelf(self.private_shelves(), put)

    def _turn(
        self, wanted: StoredObject, look: Callable[[], T | None]
    ) -> AbstractContextManager[T | None]:
        return self.turns.turn(wanted.turn_name, look)

    def cached(self, wanted: StoredObject) -> Path | None:
        """The object's path if a cache has it and it is proven."""
        with self.statistics.timing("cache"):
            nothing = not self.may_be_here(wanted)
            own = None if nothing else self._cached_here(wanted)
        if own is not None:
            return own
        in_private = not (nothing and wanted.is_compressed)
        with closing(self._foreign.found(wanted, in_private=in_private)) as files:
            for found, tier in files:
                adopted = self._adopt(found, tier, wanted)
                if adopted is not None:
                    self.statistics.got_object(tier)
                    return adopted
        return None

    def _cached_here(self, wanted: StoredObject) -> Path | None:
        """The object's path if we stored it in the private cache ourselves."""
        own = self._own(wanted) if self.may_be_here(wanted) else None
        if own is not None:
            self.statistics.got_object("private")
        return own

    def may_be_here(self, wanted: StoredObject) -> bool:
        """Whether the private cache has a file of its name, whatever that is."""
        return not is_missing(self.caches.private.top / wanted.private_name)

    @property
    def has_room(self) -> bool:
        """Whether no cache was full a moment ago."""
        now = time.monotonic()
        return all(now >= until for until in list(self._full_since.values()))

    def _own(self, wanted: StoredObject) -> Path | None:
        """The object's path if we stored it ourselves, in the private cache."""
        private = self.caches.private
        path = private.top / wanted.private_name
        size = private.size_of_ours(path, wanted.modes)
        is_it = size is not None and wanted.size in {None, size}
        return path if is_it else None

    def drop_damaged(self, wanted: StoredObject, path: Path) -> bool:
        """Forget a file of a cache that is not the object after all.

        True if it was one: `fetch` gives another.
        """
        for cache in (self.caches.private, self.caches.alien):
            is_here = cache is not None and cache.top in path.parents
            found = cache.look(path) if cache is not None and is_here else None
            if cache is None or found is None:
                continue
            with found:
                if not self._foreign.drop(found, wanted):
                    return False
            with contextlib.suppress(OSError), cache.above(path) as directory:
                os.unlink(path.name, dir_fd=directory.descriptor)
            return True
        return False

    def _adopt(self, found: Found, tier: str, wanted: StoredObject) -> Path | None:
        """Where the content of a file that somebody else left is, or None."""
        standing = self._foreign.standing(found, tier, wanted)
        if standing is Standing.USELESS:
            return None
        if standing is Standing.IN_PLACE:
            self.statistics.count("objects_trusted")
            return found.path

        def copy(shelf: Shelf) -> Path | None:
            parcel = shelf.receive()
            try:
                if self._foreign.pour(found, wanted, standing, parcel.write):
                    return shelf.put(parcel, wanted.private_name, wanted.modes[0])
                parcel.abort()
            except BaseException:
                parcel.abort()
                raise
            return None

        return self.put_on_shelf(self.private_shelves(), copy)

    def deliver(self, wanted: StoredObject, target: Target) -> None:
        """Give an object's content to a target; a shared cache gets it, too.

        The bytes are proven while they are given. Errors: as `fetch`.
        """
        if self._deliver_cached(wanted, target):
            return
        alien = self.caches.alien
        if alien is None or not alien.writable:
            self.transfer(wanted, lambda: wanted.sink(target))
            self.statistics.got_object("network")
            return

        def look() -> bool | None:
            return self._deliver_cached(wanted, target) or None

        with self._turn(wanted, look) as found:
            if not found:
                self._deliver_new(wanted, target, alien)

    def _deliver_cached(self, wanted: StoredObject, target: Target) -> bool:
        own = self._own(wanted)
        if own is not None:
            for block in blocks(own):
                target.write(block)
            self.statistics.got_object("private")
            return True
        with closing(self._foreign.found(wanted)) as files:
            for found, tier in files:
                standing = self._foreign.standing(found, tier, wanted)
                if standing is Standing.USELESS:
                    continue
                if self._foreign.pour(found, wanted, standing, target.write):
                    self.statistics.got_object(tier)
                    return True
                target.abort()
        return False

    def _deliver_new(
        self, wanted: StoredObject, target: Target, alien: AlienCache
    ) -> None:
        with ForAll(target, alien, wanted, self._refused) as both:
            self.transfer(wanted, lambda: wanted.sink(both))
            both.publish()
        self.statistics.got_object("network")

    def _share(self, parcel: Parcel, wanted: StoredObject) -> None:
        """Let a shared cache have what is to be put elsewhere, if it has not yet.

        Before it is there: the job may go on then, and end, and we with it.
        """
        alien = self.caches.alien
        if alien is None or not alien.writable:
            return
        with ForAll(None, alien, wanted, self._refused) as copy:
            offset = 0
            while block := os.pread(parcel.fileno(), BLOCK_BYTES, offset):
                copy.write(block)
                offset += len(block)
            copy.publish()

    def _refused(self, label: str, error: CacheError) -> None:
        """A shelf takes nothing: the others are used for a while."""
        now = time.monotonic()
        if now >= self._full_since.get(label, 0.0):
            what = "full" if isinstance(error, CacheFull) else "not writable"
            self._notice(str(error), f"{label} {what}")
        self._full_since[label] = now + _FULL_FOR_S

    def shelves(self, wanted: StoredObject) -> list[Shelf]:
        """Where a new object goes, best first."""
        found: list[Shelf] = []
        alien = self.caches.alien
        # A shared cache has one name for two contents: raw ones are not used there.
        if (
            alien is not None
            and alien.writable
            and wanted.is_compressed
            and alien.can_be_used_in_place(alien.path(wanted.hash))
        ):
            found.append(AlienShelf(alien, wanted.turn_name))
        return found + self.private_shelves()

    def private_shelves(self) -> list[Shelf]:
        """The same for what only this user needs."""
        found: list[Shelf] = [CacheShelf(self.caches.private, "private")]
        if self.caches.scratch is not None:
            found.append(ScratchShelf(self.caches.scratch / "o"))
        return [*found, MemoryShelf()]

    def put_on_shelf(self, shelves: list[Shelf], put: Callable[[Shelf], T]) -> T:
        """What `put` gives for the first shelf that has room.

        Errors: those of `put`; of the last shelf also CacheError and below.
        """
        for shelf in shelves[:-1]:
            if time.monotonic() < self._full_since.get(shelf.label, 0.0):
                continue
            try:
                return put(shelf)
            except CacheError as error:
                self._refused(shelf.label, error)
        return put(shelves[-1])

    def _download(self, wanted: StoredObject, shelf: Shelf) -> Path:
        parcels: list[Parcel] = []

        def open_sink() -> VerifyingSink:
            parcels[:] = [shelf.receive()]
            return wanted.sink(parcels[0])

        name, mode = wanted.private_name, wanted.modes[0]
        if shelf.label == "alien":
            name, mode = wanted.hash.cache_path(), OBJECT_MODE
        try:
            self.transfer(wanted, open_sink)
            if shelf.label != "alien":
                self._share(parcels[0], wanted)
            return shelf.put(parcels[0], name, mode)
        except BaseException:
            for parcel in parcels:
                parcel.abort()
            raise

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
        private, alien = self.caches.private, self.caches.alien
        files: list[tuple[CacheDirectory, Path]] = [
            (private, private.path(content_hash)),
            (private, private.raw(content_hash)),
        ]
        if alien is not None:
            files.append((alien, alien.path(content_hash)))
        for cache, path in files:
            found = cache.look(path)
            if found is not None:
                with found:
                    return _packed_hash(found, content_hash).text
        return "Not in cache"


def _packed_hash(found: Found, like: ContentHash) -> ContentHash:
    """The hash that the file's content has when it is packed by zlib."""
    packed = Repacked(new_hasher(like.algorithm))
    for block in found.blocks(found.size):
        packed.update(block)
    return ContentHash(like.algorithm, packed.digest())


def blocks(path: Path) -> Iterator[bytes]:
    """The content of a regular file of ours in pieces. Errors: OSError."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    with open(os.open(path, flags), "rb", buffering=0) as file:
        while True:
            block = file.read(BLOCK_BYTES)
            if not block:
                return
            yield block
