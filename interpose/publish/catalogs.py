# SPDX-License-Identifier: GPL-2.0-or-later
"""Catalogs while they are written, and their way into the storage.

Source: docs/format.md 4.7, 4.10, 9.1.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from interpose.formats import hashes
from interpose.formats.catalog import CatalogFile, NestedCatalog
from interpose.formats.catalog_writer import CatalogProperties, CatalogWriter
from interpose.formats.counters import Counters
from interpose.formats.hashes import Algorithm, ContentHash
from interpose.publish.previous import PreviousRevision, same_content
from interpose.publish.storage import Storage


class StoredCatalog(NamedTuple):
    """A catalog in the storage; `size` in bytes, unpacked."""

    content_hash: ContentHash
    size: int


@dataclass
class CatalogInProgress:
    """A catalog that still grows; `subtree` counts what lies in those below it.

    `groups` gives unused numbers of hard-link groups; `replaces` is the catalog that
    was here in the last revision, None for a root or a new one.
    """

    path: bytes
    parent: CatalogInProgress | None
    file: Path
    writer: CatalogWriter
    subtree: Counters
    groups: Iterator[int]
    replaces: NestedCatalog | None


@dataclass(frozen=True)
class CatalogShelf:
    """Starts and finishes the catalogs of one revision."""

    storage: Storage
    previous: PreviousRevision
    algorithm: Algorithm
    timestamp: int
    ttl_s: int
    writers: ExitStack = field(default_factory=ExitStack)

    def close(self) -> None:
        """Give up what is not finished."""
        self.writers.close()

    def start(self, path: bytes, parent: CatalogInProgress | None) -> CatalogInProgress:
        """A new catalog for `path`; b"" is the root catalog, without a parent."""
        replaces = self.previous.nested(path) if parent is not None else None
        file = self.storage.temporary(".catalog")
        writer = CatalogWriter(file, self._properties(path, replaces))
        self.writers.enter_context(writer)
        return CatalogInProgress(
            path=path,
            parent=parent,
            file=file,
            writer=writer,
            subtree=Counters(),
            groups=itertools.count(1),
            replaces=replaces,
        )

    def finish(self, catalog: CatalogInProgress) -> StoredCatalog:
        """Store a catalog, and hang it into its parent if it has one."""
        counters = catalog.writer.finish(catalog.subtree)
        stored = self._unchanged(catalog) or self._store(catalog)
        catalog.file.unlink()
        if catalog.parent is not None:
            parent = catalog.parent
            parent.subtree = parent.subtree + counters
            parent.writer.attach(catalog.path, stored.content_hash, stored.size)
        return stored

    def _properties(
        self, path: bytes, replaces: NestedCatalog | None
    ) -> CatalogProperties:
        """Properties of a new catalog: nested ones count their own revisions."""
        revision = self.previous.revision + 1
        former = None
        if path:
            revision = 1
            former = replaces.hash if replaces is not None else None
            old = self.previous.open(replaces) if replaces is not None else None
            if old is not None:
                with old:
                    revision = old.revision + 1
        elif self.previous.manifest is not None:
            former = self.previous.manifest.root_hash
        return CatalogProperties(
            revision=revision,
            last_modified=self.timestamp,
            root_prefix=path,
            ttl_s=self.ttl_s,
            previous_revision=former,
        )

    def _unchanged(self, catalog: CatalogInProgress) -> StoredCatalog | None:
        """The former catalog if it says the same; never for a root."""
        former = catalog.replaces
        if former is None or former.hash is None:
            return None
        if former.hash.algorithm is not self.algorithm or not former.size:
            return None
        old = self.previous.open(former)
        if old is None:
            return None
        with old, CatalogFile(catalog.file) as new:
            if not same_content(old, new):
                return None
        return StoredCatalog(former.hash, former.size)

    def _store(self, catalog: CatalogInProgress) -> StoredCatalog:
        data = catalog.file.read_bytes()
        content_hash = self.storage.store_compressed(
            data, self.algorithm, hashes.CATALOG
        )
        return StoredCatalog(content_hash, len(data))
