# SPDX-License-Identifier: GPL-2.0-or-later
"""Index files of a whole repository, made from its stratum directory."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from interpose import native
from interpose.formats.catalog import CatalogFile
from interpose.formats.flags import algorithm_of
from interpose.formats.hashes import Algorithm, ContentHash, hash_bytes
from interpose.formats.pathhash import path_hash
from tests.support.published import manifest_fields


def root_hash(stratum: Path) -> ContentHash:
    """The root catalog that the manifest names."""
    return ContentHash.parse(manifest_fields(stratum)["C"])


class Forest:
    """All catalogs of a repository as indexes, made when they are first needed."""

    def __init__(self, stratum: Path, scratch: Path) -> None:
        self.stratum = stratum
        self.scratch = scratch
        self.root = root_hash(stratum)
        self.indexes: dict[ContentHash, native.Index] = {}

    def unpacked(self, catalog: ContentHash) -> Path:
        """The catalog's SQLite file."""
        packed = (self.stratum / catalog.object_path("C")).read_bytes()
        path = self.scratch / f"{catalog.text}.db"
        path.write_bytes(zlib.decompress(packed))
        return path

    def index(self, catalog: ContentHash) -> native.Index:
        """The index of one catalog."""
        if catalog not in self.indexes:
            path = self.scratch / f"{catalog.text}.index"
            with CatalogFile(self.unpacked(catalog)) as file:
                write_index(file, catalog, path)
            self.indexes[catalog] = native.Index.open(path)
        return self.indexes[catalog]

    def walk(self, path: bytes) -> tuple[native.Index, native.Entry] | None:
        """The entry at `path`; links are not followed."""
        index = self.index(self.root)
        entry = index.entry(0)
        for name in path.split(b"/")[1:]:
            if entry.flags & native.ENTRY_NESTED:
                index = self.inner(entry)
                entry = index.entry(0)
            number = index.child(entry.number, name)
            if number is None:
                return None
            entry = index.entry(number)
        return index, entry

    def inner(self, entry: native.Entry) -> native.Index:
        assert entry.digest is not None
        algorithm = Algorithm.of_flag(entry.algorithm)
        return self.index(ContentHash(algorithm, entry.digest))

    def paths(self) -> Iterator[bytes]:
        """All paths below the root; what is hidden is left out."""
        todo = [(b"", self.index(self.root), 0)]
        while todo:
            path, index, number = todo.pop()
            for entry in index.children(number):
                if entry.flags & native.ENTRY_HIDDEN:
                    continue
                below = path + b"/" + entry.name
                yield below
                if entry.flags & native.ENTRY_NESTED:
                    todo.append((below, self.inner(entry), 0))
                elif entry.child_count:
                    todo.append((below, index, entry.number))


def write_index(file: CatalogFile, catalog: ContentHash, path: Path) -> None:
    """The index of `file` at `path`."""
    builder = native.IndexBuilder()
    builder.add_rows(file.rows())
    chunked = {row[1:3]: row.flags for row in file.rows() if row.flags & 0x40}
    for place, group in groupby(file.chunks(), key=lambda chunk: chunk[:2]):
        chunks = [chunk[2:] for chunk in group]
        joined = b"".join(digest for _, _, digest in chunks)
        name = hash_bytes(algorithm_of(chunked.get(place, 0)), joined)
        builder.add_chunks(place, name.digest, chunks)
    for nested in file.nested():
        found = nested.hash
        algorithm = 0 if found is None else found.algorithm.flag
        digest = None if found is None else found.digest
        place = path_hash(nested.path)
        builder.add_nested(place, digest, algorithm, is_bind=nested.is_bind)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
    try:
        top = path_hash(file.root_prefix)
        builder.finish(fd, catalog.digest, catalog.algorithm.flag, top)
    finally:
        os.close(fd)
