# SPDX-License-Identifier: GPL-2.0-or-later
"""Single pieces of the repository room that the resolver's tests do not reach."""

from __future__ import annotations

import threading
import zlib
from pathlib import Path
from typing import Any

import pytest

from interpose.cache import AlienCache, PrivateCache, Receiver
from interpose.errors import CacheFull, FormatError, HashMismatch, NotOnServer
from interpose.formats.flags import Compression
from interpose.formats.hashes import Algorithm, ContentHash, hash_bytes
from interpose.network import Fetcher, NetworkSettings
from interpose.repository.caches import Caches
from interpose.repository.chunked import Assembler, Piece
from interpose.repository.flight import SingleFlight
from interpose.repository.objects import StoredObject
from interpose.repository.shelves import MemoryShelf, ScratchShelf, Shelf
from interpose.repository.statistics import Statistics
from interpose.repository.store import Store
from interpose.repository.tree import expand
from tests.support.faulty_server import Answer, FaultyServer

CONTENT = b"some content\n" * 1000


def stored(data: bytes, kind: str = "", size: int | None = None) -> StoredObject:
    """What a catalog would say of a file with this content."""
    name = hash_bytes(Algorithm.SHA1, zlib.compress(data))
    return StoredObject(name, kind, size=len(data) if size is None else size)


def put(server: FaultyServer, data: bytes, kind: str = "") -> StoredObject:
    wanted = stored(data, kind)
    server.put("/" + wanted.hash.object_path(kind), zlib.compress(data))
    return wanted


def quiet(*said: str) -> None:
    """Nobody listens."""


def make_store(
    place: Path,
    url: str,
    alien: Path | None = None,
    *,
    writable: bool = True,
    trust: bool = False,
) -> Store:
    settings = NetworkSettings(servers=(url,), max_retries=0)
    caches = Caches(
        private=PrivateCache(place / "cache"),
        workspace=PrivateCache(place / "cache"),
        alien=None if alien is None else AlienCache(alien, writable=writable),
        scratch=place,
        trust_cache=trust,
        offline=False,
        uid=0,
        gid=0,
    )
    networks = (Fetcher(settings), Fetcher(settings))
    return Store(caches, networks, Statistics(), quiet)


def test_an_object_is_fetched_once_and_found_then(place: Path) -> None:
    with FaultyServer() as server:
        wanted = put(server, CONTENT)
        store = make_store(place, server.url)
        path = store.fetch(wanted)
        assert path.read_bytes() == CONTENT
        assert store.fetch(wanted) == path
        assert server.count("/" + wanted.hash.object_path()) == 1


def test_an_object_of_another_size_than_promised_is_refused(place: Path) -> None:
    with FaultyServer() as server:
        wanted = put(server, CONTENT)
        store = make_store(place, server.url)
        for size in (0, len(CONTENT) - 1, len(CONTENT) + 1):
            lie = StoredObject(wanted.hash, size=size)
            with pytest.raises(HashMismatch):
                store.fetch(lie)
        assert not store.caches.private.path(wanted.hash).exists()


