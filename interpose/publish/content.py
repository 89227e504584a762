# SPDX-License-Identifier: GPL-2.0-or-later
"""The content of regular files, from the source into objects.

Works in several threads: zlib, hashing and file I/O let the others run.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from interpose.errors import InterposeError
from interpose.formats import hashes
from interpose.formats.catalog_writer import NewChunk
from interpose.formats.flags import Compression
from interpose.formats.hashes import Algorithm, ContentHash
from interpose.publish.chunker import ChunkSizes, chunks
from interpose.publish.remarks import Remarks
from interpose.publish.scan import (
    SourceEntry,
    check_unchanged,
    open_member,
    read_xattrs,
    show,
)
from interpose.publish.storage import Storage

# Contents remembered, so that equal files are compressed once; 200 bytes each.
_REMEMBERED = 200_000


class StoredContent(NamedTuple):
    """What the catalog says of a file's content: one hash, or chunks."""

    content_hash: ContentHash | None
    chunks: tuple[NewChunk, ...] = ()
    xattrs: Mapping[bytes, bytes] = MappingProxyType({})


class Encoding(NamedTuple):
    """How contents become objects."""

    algorithm: Algorithm = Algorithm.SHA1
    compression: Compression = Compression.ZLIB
    sizes: ChunkSizes = ChunkSizes()


class ContentWriter:
    """Puts files into a storage; `store` may be called by several threads.

    `cancel` makes what is under way end with an error soon.
    """

    def __init__(self, storage: Storage, encoding: Encoding, remarks: Remarks) -> None:
        self.remarks = remarks
        self._storage = storage
        self._encoding = encoding
        self._known: dict[bytes, ContentHash] = {}
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Let nobody wait for files that nobody needs any more."""
        self._cancelled.set()

    def store(self, root: int, entry: SourceEntry) -> StoredContent:
        """Read one regular file of the source and keep what it holds.

        Errors: InterposeError if it cannot be read or changes meanwhile.
        """
        descriptor = open_member(root, entry)
        try:
            content = self._store_open(descriptor, entry)
            check_unchanged(entry, os.fstat(descriptor))
        except OSError as error:  # Storage raises InterposeError: this is the source.
            reason = error.strerror or str(error)
            message = f"cannot read the source ({reason})"
            raise InterposeError(message, show(entry.path)) from error
        finally:
            os.close(descriptor)
        return content

    def empty(self) -> ContentHash:
        """The object of an empty file."""
        return self._store_whole(b"")

    def _store_open(self, descriptor: int, entry: SourceEntry) -> StoredContent:
        size = entry.status.st_size
        xattrs = read_xattrs(descriptor, entry.path, self.remarks)
        sizes = self._encoding.sizes
        if size <= sizes.least:
            whole = self._store_whole(_read_all(descriptor, size))
            return StoredContent(whole, xattrs=xattrs)
        found: list[NewChunk] = []
        offset = 0
        with open(descriptor, "rb", closefd=False) as stream:
            for piece in chunks(stream, sizes):
                if len(piece) == size:  # One chunk is an ordinary object (9.1).
                    return StoredContent(self._store(piece), xattrs=xattrs)
                content_hash = self._store(piece, hashes.CHUNK)
                found.append(NewChunk(offset, len(piece), content_hash))
                offset += len(piece)
                if offset > size:
                    break  # It grows, perhaps without end: the caller will see it.
        return StoredContent(None, tuple(found), xattrs)

    def _store_whole(self, data: bytes) -> ContentHash:
        key = hashlib.sha256(data).digest()
        known = self._known.get(key)
        if known is None:
            known = self._store(data)
            if len(self._known) < _REMEMBERED:
                self._known[key] = known
        return known

    def _store(self, data: bytes, kind: str = hashes.FILE) -> ContentHash:
        if self._cancelled.is_set():
            raise InterposeError("the publication was given up")
        algorithm = self._encoding.algorithm
        if self._encoding.compression is Compression.ZLIB:
            return self._storage.store_compressed(data, algorithm, kind)
        return self._storage.store(data, algorithm, kind)


def _read_all(descriptor: int, size: int) -> bytes:
    """At most one byte more than `size`, in one call as a rule."""
    data = os.read(descriptor, size + 1)
    while 0 < len(data) < size:
        more = os.read(descriptor, size + 1 - len(data))
        if not more:
            break
        data += more
    return data
