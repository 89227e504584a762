# SPDX-License-Identifier: GPL-2.0-or-later
"""Chunked files: what is equal is got once, what is zero is not written."""

from __future__ import annotations

import _thread
import os
import threading
import zlib
from pathlib import Path

import pytest

from interpose.errors import HashMismatch
from interpose.formats.hashes import CHUNK, Algorithm, ContentHash
from interpose.repository.chunked import Assembler, Piece
from interpose.repository.shelves import MemoryShelf
from interpose.repository.slices import Slice, copy_within, stretch
from tests.support.faulty_server import Answer, FaultyServer
from tests.unit.repository.test_store import make_store, put, stored

CHUNK_BYTES = 1 << 20
NAME = ContentHash.parse("0123456789012345678901234567890123456789")
ZEROS = bytes(CHUNK_BYTES)
NOISE = os.urandom(CHUNK_BYTES)
TEXT = b"some text\n" * 5000


def pieces_of(server: FaultyServer, parts: list[bytes]) -> list[Piece]:
    pieces, offset = [], 0
    for part in parts:
        pieces.append(Piece(offset, put(server, part, CHUNK)))
        offset += len(part)
    return pieces


def assemble(place: Path, server: FaultyServer, parts: list[bytes]) -> Path:
    store = make_store(place, server.url)
    whole = b"".join(parts)
    path = Assembler(store).assemble(NAME, len(whole), pieces_of(server, parts))
    assert path.read_bytes() == whole
    return path


def test_equal_chunks_are_got_once_and_zeros_use_no_disk(place: Path) -> None:
    with FaultyServer() as server:
        path = assemble(place, server, [ZEROS] * 20)
        assert server.count() == 1
    assert path.stat().st_size == 20 * CHUNK_BYTES
    assert path.stat().st_blocks * 512 <= CHUNK_BYTES


def test_chunks_that_come_back_are_copied_to_all_their_places(place: Path) -> None:
    parts = [NOISE, ZEROS, TEXT, NOISE, TEXT, ZEROS, NOISE, TEXT]
    with FaultyServer() as server:
        path = assemble(place, server, parts)
        assert server.count() == 3
    assert path.stat().st_blocks * 512 < 5 * CHUNK_BYTES


def test_zeros_inside_of_a_chunk_are_holes_too(place: Path) -> None:
    part = TEXT + bytes(4 * CHUNK_BYTES) + TEXT
    with FaultyServer() as server:
        path = assemble(place, server, [part, part])
    assert path.stat().st_blocks * 512 < 2 * CHUNK_BYTES


def test_zeros_of_a_second_try_are_written(place: Path) -> None:
    """A first try that was wrong has left its bytes where zeros belong."""
    with FaultyServer() as server:
        pieces = pieces_of(server, [ZEROS])
        target = "/" + pieces[0].stored.hash.object_path(CHUNK)
        wrong = zlib.compress(NOISE)
        server.script(target, Answer(body=wrong), Answer())
        path = Assembler(make_store(place, server.url)).assemble(
            NAME, CHUNK_BYTES, pieces
        )
    assert path.read_bytes() == ZEROS


def test_wrong_chunk_leaves_no_file(place: Path) -> None:
    with FaultyServer() as server:
        pieces = pieces_of(server, [TEXT, NOISE])
        server.put("/" + stored(TEXT).hash.object_path(CHUNK), zlib.compress(NOISE))
        store = make_store(place, server.url)
        with pytest.raises(HashMismatch):
            Assembler(store).assemble(NAME, len(TEXT) + CHUNK_BYTES, pieces)
        assert not store.caches.private.assembled(NAME).exists()


def test_without_a_thread_one_does_it_all(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    with FaultyServer() as server:
        pieces = pieces_of(server, [TEXT, NOISE])
        store = make_store(place, server.url)
        with monkeypatch.context() as patch:
            patch.setattr(_thread, "start_new_thread", refuse)
            path = Assembler(store).assemble(NAME, len(TEXT) + CHUNK_BYTES, pieces)
    assert path.read_bytes() == TEXT + NOISE


def test_different_hashes_of_one_length_are_different_chunks(place: Path) -> None:
    other = bytes(reversed(NOISE))
    with FaultyServer() as server:
        assemble(place, server, [NOISE, other])
        assert server.count() == 2
    assert stored(NOISE).hash.algorithm is Algorithm.SHA1


def test_chunks_are_got_side_by_side(place: Path) -> None:
    """Each answer waits until four were asked for."""
    parts = [bytes([n]) * 1000 for n in range(1, 5)]
    together = threading.Barrier(4, timeout=60)

    class Waiting(FaultyServer):
        def body(self, path: str) -> bytes | None:
            together.wait()
            return super().body(path)

    with Waiting() as server:
        assemble(place, server, parts)


def test_slices_keep_borders_and_holes() -> None:
    shelf = MemoryShelf()
    parcel = shelf.receive()
    stretch(parcel, 400_000)
    first, hole = Slice(parcel, 100), Slice(parcel, 200_000)
    for data in (b"a", bytes(100_000), b"b"):
        first.write(data)
    hole.write(bytes(1000))
    assert (first.is_hole, hole.is_hole) == (False, True)
    copy_within(parcel, 100, 250_007, 100_002)
    whole = os.pread(parcel.fileno(), 500_000, 0)
    assert whole[100:100_102] == whole[250_007:350_009] == b"a" + bytes(100_000) + b"b"
    assert (len(whole), whole.count(0)) == (400_000, 400_000 - 4)
    parcel.abort()