def test_a_shared_cache_has_it_no_later_than_the_private_one(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that finds it in the private cache may end, and its resolver with it."""
    alien = place / "alien"
    alien.mkdir()
    alien.chmod(0o1777)  # others could exchange files: it is not used in place
    shared: list[bool] = []
    commit = PrivateCache.receive
    with FaultyServer() as server:
        wanted = put(server, CONTENT)
        store = make_store(place, server.url, alien)

        def receive(cache: PrivateCache) -> Receiver:
            receiver = commit(cache)
            plain = receiver.commit_as

            def commit_as(path: Path, **how: Any) -> Path:
                shared.append(AlienCache(alien).path(wanted.hash).exists())
                return plain(path, **how)

            monkeypatch.setattr(receiver, "commit_as", commit_as)
            return receiver

        monkeypatch.setattr(PrivateCache, "receive", receive)
        assert store.fetch(wanted).is_relative_to(place / "cache")
    assert shared == [True]


def test_a_missing_object_is_no_missing_file(place: Path) -> None:
    with FaultyServer() as server:
        store = make_store(place, server.url)
        with pytest.raises(NotOnServer) as caught:
            store.fetch(stored(b"nowhere"))
        assert "data/" in str(caught.value)


def test_a_foreign_object_without_execute_bits_is_copied_once(place: Path) -> None:
    wanted = stored(CONTENT)
    alien = place / "alien"
    path = AlienCache(alien).path(wanted.hash)
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    path.chmod(0o660)
    store = make_store(place, "http://127.0.0.1:1", alien, writable=False)
    found = store.fetch(wanted)
    assert found == store.caches.private.path(wanted.hash)
    assert found.stat().st_mode & 0o7777 == 0o555
    path.unlink()
    assert store.fetch(wanted) == found


@pytest.mark.usefixtures("guarded")
def test_a_foreign_object_fit_for_use_is_proven_and_used_in_place(place: Path) -> None:
    wanted = stored(CONTENT)
    alien = place / "alien"
    path = AlienCache(alien).path(wanted.hash)
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    path.chmod(0o555)
    store = make_store(place, "http://127.0.0.1:1", alien, writable=False)
    assert store.fetch(wanted) == path
    assert not store.caches.private.path(wanted.hash).exists()


def test_a_foreign_object_with_other_bytes_is_fetched(place: Path) -> None:
    with FaultyServer() as server:
        wanted = put(server, CONTENT)
        alien = place / "alien"
        path = AlienCache(alien).path(wanted.hash)
        path.parent.mkdir(parents=True)
        path.write_bytes(CONTENT.upper())
        path.chmod(0o555)
        alien.chmod(0o1777)
        store = make_store(place, server.url, alien, writable=False)
        assert store.fetch(wanted).read_bytes() == CONTENT


def test_what_somebody_else_left_in_the_private_cache_is_proven(place: Path) -> None:
    with FaultyServer() as server:
        wanted = put(server, CONTENT)
        store = make_store(place, server.url)
        path = store.caches.private.path(wanted.hash)
        path.parent.mkdir(parents=True)
        path.write_bytes(CONTENT.upper())
        path.chmod(0o600)
        assert store.fetch(wanted).read_bytes() == CONTENT
        assert path.stat().st_mode & 0o7777 == 0o555


@pytest.mark.usefixtures("guarded")
def test_a_writable_shared_cache_gets_the_object(place: Path) -> None:
    with FaultyServer() as server:
        wanted = put(server, CONTENT)
        store = make_store(place, server.url, place / "alien")
        path = store.fetch(wanted)
        assert path == place / "alien" / wanted.hash.cache_path()
        assert path.stat().st_mode & 0o7777 == 0o555


def pieces(server: FaultyServer, *parts: bytes) -> tuple[ContentHash, list[Piece]]:
    found = []
    offset = 0
    for part in parts:
        found.append(Piece(offset, put(server, part, "P")))
        offset += len(part)
    digests = b"".join(piece.stored.hash.digest for piece in found)
    return hash_bytes(Algorithm.SHA1, digests), found


PARTS = tuple(bytes([n]) * (100_000 + n) for n in range(12))


def test_chunks_become_one_file(place: Path) -> None:
    with FaultyServer() as server:
        name, found = pieces(server, *PARTS)
        store = make_store(place, server.url)
        whole = b"".join(PARTS)
        path = Assembler(store).assemble(name, len(whole), found)
        assert path.read_bytes() == whole
        assert path == store.caches.private.assembled(name)
        assert path.stat().st_mode & 0o7777 == 0o555
        Assembler(store).assemble(name, len(whole), found)
        assert all(
            server.count("/" + p.stored.hash.object_path("P")) == 1 for p in found
        )


def test_one_wrong_chunk_leaves_no_file(place: Path) -> None:
    with FaultyServer() as server:
        name, found = pieces(server, *PARTS)
        bad = "/" + found[7].stored.hash.object_path("P")
        server.script(bad, Answer(body=zlib.compress(b"hostile")))
        store = make_store(place, server.url)
        with pytest.raises(HashMismatch):
            Assembler(store).assemble(name, sum(map(len, PARTS)), found)
        left = [p for p in (place / "cache").rglob("*") if p.is_file()]
        assert left == []


def test_a_wrong_chunk_is_asked_for_again_past_all_caches(place: Path) -> None:
    with FaultyServer() as server:
        name, found = pieces(server, *PARTS)
        path = "/" + found[3].stored.hash.object_path("P")
        good = zlib.compress(PARTS[3])
        server.script(path, Answer(body=b"stale" * 100_000), Answer(body=good))
        whole = b"".join(PARTS)
        store = make_store(place, server.url)
        made = Assembler(store).assemble(name, len(whole), found)
        assert made.read_bytes() == whole


def test_chunks_with_gaps_are_refused(place: Path) -> None:
    with FaultyServer() as server:
        name, found = pieces(server, b"one", b"two")
        store = make_store(place, server.url)
        for wrong in ([], found[:1], found[1:], found[::-1], found + found[1:]):
            with pytest.raises(FormatError):
                Assembler(store).assemble(name, 6, wrong)


def test_chunks_of_a_shared_cache_are_not_fetched(place: Path) -> None:
    with FaultyServer() as server:
        name, found = pieces(server, *PARTS)
        size = sum(map(len, PARTS))
        first = make_store(place / "a", server.url, place / "alien")
        (place / "a").mkdir()
        Assembler(first).assemble(name, size, found)
        (place / "b").mkdir()
        second = make_store(place / "b", "http://127.0.0.1:1", place / "alien")
        made = Assembler(second).assemble(name, size, found)
        assert made.read_bytes() == b"".join(PARTS)


def test_raw_objects_are_hashed_as_they_are(place: Path) -> None:
    with FaultyServer() as server:
        name = hash_bytes(Algorithm.SHAKE128, CONTENT)
        server.put("/" + name.object_path(), CONTENT)
        wanted = StoredObject(name, "", Compression.NONE, len(CONTENT))
        store = make_store(place, server.url)
        assert store.fetch(wanted).read_bytes() == CONTENT


@pytest.mark.parametrize("make", [MemoryShelf, None])
def test_shelves_of_need_give_a_path_that_opens(make: object, place: Path) -> None:
    shelf: Shelf = MemoryShelf() if make else ScratchShelf(place / "o")
    parcel = shelf.receive()
    parcel.write(CONTENT)
    path = shelf.put(parcel, "ab/cdef")
    with open(path, "rb") as file:
        assert file.read() == CONTENT


def test_the_next_shelf_takes_what_a_full_one_refuses(place: Path) -> None:
    store = make_store(place, "http://127.0.0.1:1")
    told: list[str] = []
    store._notice = lambda *said: told.append(said[1])
    tried: list[str] = []

    def place_it(shelf: Shelf) -> Path:
        tried.append(shelf.label)
        if shelf.label == "private":
            raise CacheFull("no space left", "cache")
        return place

    for _ in range(2):
        assert store.put_on_shelf(store.private_shelves(), place_it) == place
    assert tried == ["private", "scratch", "scratch"]
    assert told == ["private full"]


def test_work_for_one_key_runs_once_at_a_time() -> None:
    flights: SingleFlight[int] = SingleFlight()
    begun, go = threading.Event(), threading.Event()
    runs: list[int] = []

    def work() -> int:
        runs.append(1)
        begun.set()
        go.wait(30)
        return len(runs)

    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(flights.run("key", work)))
        for _ in range(8)
    ]
    threads[0].start()
    begun.wait(30)
    for thread in threads[1:]:
        thread.start()
    assert flights.run("other", lambda: 7) == 7
    go.set()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert sum(runs) <= 8
    assert 1 in found


def test_errors_reach_everybody_and_are_not_remembered() -> None:
    flights: SingleFlight[int] = SingleFlight()
    with pytest.raises(CacheFull):
        flights.run("key", lambda: (_ for _ in ()).throw(CacheFull("full")))
    assert flights.run("key", lambda: 1) == 1


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        (b"$(A)/x", b"1/x"),
        (b"$(NONE)x", b"x"),
        (b"$(NONE:-d/e)x", b"d/ex"),
        (b"$(EMPTY:-d)x", b"x"),
        (b"$()x", b"x"),
        (b"$(A", b"$(A"),
        (b"$(A)$(A:-2))", b"11)"),
        (b"plain", b"plain"),
    ],
)
def test_variant_links_are_filled_in(target: bytes, shown: bytes) -> None:
    assert expand(target, {"A": "1", "EMPTY": ""}) == shown
