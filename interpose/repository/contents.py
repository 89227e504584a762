# SPDX-License-Identifier: GPL-2.0-or-later
"""What is stored of a file: one object, or chunks. Source: docs/format.md 4.8."""

from __future__ import annotations

from interpose import native
from interpose.errors import FormatError
from interpose.formats.flags import Compression
from interpose.formats.hashes import CHUNK, FILE, ContentHash
from interpose.repository.chunked import Piece
from interpose.repository.objects import External, StoredObject
from interpose.repository.subject import Subject


def name_of(subject: Subject) -> ContentHash:
    """The hash that stands for all of the content.

    Errors: FormatError for an entry without content.
    """
    entry = subject.entry
    path = subject.path.decode("utf-8", "backslashreplace")
    if not subject.is_file:
        raise FormatError("not a regular file", path)
    if entry.digest is None or entry.flags & native.ENTRY_NO_CONTENT:
        raise FormatError("file without content", path)
    return ContentHash(subject.algorithm, entry.digest)


def whole(subject: Subject) -> StoredObject:
    """The object of a file that is in one piece. Errors: as `name_of`."""
    return StoredObject(
        name_of(subject),
        FILE,
        _compression(subject),
        subject.entry.size,
        external=External(subject.path) if _is_external(subject) else None,
        info=subject.path,
    )


def pieces(subject: Subject) -> list[Piece]:
    """The chunks of a file, and where they belong."""
    found = []
    for chunk in subject.entry.chunks:
        external = None
        if _is_external(subject):
            external = External(subject.path, (chunk.offset, chunk.size))
        stored = StoredObject(
            ContentHash(subject.algorithm, chunk.digest),
            CHUNK,
            _compression(subject),
            chunk.size,
            external=external,
            info=subject.path,
        )
        found.append(Piece(chunk.offset, stored))
    return found


def _is_external(subject: Subject) -> bool:
    return bool(subject.entry.flags & native.ENTRY_EXTERNAL)


def _compression(subject: Subject) -> Compression:
    is_plain = subject.entry.flags & native.ENTRY_UNCOMPRESSED
    return Compression.NONE if is_plain else Compression.ZLIB
