# SPDX-License-Identifier: GPL-2.0-or-later
"""A catalog becomes an index file, which tracer and resolver map.

Source: design 5.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from interpose.cache import PrivateCache
from interpose.cache.directory import read_small
from interpose.errors import FormatError
from interpose.formats.flags import algorithm_of
from interpose.formats.hashes import Algorithm, ContentHash, new_hasher
from interpose.formats.pathhash import path_hash
from interpose.native import INDEX_VERSION, Index, IndexBuilder
from interpose.repository.shelves import disk_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from interpose.formats.catalog import CatalogFile, CatalogRow, ChunkRow

_MODE = 0o444
_FACTS_BYTES = 1 << 16
_CHUNKED = 64


@dataclass(frozen=True)
class Facts:
    """What a catalog says besides its entries; counters have their prefixes."""

    ttl_s: int
    revision: int
    counters: dict[str, int]

    def totals(self) -> dict[str, int]:
        """Counters of this catalog and all below it."""
        names = [n[len("self_") :] for n in self.counters if n.startswith("self_")]
        return {
            n: self.counters[f"self_{n}"] + self.counters.get(f"subtree_{n}", 0)
            for n in names
        }


class IndexFiles:
    """The index files in a directory of the private cache; thread-safe."""

    def __init__(self, private: PrivateCache) -> None:
        self._private = private
        self.directory = private.index_directory

    def path(self, catalog: ContentHash) -> Path:
        """Where the index of a catalog is or would be."""
        return self.directory / f"{catalog.text}.v{INDEX_VERSION}"

    def _facts_path(self, catalog: ContentHash) -> Path:
        return self.directory / f"{catalog.text}.facts"

    def find(self, catalog: ContentHash) -> Index | None:
        """The mapped index, if there is a sound one."""
        try:
            return Index.open(self.path(catalog))
        except (OSError, FormatError):
            return None

    def facts(self, catalog: ContentHash) -> Facts | None:
        """The facts that were noted beside the index."""
        data = read_small(self._facts_path(catalog), _FACTS_BYTES)
        try:
            found = json.loads(data or b"")
            counters = {str(k): int(v) for k, v in found["counters"].items()}
            return Facts(int(found["ttl_s"]), int(found["revision"]), counters)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def build(self, catalog: ContentHash, file: Path) -> Index:
        """Make the index of the catalog in the SQLite file `file`.

        Errors: FormatError for what is wrong in it; CacheError and below.
        """
        from interpose.formats.catalog import CatalogFile  # noqa: PLC0415

        with CatalogFile(file) as source, self._private.receive() as receiver:
            builder = fill(source)
            try:
                builder.finish(
                    receiver.fileno(),
                    catalog.digest,
                    catalog.algorithm.flag,
                    path_hash(source.root_prefix),
                )
            except OSError as error:
                raise disk_error(error, str(self.directory)) from error
            facts = Facts(source.ttl_s, source.revision, source.counters())
            self._note(catalog, facts)
            index = Index(receiver.fileno())
            receiver.commit_as(self.path(catalog), mode=_MODE, replace=True)
        return index

    def _note(self, catalog: ContentHash, facts: Facts) -> None:
        fields = {
            "ttl_s": facts.ttl_s,
            "revision": facts.revision,
            "counters": facts.counters,
        }
        path = self._facts_path(catalog)
        self._private.store_small(path, json.dumps(fields).encode())

    def drop(self, catalog: ContentHash) -> None:
        """Forget an index that turned out to be damaged."""
        try:
            os.unlink(self.path(catalog))
        except OSError:
            pass  # Somebody else was faster, or it will be replaced.


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
