# SPDX-License-Identifier: GPL-2.0-or-later
"""Objects that others left: used in place, copied while they are hashed, or refused."""

from __future__ import annotations

import hashlib
import mmap
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from interpose.cache import Found, State
from interpose.formats.flags import Compression
from interpose.formats.hashes import CATALOG, Algorithm, hash_bytes
from interpose.repository.objects import StoredObject
from interpose.repository.store import Store
from tests.support.faulty_server import FaultyServer
from tests.unit.repository.test_store import CONTENT, make_store, put, stored

pytestmark = pytest.mark.usefixtures("guarded")
NOWHERE = "http://127.0.0.1:1"


def lay(store: Store, wanted: StoredObject, data: bytes, mode: int = 0o555) -> Path:
    """Put a file into the shared cache, as somebody else does."""
    alien = store.caches.alien
    assert alien is not None
    path = alien.path(wanted.hash)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    path.chmod(mode)
    return path


def counts(store: Store) -> tuple[int, int]:
    return store.statistics.objects_trusted, store.statistics.objects_copied


def private_path(store: Store, wanted: StoredObject) -> Path:
    return store.caches.private.top / wanted.private_name


def test_what_a_trusted_owner_wrote_is_used_in_place(place: Path) -> None:
    wanted = stored(CONTENT)
    store = make_store(place, NOWHERE, place / "alien")
    path = lay(store, wanted, CONTENT)
    assert store.fetch(wanted) == path
    assert counts(store) == (1, 0)
    assert not private_path(store, wanted).exists()


@pytest.mark.parametrize("mode", [0o644, 0o4555, 0o2555])
def test_what_is_not_fit_for_execution_there_is_copied_without_a_proof(
    place: Path, mode: int
) -> None:
    wanted = stored(CONTENT)
    store = make_store(place, NOWHERE, place / "alien")
    lay(store, wanted, CONTENT, mode)
    found = store.fetch(wanted)
    assert found == private_path(store, wanted)
    assert found.stat().st_mode & 0o7777 == 0o555
    assert counts(store) == (1, 0)


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o775])
def test_where_others_can_write_it_is_copied_while_it_is_hashed(
    place: Path, mode: int
) -> None:
    wanted = stored(CONTENT)
    store = make_store(place, NOWHERE, place / "alien")
    path = lay(store, wanted, CONTENT)
    (place / "alien").chmod(mode)
    found = store.fetch(wanted)
    assert found == private_path(store, wanted)
    assert counts(store) == (0, 1)
    path.chmod(0o755)
    path.write_bytes(CONTENT.upper())
    assert store.fetch(wanted).read_bytes() == CONTENT


def test_a_write_through_a_mapping_changes_no_byte_of_ours(place: Path) -> None:
    """It moves no time of the file at once."""
    wanted = stored(CONTENT)
    store = make_store(place, NOWHERE, place / "alien")
    path = lay(store, wanted, CONTENT, 0o755)
    (place / "alien").chmod(0o1777)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapping:
        path.chmod(0o555)
        assert store.fetch(wanted).read_bytes() == CONTENT
        mapping[:4] = b"EVIL"
        assert store.fetch(wanted).read_bytes() == CONTENT
        assert (
            make_store(place, NOWHERE, place / "alien").fetch(wanted).read_bytes()
            == CONTENT
        )


