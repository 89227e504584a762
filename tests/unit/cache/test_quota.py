# SPDX-License-Identifier: GPL-2.0-or-later
"""A private cache stays below its quota: what was not used for longest goes first."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpose.cache import PrivateCache, Room, census, eviction, inventory, quota
from interpose.cache.census import Item, Name
from interpose.cache.layout import RAW_MODE
from interpose.formats.hashes import Algorithm, ContentHash, hash_bytes

NOW = 1_800_000_000.0
SIZE = 1000


def name_of(number: int) -> ContentHash:
    return hash_bytes(Algorithm.SHA1, b"%d" % number)


def store(
    cache: PrivateCache, number: int, used_s: float = NOW, size: int = SIZE
) -> Path:
    """An object that was used last at this time."""
    receiver = cache.receive()
    receiver.write(bytes(size))
    path = receiver.commit(name_of(number))
    os.utime(path, (used_s, used_s))
    return path


def settled(cache: PrivateCache) -> None:
    """Wait for the thread that makes room."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and thread.daemon:
            thread.join()


def objects(cache: PrivateCache) -> set[int]:
    return {number for number in range(100) if cache.path(name_of(number)).exists()}


def limited(top: Path, limit: Room) -> PrivateCache:
    return PrivateCache(top / "cache", limit=limit)


def test_above_the_limit_the_oldest_go_down_to_three_quarters(tmp_path: Path) -> None:
    cache = limited(tmp_path, Room(20 * SIZE))
    for number in range(21):
        store(cache, number, NOW - 1000 * (21 - number))
        settled(cache)
    assert objects(cache) == set(range(6, 21))
    found = cache.quota.usage()
    assert found is not None
    assert found.room == Room(15 * SIZE, 15)


def test_files_are_limited_too(tmp_path: Path) -> None:
    cache = limited(tmp_path, Room(files=8))
    for number in range(9):
        store(cache, number, NOW - 1000 * (9 - number))
        settled(cache)
    assert objects(cache) == {3, 4, 5, 6, 7, 8}


def test_what_was_used_a_moment_ago_stays(tmp_path: Path) -> None:
    cache = limited(tmp_path, Room(2 * SIZE))
    for number in range(10):
        store(cache, number, NOW - number)
        settled(cache)
    assert objects(cache) == set(range(10))


def test_without_a_limit_nothing_is_counted(tmp_path: Path) -> None:
    cache = PrivateCache(tmp_path / "cache")
    for number in range(10):
        store(cache, number, NOW - 1000 * number)
    cache.quota.leave()
    assert objects(cache) == set(range(10))
    assert not inventory.USAGE.below(cache.top).exists()


def test_what_others_stored_counts_as_well(tmp_path: Path) -> None:
    for number in range(30):
        cache = limited(tmp_path, Room(20 * SIZE))
        store(cache, number, NOW - 1000 * (30 - number))
        settled(cache)
        cache.quota.leave()
    assert max(objects(cache)) == 29
    assert 15 <= len(objects(cache)) <= 21


def test_a_cache_of_the_official_client_is_left_alone(tmp_path: Path) -> None:
    cache = limited(tmp_path, Room(2 * SIZE))
    store(cache, 50)
    (cache.top / "cachedb").mkdir()
    for number in range(10):
        store(cache, number, NOW - 1000 * number)
        settled(cache)
    assert objects(cache) == {*range(10), 50}


def test_a_process_that_ends_writes_down_and_takes_nothing_away(tmp_path: Path) -> None:
    first = limited(tmp_path, Room(100 * SIZE))
    store(first, 0)
    settled(first)
    cache = limited(tmp_path, Room(5 * SIZE))
    cache.quota._has_looked = True
    for number in range(10):
        cache.quota.added(SIZE)
        store(PrivateCache(cache.top), number, NOW - 1000 * number)
        settled(cache)
        if len(objects(cache)) == 4:
            break
    cache.quota.leave()
    found = cache.quota.usage()
    assert found is not None
    assert found.room.files >= 4


