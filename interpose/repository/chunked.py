# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that are stored in chunks, put together once under a name of their own kind.

Source: cvmfs-format 4.8; design 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from interpose.errors import FormatError
from interpose.formats.hashes import ContentHash
from interpose.repository.flight import SingleFlight
from interpose.repository.objects import StoredObject
from interpose.repository.shelves import Parcel, Shelf, Slice
from interpose.repository.store import Store, blocks

AT_ONCE = 4


@dataclass(frozen=True)
class Piece:
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
        return self._flights.run(name, lambda: self._assemble(name, size, pieces))

    def _assemble(self, name: ContentHash, size: int, pieces: Sequence[Piece]) -> Path:
        private = self._store.places.private
        path = private.assembled(name)

        def assembled() -> Path | None:
            if not private.vouches_for(path) or path.lstat().st_size != size:
                return None
            self._store.statistics.got_object("private")
            return path

        found = assembled()
        if found is not None:
            return found
        _check(size, pieces)
        final = str(path.relative_to(private.top))
        with self._store.turns.turn(name, assembled) as found:
            if found is not None:
                return found
            return self._store.put_on_shelf(
                self._store.private_shelves(),
                lambda shelf: self._fill(shelf, final, pieces),
            )

    def _fill(self, shelf: Shelf, name: str, pieces: Sequence[Piece]) -> Path:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

        parcel = shelf.receive()
        try:
            with ThreadPoolExecutor(min(AT_ONCE, len(pieces))) as pool:
                try:
                    for _ in pool.map(lambda piece: self._place(parcel, piece), pieces):
                        pass
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
            return shelf.put(parcel, name)
        except BaseException:
            parcel.abort()
            raise

    def _place(self, parcel: Parcel, piece: Piece) -> None:
        """Write one chunk into its place."""
        found = self._store.fetch_for_all(piece.stored)
        target = Slice(parcel, piece.offset)
        if found is None:
            self._store.transfer(piece.stored, lambda: piece.stored.sink(target))
            self._store.statistics.got_object("network")
            return
        for block in blocks(found):
            target.write(block)


def _check(size: int, pieces: Sequence[Piece]) -> None:
    end = 0
    for piece in pieces:
        if piece.offset != end or piece.stored.size is None:
            raise FormatError("chunks of a file do not fit together")
        end += piece.stored.size
    if end != size or not pieces:
        raise FormatError("chunks of a file do not add up to its size")
