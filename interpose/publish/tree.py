# SPDX-License-Identifier: GPL-2.0-or-later
"""One pass over a source: files become objects, directories become catalogs.

The main thread scans and writes catalogs, worker threads read, compress and hash. What
was scanned waits in a queue in the order of the scan until its contents are stored, so
catalogs come out the same however fast the workers are.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, Union

from interpose.formats.flags import NESTED_MOUNTPOINT
from interpose.publish import entries
from interpose.publish.catalogs import CatalogInProgress, CatalogShelf, StoredCatalog
from interpose.publish.content import ContentWriter, Encoding, StoredContent
from interpose.publish.scan import CatalogEnd, SourceDirectory, SourceEntry, scan
from interpose.workers import Task, Workers

# What a worker takes at once: enough to make its bookkeeping cheap.
_BATCH_FILES = 32
_BATCH_BYTES = 4 * 1024 * 1024
# Entries that may be scanned ahead of the workers.
_AHEAD = 4096

Progress = Callable[[int, int], None]


class Totals:
    """What a publication went over; `bytes` of content."""

    entries = 0
    bytes = 0
    catalogs = 0


class _Scanned(NamedTuple):
    """A directory whose files are under way to the storage."""

    catalog: CatalogInProgress
    directory: SourceDirectory
    files: list[SourceEntry]
    batches: list[Task[list[StoredContent]]]


_Waiting = Union[_Scanned, CatalogInProgress]


class TreePublisher:
    """Turns one source into objects and catalogs; for one use."""

    def __init__(
        self,
        root: int,
        encoding: Encoding,
        contents: ContentWriter,
        shelf: CatalogShelf,
        progress: Progress,
    ) -> None:
        self._root = root
        self._encoding = encoding
        self._contents = contents
        self._shelf = shelf
        self._progress = progress
        self._queue: deque[_Waiting] = deque()
        self._ahead = 0
        self._workers = Workers(max(2, os.cpu_count() or 1))
        self.totals = Totals()

    def run(self) -> StoredCatalog:
        """Publish everything and give the root catalog.

        Errors: InterposeError for what cannot be read, written or published.
        """
        try:
            with self._workers:
                return self._go_over_all()
        finally:
            self._shelf.close()

    def _go_over_all(self) -> StoredCatalog:
        try:
            catalog = root_catalog = self._shelf.start(b"", None)
            for event in scan(self._root, self._contents.remarks):
                if isinstance(event, CatalogEnd):
                    self._queue.append(catalog)
                    catalog = catalog.parent or root_catalog
                    continue
                if event.starts_catalog:
                    catalog = self._shelf.start(event.entry.path, catalog)
                self._submit(catalog, event)
                while self._ahead > _AHEAD:
                    self._settle_oldest()
            while self._queue:
                self._settle_oldest()
            return self._finish(root_catalog)
        finally:
            self._contents.cancel()

    def _submit(self, catalog: CatalogInProgress, directory: SourceDirectory) -> None:
        files = list(_distinct_files(directory.members))
        batches = [
            self._workers.submit(partial(self._store_batch, batch))
            for batch in _batches(files)
        ]
        self._queue.append(_Scanned(catalog, directory, files, batches))
        self._ahead += 1 + len(directory.members)

    def _store_batch(self, batch: list[SourceEntry]) -> list[StoredContent]:
        return [self._contents.store(self._root, entry) for entry in batch]

    def _settle_oldest(self) -> None:
        item = self._queue.popleft()
        if isinstance(item, CatalogInProgress):
            self._finish(item)
            return
        stored = [
            content
            for batch in item.batches
            for content in self._workers.value_of(batch)
        ]
        contents = {
            entries.inode(entry): content for entry, content in zip(item.files, stored)
        }
        self._ahead -= 1 + len(item.directory.members)
        self._add_directory(item.catalog, item.directory)
        self._add_members(item.catalog, item.directory.members, contents)
        self.totals.entries += 1 + len(item.directory.members)
        self.totals.bytes += sum(entry.status.st_size for entry in item.files)
        self._progress(self.totals.entries, self.totals.bytes)

    def _finish(self, catalog: CatalogInProgress) -> StoredCatalog:
        stored = self._shelf.finish(catalog)
        self.totals.catalogs += 1
        return stored

    def _add_directory(
        self, catalog: CatalogInProgress, directory: SourceDirectory
    ) -> None:
        if directory.starts_catalog and catalog.parent is not None:
            upper = entries.directory_entry(directory, NESTED_MOUNTPOINT)
            catalog.parent.writer.add(upper)
        catalog.writer.add(entries.directory_entry(directory))
        if directory.lacks_marker:
            # As the official publisher, which puts the file into the directory.
            empty = self._contents.empty()
            catalog.writer.add(entries.marker_entry(directory, empty, self._encoding))

    def _add_members(
        self,
        catalog: CatalogInProgress,
        members: tuple[SourceEntry, ...],
        contents: dict[tuple[int, int], StoredContent],
    ) -> None:
        links = entries.hardlinks(members, catalog.groups)
        for entry, mine in zip(members, links):
            content = contents.get(entries.inode(entry))
            if stat.S_ISREG(entry.status.st_mode) and content is not None:
                row = entries.file_entry(entry, mine, content, self._encoding)
                catalog.writer.add_chunks(entry.path, content.chunks)
            else:
                row = entries.other_entry(entry, mine)
            catalog.writer.add(row)


def _distinct_files(members: tuple[SourceEntry, ...]) -> Iterator[SourceEntry]:
    """Regular files, of hard links only the first."""
    seen = set()
    for entry in members:
        if stat.S_ISREG(entry.status.st_mode):
            key = entries.inode(entry)
            if key not in seen:
                seen.add(key)
                yield entry


def _batches(files: list[SourceEntry]) -> Iterator[list[SourceEntry]]:
    batch: list[SourceEntry] = []
    size = 0
    for entry in files:
        batch.append(entry)
        size += entry.status.st_size
        if len(batch) >= _BATCH_FILES or size >= _BATCH_BYTES:
            yield batch
            batch = []
            size = 0
    if batch:
        yield batch
