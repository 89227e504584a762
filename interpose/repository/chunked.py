# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that are stored in chunks, put together once under a name of their own kind.

A chunk that a file has several times is got once, and bytes that are zero are not
written: a file that was sparse is so again. Source: docs/format.md 4.8.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from interpose.errors import FormatError
from interpose.formats.hashes import ContentHash
from interpose.repository.flight import SingleFlight
from interpose.repository.objects import StoredObject
from interpose.repository.shelves import Parcel, Shelf
from interpose.repository.slices import Slice, copy_within, stretch
from interpose.repository.store import Store
from interpose.workers import Workers

AT_ONCE = 8


class Piece(NamedTuple):
    """One chunk and where it belongs in the file (bytes)."""

    offset: int
    stored: StoredObject


class Assembler:
    """Puts chunked files together. Thread-safe."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._flights: SingleFlight[Path] = SingleFlight()

    def assemble(self, name: ContentHash, size: int, pieces: Sequence[Piece]) -> Path:
        """Path of the whole file; `name` is the hash over the chunks' digests.

        Errors: FormatError for chunks with gaps; those of Store.fetch.
        """
        is_raw = any(not piece.stored.is_compressed for piece in pieces)
        key = (name, is_raw)
        return self._flights.run(key, lambda: self._assemble(key, size, pieces))

    def _assemble(
        self, key: tuple[ContentHash, bool], size: int, pieces: Sequence[Piece]
    ) -> Path:
        name, is_raw = key
        private = self._store.caches.private
        # The same digests can stand for other contents where chunks are stored raw.
        path = private.assembled(name, raw=is_raw)

        def assembled() -> Path | None:
            if private.size_of_ours(path) != size:
                return None
            self._store.statistics.got_object("private")
            return path

        found = assembled()
        if found is not None:
            return found
        _check(size, pieces)
        final = str(path.relative_to(private.top))
        turn_name = name.text + ("-raw" if is_raw else "")
        turns = self._store.turns
        with turns.turn(turn_name, assembled, is_shared=False) as found:
            if found is not None:
                return found
            return self._store.put_on_shelf(
                self._store.private_shelves(),
                lambda shelf: self._fill(shelf, final, size, pieces),
            )

    def _fill(
        self, shelf: Shelf, name: str, size: int, pieces: Sequence[Piece]
    ) -> Path:
        parcel = shelf.receive()
        equal = _by_content(pieces)
        try:
            stretch(parcel, size)
            with Workers(min(AT_ONCE, len(equal)) - 1) as workers:
                for one in equal:
                    workers.submit(partial(self._write_all, parcel, one))
            return shelf.put(parcel, name)
        except BaseException:
            parcel.abort()
            raise

    def _write_all(self, parcel: Parcel, equal: Sequence[Piece]) -> None:
        """Write one chunk wherever the file has it."""
        first, others = equal[0], equal[1:]
        target = Slice(parcel, first.offset)
        self._store.deliver(first.stored, target)
        if target.is_hole:
            return
        for other in others:
            copy_within(parcel, first.offset, other.offset, first.stored.size or 0)


def _by_content(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """The pieces, those with the same content together."""
    found: dict[tuple[ContentHash, int | None, bool], list[Piece]] = {}
    for piece in pieces:
        stored = piece.stored
        key = (stored.hash, stored.size, stored.is_compressed)
        found.setdefault(key, []).append(piece)
    return list(found.values())


def _check(size: int, pieces: Sequence[Piece]) -> None:
    end = 0
    for piece in pieces:
        if piece.offset != end or piece.stored.size is None:
            raise FormatError("chunks of a file do not fit together")
        end += piece.stored.size
    if end != size or not pieces:
        raise FormatError("chunks of a file do not add up to its size")