@pytest.mark.parametrize(
    "data", [b"", b"1 2", b"a b c", b"1 2 3", b"-1 2 3", b"1 2 3 4", b"\xff" * 200]
)
def test_a_record_that_is_none_is_counted_anew(tmp_path: Path, data: bytes) -> None:
    cache = limited(tmp_path, Room(20 * SIZE))
    store(cache, 0)
    settled(cache)
    cache.store_small(inventory.USAGE.below(cache.top), data)
    assert cache.quota.usage() is None
    again = limited(tmp_path, Room(20 * SIZE))
    store(again, 1)
    settled(again)
    found = again.quota.usage()
    assert found is not None
    assert found.room == Room(2 * SIZE, 2)


def test_a_record_counts_for_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = limited(tmp_path, Room(20 * SIZE))
    store(cache, 0)
    settled(cache)
    assert cache.quota.usage() is not None
    later = time.time() + 25 * 3600
    monkeypatch.setattr(quota.time, "time", lambda: later)
    assert cache.quota.usage() is None


def test_a_raw_object_has_two_names_and_counts_once(tmp_path: Path) -> None:
    cache = PrivateCache(tmp_path / "cache")
    receiver = cache.receive()
    receiver.write(bytes(SIZE))
    path = receiver.commit_as(cache.raw(name_of(1)), mode=RAW_MODE)
    cache.show_raw(path)
    (item,) = census.items(cache.top)
    assert (item.kind, item.size_bytes, len(item.names)) == (census.RAW, SIZE, 2)
    assert eviction.remove(cache.top, [item]) == [item]
    assert census.items(cache.top) == []


def test_state_is_no_item_and_links_lead_nowhere(tmp_path: Path) -> None:
    cache = PrivateCache(tmp_path / "cache")
    path = store(cache, 1)
    cache.store_breadcrumb("a.example.org", b"x")
    cache.store_small(cache.top / "interpose/a.example.org/trust", b"{}")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / path.name).write_bytes(b"not ours")
    os.rename(path.parent, tmp_path / "aside")
    path.parent.symlink_to(elsewhere)
    assert census.items(cache.top) == []
    os.unlink(path.parent)
    os.rename(tmp_path / "aside", path.parent)
    (item,) = census.items(cache.top)
    os.rename(path.parent, tmp_path / "aside")
    path.parent.symlink_to(elsewhere)
    assert eviction.remove(cache.top, [item]) == []
    assert (elsewhere / path.name).exists()


def test_what_was_exchanged_meanwhile_stays(tmp_path: Path) -> None:
    cache = PrivateCache(tmp_path / "cache")
    path = store(cache, 1)
    (item,) = census.items(cache.top)
    path.rename(tmp_path / "aside")
    path.write_bytes(b"another")
    assert eviction.remove(cache.top, [item]) == []
    assert path.read_bytes() == b"another"


def made_up(number: int, size: int, used_s: float) -> Item:
    return Item((Name("00", f"{number}"),), census.OBJECT, size, used_s, 0, (1, number))


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.floats(0, 10**6)), max_size=40),
    st.integers(0, 10**7),
    st.integers(0, 40),
)
def test_what_is_chosen_is_the_oldest_and_no_more_than_needed(
    rows: list[tuple[int, float]], size_bytes: int, files: int
) -> None:
    items = [made_up(number, *row) for number, row in enumerate(rows)]
    limit = Room(size_bytes, files)
    gone = eviction.chosen(items, limit)
    stay = [item for item in items if item not in gone]
    assert all(one.used_s <= other.used_s for one in gone for other in stay)
    newest = max((item.used_s for item in items), default=0.0)
    assert all(newest - item.used_s >= eviction.SPARED_S for item in gone)
    if gone:
        one_less = Room.of(items).minus(gone[:-1])
        assert not one_less.is_within(limit)
    room = Room.of(items).minus(gone)
    if not room.is_within(limit):
        assert all(newest - item.used_s < eviction.SPARED_S for item in stay)
