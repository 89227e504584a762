# SPDX-License-Identifier: GPL-2.0-or-later
"""The revision that a publication replaces.

A nested catalog whose content has not changed keeps its name, so that clients need not
fetch it again.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

from interpose.errors import FormatError, HashMismatch, NotThere
from interpose.formats import hashes
from interpose.formats.catalog import CatalogFile, CatalogRow, NestedCatalog
from interpose.formats.fqrn import Fqrn
from interpose.formats.hashes import ContentHash
from interpose.formats.manifest import Manifest
from interpose.formats.paths import is_below
from interpose.formats.signed import check_body
from interpose.publish.storage import MANIFEST, Storage


class OldCatalog(NamedTuple):
    """A nested catalog of the last revision; `size` in bytes, unpacked."""

    content_hash: ContentHash
    size: int
    revision: int


class PreviousRevision:
    """What is published now; all of it empty before the first publication."""

    def __init__(self, storage: Storage, fqrn: Fqrn) -> None:
        """Read the manifest.

        Errors: FormatError or BadSignature for a damaged one or of another name.
        """
        self._storage = storage
        self.manifest: Manifest | None = None
        self._nested: dict[ContentHash, list[NestedCatalog]] = {}
        content = storage.read_top(MANIFEST)
        if content is None:
            return
        where = str(storage.directory / MANIFEST)
        self.manifest = Manifest.parse(content)
        check_body(self.manifest.signed_text, "manifest")
        if self.manifest.fqrn != fqrn:
            message = f"the directory holds another repository, {self.manifest.fqrn}"
            raise FormatError(message, where)

    @property
    def revision(self) -> int:
        """0 before the first publication."""
        return self.manifest.revision if self.manifest is not None else 0

    def nested(self, path: bytes) -> NestedCatalog | None:
        """The nested catalog at `path`, None if there was none."""
        if self.manifest is None:
            return None
        current = self.manifest.root_hash
        while True:
            step = None
            for nested in self._children(current):
                if nested.path == path:
                    return nested
                if is_below(path, nested.path) and not nested.is_bind:
                    step = nested.hash
            if step is None:
                return None
            current = step

    def open(self, nested: NestedCatalog) -> CatalogFile | None:
        """That catalog; None if its object is missing or damaged (it is rewritten)."""
        if nested.hash is None or nested.is_bind:
            return None
        try:
            return self._open(nested.hash)
        except (NotThere, HashMismatch, FormatError):
            return None

    def _children(self, content_hash: ContentHash) -> list[NestedCatalog]:
        known = self._nested.get(content_hash)
        if known is None:
            try:
                with self._open(content_hash) as catalog:
                    known = catalog.nested()
            except (NotThere, HashMismatch, FormatError):
                known = []  # Damaged: what it led to is published anew.
            self._nested[content_hash] = known
        return known

    def _open(self, content_hash: ContentHash) -> CatalogFile:
        path = self._storage.temporary(".catalog")
        path.write_bytes(self._storage.load(content_hash, hashes.CATALOG))
        try:
            return CatalogFile(path)
        finally:
            path.unlink()  # SQLite keeps it open.


def same_content(old: CatalogFile, new: CatalogFile) -> bool:
    """Whether two catalogs say the same, revision and time of writing apart."""
    if old.root_prefix != new.root_prefix or old.schema != new.schema:
        return False
    if old.nested() != new.nested():
        return False
    nothing = object()
    pairs = itertools.zip_longest(
        map(_without_rowid, old.rows()),
        map(_without_rowid, new.rows()),
        fillvalue=nothing,
    )
    if any(mine != theirs for mine, theirs in pairs):
        return False
    pieces = itertools.zip_longest(old.chunks(), new.chunks(), fillvalue=nothing)
    return all(mine == theirs for mine, theirs in pieces)


def _without_rowid(row: CatalogRow) -> tuple[object, ...]:
    return row[1:]