def test_a_catalog_is_hashed_while_it_is_copied(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever writes it right after it was read changes nothing."""
    wanted = stored(CONTENT, CATALOG)
    store = make_store(place, NOWHERE, place / "alien")
    path = lay(store, wanted, CONTENT, 0o755)
    (place / "alien").chmod(0o777)
    original = Found.blocks

    def watched(self: Found, limit_bytes: int) -> Iterator[bytes]:
        for block in original(self, limit_bytes):
            path.write_bytes(CONTENT.upper())
            yield block

    monkeypatch.setattr(Found, "blocks", watched)
    assert store.fetch(wanted).read_bytes() == CONTENT


def grow(path: Path) -> None:
    path.chmod(0o755)
    os.truncate(path, 1 << 40)


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_a_file_that_grows_while_it_is_read_costs_no_more_than_was_promised(
    place: Path, monkeypatch: pytest.MonkeyPatch, size: int | None
) -> None:
    with FaultyServer() as server:
        promised = put(server, CONTENT)
        wanted = StoredObject(promised.hash, size=size, limit=1 << 30)
        store = make_store(place, server.url, place / "alien", writable=False)
        path = lay(store, wanted, CONTENT, 0o755)
        (place / "alien").chmod(0o777)
        read: list[int] = []
        original = Found.blocks

        def watched(self: Found, limit_bytes: int) -> Iterator[bytes]:
            grow(path)
            for block in original(self, limit_bytes):
                read.append(len(block))
                yield block

        monkeypatch.setattr(Found, "blocks", watched)
        assert store.fetch(wanted).read_bytes() == CONTENT
        assert sum(read) == len(CONTENT) + 1
        assert counts(store) == (0, 0)


def test_a_disproof_is_remembered_until_the_file_changes(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultyServer() as server:
        wanted = put(server, CONTENT)
        alien = place / "alien"
        store = make_store(place, server.url, alien, writable=False)
        lay(store, wanted, CONTENT.upper())
        alien.chmod(0o1777)
        read: list[Path] = []
        original = Found.blocks

        def watched(self: Found, limit_bytes: int) -> Iterator[bytes]:
            read.append(self.path)
            return original(self, limit_bytes)

        monkeypatch.setattr(Found, "blocks", watched)
        jobs: list[Callable[[], Store]] = [
            lambda: store,
            lambda: make_store(place, server.url, alien, writable=False),
        ]
        for job in jobs:
            assert job().fetch(wanted).read_bytes() == CONTENT
            private_path(store, wanted).unlink()
        there = [path for path in read if alien in path.parents]
        assert len(there) == 1
        path = lay(store, wanted, CONTENT)
        assert path.read_bytes() == CONTENT
        last = make_store(place, NOWHERE, alien, writable=False)
        assert last.fetch(wanted).read_bytes() == CONTENT
        identity = last.caches.alien.identity(path) if last.caches.alien else None
        assert identity is not None
        assert not State(last.caches.private).is_disproven(wanted.hash, identity)


def test_raw_and_packed_objects_of_one_hash_do_not_meet(place: Path) -> None:
    """What one repository stores raw is what an object of another one packs to."""
    with FaultyServer() as server:
        packed = put(server, CONTENT)
        stream = zlib.compress(CONTENT)
        raw = StoredObject(packed.hash, "", Compression.NONE, len(stream))
        for number, order in enumerate(([raw, packed], [packed, raw])):
            here = place / str(number)
            here.mkdir()
            for store in (
                make_store(here, server.url, place / "alien"),
                make_store(here, server.url),
            ):
                for wanted in (*order, *order):
                    path = store.fetch(wanted)
                    expected = stream if wanted is raw else CONTENT
                    assert path.read_bytes() == expected


def test_a_raw_object_in_a_shared_cache_does_not_pass_for_a_packed_one(
    place: Path,
) -> None:
    """The same size, the same hash, an owner who is trusted, and other bytes."""
    texts = (b"a" * n + hashlib.sha256(b"").digest() for n in range(100))
    packed = next(text for text in texts if len(zlib.compress(text)) == len(text))
    with FaultyServer() as server:
        wanted = put(server, packed)
        store = make_store(place, server.url, place / "alien", writable=False)
        lay(store, wanted, zlib.compress(packed))
        assert store.fetch(wanted).read_bytes() == packed


def test_a_file_that_is_a_zlib_stream_itself_is_used_in_place(place: Path) -> None:
    stream = zlib.compress(CONTENT)
    wanted = stored(stream)
    store = make_store(place, NOWHERE, place / "alien", writable=False)
    path = lay(store, wanted, stream)
    assert store.fetch(wanted) == path


def test_who_trusts_a_cache_is_not_at_the_mercy_of_other_publishers(
    place: Path,
) -> None:
    with FaultyServer() as server:
        wanted = put(server, CONTENT)
        unpromised = StoredObject(wanted.hash, limit=1 << 20)
        alien = place / "alien"
        store = make_store(place, server.url, alien, writable=False, trust=True)
        lay(store, wanted, zlib.compress(CONTENT))
        assert store.fetch(unpromised).read_bytes() == CONTENT


def test_a_raw_object_takes_nobodys_place_in_a_shared_cache(place: Path) -> None:
    """Others use the packed one there, and open it by its name."""
    stream = zlib.compress(CONTENT)
    with FaultyServer() as server:
        packed = put(server, CONTENT)
        raw = StoredObject(packed.hash, "", Compression.NONE, len(stream))
        store = make_store(place, server.url, place / "alien")
        path = store.fetch(packed)
        inode = path.stat().st_ino
        assert store.fetch(raw).read_bytes() == stream
        assert path.stat().st_ino == inode
        assert path.read_bytes() == CONTENT


def test_a_raw_object_has_its_official_name_too_and_nobody_believes_it(
    place: Path,
) -> None:
    stream = zlib.compress(CONTENT)
    name = hash_bytes(Algorithm.SHA1, stream)
    with FaultyServer() as server:
        server.put("/" + name.object_path(), stream)
        raw = StoredObject(name, "", Compression.NONE, len(stream))
        store = make_store(place, server.url)
        kept = store.fetch(raw)
        official = store.caches.private.path(name)
        assert official.read_bytes() == stream
        assert official.samefile(kept)
        assert not store.caches.private.vouches_for(official)
        assert store.fetch(raw) == kept


def test_a_shared_cache_of_our_own_gets_objects_and_they_stay_there(
    place: Path,
) -> None:
    with FaultyServer() as server:
        wanted = put(server, CONTENT)
        store = make_store(place, server.url, place / "alien")
        old = os.umask(0o022)
        try:
            path = store.fetch(wanted)
        finally:
            os.umask(old)
        assert path == place / "alien" / wanted.hash.cache_path()
        assert not private_path(store, wanted).exists()


def test_a_shared_cache_of_all_gets_a_copy_and_the_job_uses_its_own(
    place: Path,
) -> None:
    with FaultyServer() as server:
        wanted = put(server, CONTENT)
        alien = place / "alien"
        alien.mkdir()
        alien.chmod(0o1777)
        store = make_store(place, server.url, alien)
        path = store.fetch(wanted)
        assert path == private_path(store, wanted)
        shared = alien / wanted.hash.cache_path()
        assert shared.read_bytes() == CONTENT
        assert not shared.samefile(path)
        assert server.count("/" + wanted.hash.object_path()) == 1


def test_what_is_in_the_way_in_a_shared_cache_costs_nothing(place: Path) -> None:
    with FaultyServer() as server:
        wanted = put(server, CONTENT)
        alien = place / "alien"
        store = make_store(place, server.url, alien)
        told: list[str] = []
        store._notice = lambda *said: told.append(said[0])
        (alien / wanted.hash.cache_path() / "full").mkdir(parents=True)
        alien.chmod(0o1777)
        assert store.fetch(wanted).read_bytes() == CONTENT
        assert len(told) <= 1
