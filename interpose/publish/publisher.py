# SPDX-License-Identifier: GPL-2.0-or-later
"""From a directory to the next revision of a repository.

The order makes it safe: objects, nested catalogs, root catalog, certificate, history,
whitelist, and last the manifest, which is renamed over the old one.

Source: docs/format.md 9.1.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from interpose.errors import InterposeError, UsageError
from interpose.formats import hashes
from interpose.formats.flags import Compression
from interpose.formats.fqrn import Fqrn
from interpose.formats.hashes import Algorithm, ContentHash
from interpose.formats.history import HistoryFile, Tag
from interpose.formats.history_writer import write_history
from interpose.formats.manifest import ManifestFields
from interpose.publish import tags, top
from interpose.publish.catalogs import CatalogShelf, StoredCatalog
from interpose.publish.chunker import ChunkSizes
from interpose.publish.content import ContentWriter, Encoding
from interpose.publish.keys import KeyMaker, KeySet
from interpose.publish.previous import PreviousRevision
from interpose.publish.remarks import Remarks
from interpose.publish.scan import open_source
from interpose.publish.storage import MANIFEST, REPLICA_MARKER, WHITELIST, Storage
from interpose.publish.tree import Progress, Totals, TreePublisher

TTL_S = 240


class Publication(NamedTuple):
    """What is to be published where.

    `storage` is the document root: the repository goes to `storage`/cvmfs/FQRN.
    `algorithm` None keeps the last revision's, SHA-1 at first. `new_identity` allows
    another master key than that of the last revision.
    """

    source: Path
    fqrn: Fqrn
    storage: Path
    keys: Path
    tag: str | None = None
    description: str = ""
    algorithm: Algorithm | None = None
    compression: Compression = Compression.ZLIB
    sizes: ChunkSizes = ChunkSizes()
    new_identity: bool = False

    @property
    def directory(self) -> Path:
        """What a stratum URL ends in."""
        return self.storage / "cvmfs" / self.fqrn


class Published(NamedTuple):
    """A new revision; new objects are those that were not in the storage before.

    `remarks`: lines about what the repository has not got from the source.
    """

    revision: int
    root_hash: ContentHash
    totals: Totals
    new_objects: int
    new_bytes: int
    remarks: tuple[str, ...] = ()


def publish(
    publication: Publication, now: datetime, progress: Progress | None = None
) -> Published:
    """Publish a directory as the next revision; `now` is aware.

    `progress` is called with the entries and the bytes done so far.
    Errors: InterposeError; the last revision then stays what it was.
    """
    _check_directories(publication)
    root = open_source(str(publication.source))
    is_known = os.path.lexists(publication.directory / MANIFEST)
    maker = KeyMaker(
        publication.keys,
        publication.fqrn,
        may_be_new=publication.new_identity or not is_known,
    )
    try:
        with maker.undone_on_failure():
            keys = maker.keys(now)
            with Storage(publication.directory) as storage:
                revision = _Revision(publication, storage, keys, now)
                return revision.publish(root, progress or _ignore)
    finally:
        os.close(root)


class _Revision:
    """One revision in the making."""

    def __init__(
        self, publication: Publication, storage: Storage, keys: KeySet, now: datetime
    ) -> None:
        self._publication = publication
        self._storage = storage
        self._keys = keys
        self._now = now
        self._remarks = Remarks()
        self._previous = PreviousRevision(storage, publication.fqrn)
        self._algorithm = self._choose_algorithm()
        self._tags = self._read_tags()
        # Everything that can be refused is refused before the long work.
        if publication.tag is not None:
            tags.check_tag_name(publication.tag, self._tags)
        if self._previous.manifest is not None and not publication.new_identity:
            top.check_identity(storage, keys, publication.keys)
        self._renew = top.is_whitelist_due(storage, publication.fqrn, keys, now)

    def publish(self, root: int, progress: Progress) -> Published:
        totals, catalog = self._publish_tree(root, progress)
        fields = self._describe(catalog)
        fqrn = self._publication.fqrn
        tops = {REPLICA_MARKER: b""}
        if self._renew:
            tops[WHITELIST] = top.signed_whitelist(
                fqrn, self._keys, self._algorithm, self._now
            )
        tops[MANIFEST] = top.signed_manifest(fields, self._keys)
        self._storage.write_tops(tops)
        return Published(
            revision=fields.revision,
            root_hash=fields.root_hash,
            totals=totals,
            new_objects=self._storage.written,
            new_bytes=self._storage.written_bytes,
            remarks=self._remarks.lines(),
        )

    def _publish_tree(
        self, root: int, progress: Progress
    ) -> tuple[Totals, StoredCatalog]:
        encoding = Encoding(
            self._algorithm, self._publication.compression, self._publication.sizes
        )
        shelf = CatalogShelf(
            self._storage, self._previous, self._algorithm, self._timestamp, TTL_S
        )
        contents = ContentWriter(self._storage, encoding, self._remarks)
        tree = TreePublisher(root, encoding, contents, shelf, progress)
        catalog = tree.run()
        return tree.totals, catalog

    def _describe(self, catalog: StoredCatalog) -> ManifestFields:
        """Store what belongs to a revision beside its catalogs."""
        old = self._previous.manifest
        metainfo = old.metainfo_hash if old is not None else None
        if metainfo is None:
            metainfo = self._compressed(b"{}", hashes.METAINFO)
        return ManifestFields(
            root_hash=catalog.content_hash,
            root_size=catalog.size,
            revision=self._previous.revision + 1,
            fqrn=self._publication.fqrn,
            certificate_hash=self._compressed(
                self._keys.certificate, hashes.CERTIFICATE
            ),
            timestamp=self._timestamp,
            ttl_s=TTL_S,
            history_hash=self._store_history(catalog),
            metainfo_hash=metainfo,
        )

    def _store_history(self, catalog: StoredCatalog) -> ContentHash:
        newest = Tag(
            name="",
            root_hash=catalog.content_hash,
            revision=self._previous.revision + 1,
            timestamp=self._timestamp,
            description=self._publication.description,
            size=catalog.size,
        )
        everything = tags.next_tags(self._tags, newest, self._publication.tag)
        path = self._storage.temporary(".history")
        old = self._previous.manifest
        former = old.history_hash if old is not None else None
        write_history(path, self._publication.fqrn, everything, former)
        return self._compressed(path.read_bytes(), hashes.HISTORY)

    def _compressed(self, data: bytes, kind: str) -> ContentHash:
        return self._storage.store_compressed(data, self._algorithm, kind)

    def _choose_algorithm(self) -> Algorithm:
        if self._publication.algorithm is not None:
            return self._publication.algorithm
        old = self._previous.manifest
        return old.root_hash.algorithm if old is not None else Algorithm.SHA1

    @property
    def _timestamp(self) -> int:
        """Now, but never before the last revision: clients refuse an older one."""
        old = self._previous.manifest
        return max(int(self._now.timestamp()), old.timestamp if old is not None else 0)

    def _read_tags(self) -> list[Tag]:
        old = self._previous.manifest
        if old is None or old.history_hash is None:
            return []
        path = self._storage.temporary(".history")
        path.write_bytes(self._storage.load(old.history_hash, hashes.HISTORY))
        with HistoryFile(path) as history:
            return list(history.tags())


def _check_directories(publication: Publication) -> None:
    """Errors: UsageError if a publication would publish itself or its private keys."""
    source = publication.source.resolve()
    if not source.is_dir():
        raise InterposeError("not a directory", str(publication.source))
    for directory, what in (
        (publication.storage, "storage"),
        (publication.keys, "keys"),
    ):
        resolved = directory.resolve()
        if resolved == source or source in resolved.parents:
            message = f"the {what} would be published with the source"
            raise UsageError(message, str(directory), f"put the {what} somewhere else")


def _ignore(entries: int, size_bytes: int) -> None:
    """Nobody wants to see the progress."""
