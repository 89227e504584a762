# SPDX-License-Identifier: GPL-2.0-or-later
"""A catalog becomes an index file, which tracer and resolver map."""

from __future__ import annotations

import contextlib
import json
import os
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from interpose.cache import PrivateCache, inventory
from interpose.errors import CacheError, FormatError
from interpose.formats.flags import algorithm_of
from interpose.formats.hashes import Algorithm, ContentHash, new_hasher
from interpose.formats.pathhash import path_hash
from interpose.native import INDEX_VERSION, Index, IndexBuilder
from interpose.repository.shelves import MemoryShelf, ScratchShelf, Shelf, disk_error
from interpose.repository.sizes import Attached

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from interpose.formats.catalog import CatalogFile, CatalogRow, ChunkRow

_MODE = 0o444
_FACTS_BYTES = 16 << 20
_CHUNKED = 64


class Facts(NamedTuple):
    """What a catalog says besides its entries; counters have their prefixes."""

    ttl_s: int
    revision: int
    counters: dict[str, int]
    nested: tuple[Attached, ...] = ()

    def totals(self) -> dict[str, int]:
        """Counters of this catalog and all below it."""
        names = [n[len("self_") :] for n in self.counters if n.startswith("self_")]
        return {
            n: self.counters[f"self_{n}"] + self.counters.get(f"subtree_{n}", 0)
            for n in names
        }


class IndexFiles:
    """The index files of the private cache; thread-safe.

    `directory` is where the tracer looks. On a disk that is (nearly) full it is one of
    the scratch, which holds links to those of the cache and new ones. Where the disk
    gets full later, a new one is in the scratch or in memory, and the tracer is told.
    """

    def __init__(self, private: PrivateCache, scratch: Path | None) -> None:
        self._private = private
        self._spare = None if scratch is None else scratch / "x"
        self._facts: dict[ContentHash, Facts] = {}
        self._elsewhere: dict[ContentHash, Path] = {}
        self.directory = private.index_directory

    def use_spare(self) -> bool:
        """Go on in the scratch, if there is one that can be written."""
        if self._spare is None:
            return False
        try:
            self._spare.mkdir(mode=0o700, exist_ok=True)
        except OSError:
            return False
        self.directory = self._spare
        return True

    def path(self, catalog: ContentHash) -> Path:
        """Where the index of a catalog is, or is to be."""
        return self._elsewhere.get(catalog, self.directory / _name(catalog))

    def elsewhere(self, catalog: ContentHash) -> Path | None:
        """Where the index is, if that is not where the tracer looks by itself."""
        path = self._elsewhere.get(catalog)
        if path is None:
            return None
        # What has the name there may be damaged, and not to be replaced.
        with contextlib.suppress(OSError):
            if os.path.samefile(self.directory / _name(catalog), path):
                return None
        return path

    def _private_path(self, catalog: ContentHash) -> Path:
        return self._private.index_directory / _name(catalog)

    def _facts_path(self, catalog: ContentHash) -> Path:
        return inventory.FACTS.below(self._private.top, hash=catalog.text)

    def find(self, catalog: ContentHash) -> Index | None:
        """The mapped index, if there is a sound one."""
        for path in (self.path(catalog), self._private_path(catalog)):
            if not self._is_ours(path):
                continue
            try:
                index = Index.open(path)
            except (OSError, FormatError):
                continue
            if index.catalog != (catalog.digest, catalog.algorithm.flag):
                continue
            self._link(catalog)
            return index
        self._elsewhere.pop(catalog, None)
        return None

    def _is_ours(self, path: Path) -> bool:
        """Whether nobody else can have written it: memory, the scratch, the cache."""
        is_of_run = self._spare in path.parents or str(path).startswith("/proc/")
        return is_of_run or self._private.is_ours(path)

    def facts(self, catalog: ContentHash) -> Facts | None:
        """The facts that were noted when the index was made."""
        if catalog in self._facts:
            return self._facts[catalog]
        data = self._private.read_small(self._facts_path(catalog), _FACTS_BYTES)
        try:
            found = json.loads(data or b"")
            counters = {str(k): int(v) for k, v in found["counters"].items()}
            nested = tuple(_attached(*row) for row in found.get("nested", ()))
            facts = Facts(int(found["ttl_s"]), int(found["revision"]), counters, nested)
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            RecursionError,
            FormatError,
        ):
            return None
        self._facts[catalog] = facts
        return facts

    def build(self, catalog: ContentHash, file: Path) -> Index:
        """Make the index of the catalog in the SQLite file `file`.

        Errors: FormatError for what is wrong in it; CacheError and below.
        """
        from interpose.formats.catalog import CatalogFile  # noqa: PLC0415

        with CatalogFile(file) as source:
            plan = _Plan(catalog, fill(source), path_hash(source.root_prefix))
            nested = tuple(
                Attached(one.path, one.hash, one.size)
                for one in source.nested()
                if one.hash is not None and not one.is_bind
            )
            facts = Facts(source.ttl_s, source.revision, source.counters(), nested)
        self._note(catalog, facts)
        try:
            index = self._write_private(plan)
        except CacheError:
            return self._write_spare(plan)
        self._link(catalog)
        return index

    def _write_private(self, plan: _Plan) -> Index:
        with self._private.receive() as receiver:
            plan.write(receiver.fileno())
            index = Index(receiver.fileno())
            # An equal one stays where it is: others have it mapped, and on a file
            # server its bytes would go with its name.
            path = self._private_path(plan.catalog)
            receiver.commit_as(path, mode=_MODE)
        return index

    def _write_spare(self, plan: _Plan) -> Index:
        """In the scratch; else in memory, with a link in the scratch if it can be."""
        name = _name(plan.catalog)
        if self._spare is not None:
            with contextlib.suppress(CacheError):
                path, index = _put(ScratchShelf(self._spare), plan, name)
                self._elsewhere[plan.catalog] = path
                return index
        path, index = _put(MemoryShelf(), plan, name)
        self._elsewhere[plan.catalog] = path
        if self._spare is not None:
            with contextlib.suppress(OSError):
                if os.path.lexists(self._spare / name):
                    (self._spare / name).unlink()
                (self._spare / name).symlink_to(path)
        return index

    def _link(self, catalog: ContentHash) -> None:
        """Let the tracer find an index of the cache in the scratch."""
        target = self._private_path(catalog)
        if self.path(catalog) == target or not target.exists():
            return
        try:
            (self.directory / _name(catalog)).symlink_to(target)
        except FileExistsError:
            pass
        except OSError:
            self._elsewhere[catalog] = target  # The scratch is full, too.

    def _note(self, catalog: ContentHash, facts: Facts) -> None:
        self._facts[catalog] = facts
        fields = {
            "ttl_s": facts.ttl_s,
            "revision": facts.revision,
            "counters": facts.counters,
            "nested": [
                (one.path.hex(), one.hash.text, one.size) for one in facts.nested
            ],
        }
        with contextlib.suppress(CacheError):
            path = self._facts_path(catalog)
            self._private.store_small(path, json.dumps(fields).encode())


