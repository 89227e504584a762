# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import pytest

from interpose.cache import Learned, PrivateCache


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(tmp_path: Path) -> PrivateCache:
    made = PrivateCache(tmp_path / "cache")
    made.store_small(made.top / "interpose" / "x", b"")
    return made


def record(cache: PrivateCache) -> Path:
    (found,) = (cache.top / "interpose" / "learned").iterdir()
    return found


def test_next_job_knows_for_a_time(cache: PrivateCache, clock: Clock) -> None:
    Learned(cache, clock).note("proxy http://a", "x")
    later = Learned(cache, clock)
    assert later.recall("proxy http://a", 60) == "x"
    clock.now += 61
    assert later.recall("proxy http://a", 60) is None
    clock.now -= 100
    assert later.recall("proxy http://a", 1e9) is None


def test_jobs_that_run_at_once_learn_from_each_other(
    cache: PrivateCache, clock: Clock
) -> None:
    one, other = Learned(cache, clock), Learned(cache, clock)
    assert other.recall("a", 60) is None
    one.note("a", "1")
    other.note("b", "2")
    assert (one.recall("b", 60), other.recall("a", 60)) == ("2", "1")
    one.forget("b")
    assert other.recall("a", 60) == "1"
    assert Learned(cache, clock).recall("b", 60) is None


def test_nothing_is_made_before_there_is_a_cache(tmp_path: Path, clock: Clock) -> None:
    cache = PrivateCache(tmp_path / "cache")
    learned = Learned(cache, clock)
    learned.note("a", "1")
    assert learned.recall("a", 60) == "1"
    assert not cache.top.exists()
    cache.store_small(cache.top / "interpose" / "x", b"")
    learned.recall("a", 60)
    assert Learned(cache, clock).recall("a", 60) == "1"


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_record_that_others_may_write_is_not_believed(
    mode: int, cache: PrivateCache, clock: Clock
) -> None:
    Learned(cache, clock).note("a", "1")
    record(cache).chmod(mode)
    assert Learned(cache, clock).recall("a", 60) is None


def test_record_below_a_directory_of_others_is_not_believed(
    cache: PrivateCache, clock: Clock
) -> None:
    Learned(cache, clock).note("a", "1")
    record(cache).parent.chmod(0o777)
    assert Learned(cache, clock).recall("a", 60) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_record_of_somebody_else_is_not_believed(
    cache: PrivateCache, clock: Clock
) -> None:
    Learned(cache, clock).note("a", "1")
    os.chown(record(cache), 4001, 4001)
    assert Learned(cache, clock).recall("a", 60) is None


def test_link_is_not_followed(
    cache: PrivateCache, clock: Clock, tmp_path: Path
) -> None:
    Learned(cache, clock).note("a", "1")
    path = record(cache)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert Learned(cache, clock).recall("a", 60) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b'{"version": 2, "noted": {"a": [1000, "1"]}}',
        b'{"version": 1, "noted": []}',
        b'{"version": 1, "noted": {"a": 7}}',
        b'{"version": 1, "noted": {"a": ["x", "1"]}}',
        b'{"version": 1, "noted": {"a": [NaN, "1"]}}',
        b"[" * 100_000,
        b" " * 1_000_000,
    ],
    ids=len,
)
def test_odd_record_is_none_and_is_written_anew(
    data: bytes, cache: PrivateCache, clock: Clock
) -> None:
    Learned(cache, clock).note("a", "1")
    record(cache).write_bytes(data)
    learned = Learned(cache, clock)
    assert learned.recall("a", 60) is None
    learned.note("b", "2")
    assert Learned(cache, clock).recall("b", 60) == "2"


def test_old_names_are_dropped(cache: PrivateCache, clock: Clock) -> None:
    learned = Learned(cache, clock)
    learned.note("old", "1")
    clock.now += 2 * 86400
    for n in range(600):
        learned.note(f"name {n}", "x")
    text = record(cache).read_text()
    assert '"old"' not in text
    assert text.count("name") == 500