def _attached(path: str, name: str, size: int) -> Attached:
    """A nested catalog as it was noted. Errors: ValueError, TypeError, FormatError."""
    return Attached(bytes.fromhex(path), ContentHash.parse(name), int(size))


def _put(shelf: Shelf, plan: _Plan, name: str) -> tuple[Path, Index]:
    """Write an index outside of the cache. Errors: CacheError and below."""
    parcel = shelf.receive()
    try:
        plan.write(parcel.fileno())
        index = Index(parcel.fileno())
        return shelf.put(parcel, name), index
    except BaseException:
        parcel.abort()
        raise


def _name(catalog: ContentHash) -> str:
    return inventory.INDEX.name(hash=catalog.text, version=INDEX_VERSION)


class _Plan(NamedTuple):
    """An index that is ready to be written."""

    catalog: ContentHash
    builder: IndexBuilder
    root: tuple[int, int]

    def write(self, fd: int) -> None:
        """Write it. Errors: FormatError; CacheError and below."""
        algorithm = self.catalog.algorithm.flag
        try:
            self.builder.finish(fd, self.catalog.digest, algorithm, self.root)
        except OSError as error:
            raise disk_error(error, "an index file") from error


def fill(source: CatalogFile) -> IndexBuilder:
    """A builder that holds everything that the catalog says.

    Errors: FormatError.
    """
    builder = IndexBuilder()
    chunked: dict[tuple[int, int], Algorithm] = {}
    builder.add_rows(_noting_chunked(source.rows(), chunked))
    for path, chunks in groupby(source.chunks(), key=lambda row: row[:2]):
        algorithm = chunked.get((path[0], path[1]))
        if algorithm is None:
            continue  # Left over from a file that is not there any more.
        listed = list(chunks)
        name = _assembled_name(algorithm, listed)
        pieces = [(chunk.offset, chunk.size, chunk.hash) for chunk in listed]
        builder.add_chunks((path[0], path[1]), name, pieces)
    for nested in source.nested():
        found = nested.hash
        builder.add_nested(
            path_hash(nested.path),
            None if found is None else found.digest,
            0 if found is None else found.algorithm.flag,
            is_bind=nested.is_bind,
        )
    return builder


def _noting_chunked(
    rows: Iterable[CatalogRow], chunked: dict[tuple[int, int], Algorithm]
) -> Iterator[CatalogRow]:
    for row in rows:
        if row.flags & _CHUNKED:
            chunked[row.md5path_1, row.md5path_2] = algorithm_of(row.flags)
        yield row


def _assembled_name(algorithm: Algorithm, chunks: list[ChunkRow]) -> bytes:
    """The hash over the digests: the official client's artificial content hash."""
    hasher = new_hasher(algorithm)
    for chunk in chunks:
        hasher.update(chunk.hash)
    return hasher.digest()
