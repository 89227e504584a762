# SPDX-License-Identifier: GPL-2.0-or-later
"""Turns between nodes that miss the same object of a shared cache."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from interpose.cache import AlienCache, layout, sharedturns
from interpose.cache.sharedturns import SharedTurns
from interpose.formats.hashes import Algorithm, hash_bytes

NAME = "0123abcd"
HASH = hash_bytes(Algorithm.SHA1, b"content")
# Another node: has the turn of the cache argv[1] until its input ends, or dies.
OWNER = f"""
import os, sys
from pathlib import Path
from interpose.cache import AlienCache, sharedturns
sharedturns.TOUCHED_EVERY_S = 0.02
turns = sharedturns.SharedTurns(AlienCache(Path(sys.argv[1])))
name = sys.argv[3] if len(sys.argv) > 3 else {NAME!r}
found, mine = turns.wait(name, lambda: None)
print("mine" if mine else "nothing", flush=True)
if sys.argv[2:3] == ["die"]:
    os._exit(0)
sys.stdin.read()
mine.give_back()
"""


@pytest.fixture
def cache(tmp_path: Path) -> AlienCache:
    return AlienCache(tmp_path / "alien")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Owners die and are missed within moments."""
    monkeypatch.setattr(sharedturns, "STALE_AFTER_S", 0.5)
    monkeypatch.setattr(sharedturns, "TOUCHED_EVERY_S", 0.02)


def turn_file(cache: AlienCache) -> Path:
    return cache.top / "txn" / layout.turn_name(NAME)


def in_txn(cache: AlienCache) -> list[str]:
    return os.listdir(cache.top / "txn")


def nothing() -> None:
    """What `look` finds while nobody has got the object."""


@contextmanager
def owner(cache: AlienCache, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, cache.top, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"mine\n"
    try:
        yield process
    finally:
        process.communicate(b"")


def take(turns: SharedTurns, look: Callable[[], object] = nothing) -> None:
    """Have the turn for a moment."""
    found, mine = turns.wait(NAME, look)
    assert found is None
    assert mine is not None
    mine.give_back()


def test_a_free_turn_makes_the_cache_and_leaves_nothing_of_itself(
    cache: AlienCache,
) -> None:
    found, mine = SharedTurns(cache).wait(NAME, nothing)
    assert (found, in_txn(cache)) == (None, [turn_file(cache).name])
    assert mine is not None
    mine.give_back()
    mine.give_back()
    assert in_txn(cache) == []


def test_who_waits_gets_what_the_owner_has_put_there(cache: AlienCache) -> None:
    looks: list[int] = []

    def look() -> str | None:
        looks.append(1)
        return "it" if len(looks) == 4 else None

    with owner(cache):
        assert SharedTurns(cache).wait(NAME, look) == ("it", None)
        assert turn_file(cache).exists()
    assert in_txn(cache) == []


def test_who_gets_the_turn_looks_first(cache: AlienCache) -> None:
    found, mine = SharedTurns(cache).wait(NAME, lambda: "it")
    assert found == "it"
    assert mine is not None
    mine.give_back()


def test_the_turn_of_one_that_gave_it_back_is_free(cache: AlienCache) -> None:
    with owner(cache) as process:
        waiter = threading.Thread(target=take, args=(SharedTurns(cache),))
        waiter.start()
        process.communicate(b"")
        waiter.join()
    assert in_txn(cache) == []


@pytest.mark.parametrize("shift_s", [-3600, 3600])
def test_a_dead_one_is_taken_over_whatever_the_clocks_say(
    cache: AlienCache, monkeypatch: pytest.MonkeyPatch, shift_s: int
) -> None:
    with owner(cache, "die") as process:
        process.wait()
    now = time.time() + shift_s
    monkeypatch.setattr(time, "time", lambda: now)
    os.utime(turn_file(cache), (now, now))
    take(SharedTurns(cache))
    assert in_txn(cache) == []


def test_of_those_that_died_with_it_nobody_waits_for_another(
    cache: AlienCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = SharedTurns(cache)
    with owner(cache, "die") as process:
        process.wait()
    older = cache.top / "txn" / layout.turn_name("other")
    older.touch()
    os.utime(older, ns=(1, turn_file(cache).stat().st_mtime_ns))
    take(turns)
    monkeypatch.setattr(sharedturns, "STALE_AFTER_S", 1e9)
    _, mine = turns.wait("other", nothing)
    assert mine is not None
    mine.give_back()
    assert in_txn(cache) == []


def test_a_slow_owner_that_lives_keeps_it(
    cache: AlienCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharedturns, "PATIENCE_S", 1.5)
    turns = SharedTurns(cache)
    with owner(cache):
        inode = turn_file(cache).stat().st_ino
        assert turns.wait(NAME, nothing) == (None, None)
        assert turn_file(cache).stat().st_ino == inode
        # Patience is used up: from now on nobody is waited for.
        monkeypatch.setattr(time, "sleep", never)
        assert turns.wait(NAME, nothing) == (None, None)


def never(seconds: float) -> None:
    pytest.fail(f"slept {seconds} s")


def test_an_error_while_looking_gives_the_turn_back(cache: AlienCache) -> None:
    def look() -> None:
        raise OSError

    with pytest.raises(OSError):
        SharedTurns(cache).wait(NAME, look)
    assert in_txn(cache) == []


def test_one_that_was_taken_over_leaves_the_others_alone(cache: AlienCache) -> None:
    _, mine = SharedTurns(cache).wait(NAME, nothing)
    assert mine is not None
    os.rename(turn_file(cache), cache.top / "aside")
    turn_file(cache).touch()
    before = os.stat(cache.top / "aside").st_mtime_ns
    while os.stat(cache.top / "aside").st_mtime_ns == before:
        pass  # It is touched wherever it is.
    mine._touched_s -= 1000  # type: ignore[attr-defined] # It was not, for long.
    mine.give_back()
    assert turn_file(cache).exists()


def test_who_took_it_while_another_took_it_away_gets_it_back(
    cache: AlienCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    with owner(cache, "die") as process:
        process.wait()
    rename = os.rename
    fresh: list[int] = []

    def meanwhile(old: str, new: str, **how: int) -> None:
        if not fresh:
            turn_file(cache).unlink()
            (cache.top / "txn/new").touch()
            rename(cache.top / "txn/new", turn_file(cache))
            fresh.append(turn_file(cache).stat().st_ino)
        rename(old, new, **how)

    monkeypatch.setattr(os, "rename", meanwhile)
    looks: list[bool] = []

    def look() -> str | None:
        looks.append(bool(fresh) and turn_file(cache).stat().st_ino == fresh[0])
        return "it" if looks[-1] else None

    assert SharedTurns(cache).wait(NAME, look) == ("it", None)
    assert in_txn(cache) == [turn_file(cache).name]


@pytest.mark.parametrize("what", ["directory", "link", "not ours"])
def test_what_cannot_be_taken_away_is_waited_for_once(
    cache: AlienCache, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    take(SharedTurns(cache))
    if what == "directory":
        turn_file(cache).mkdir()
    elif what == "link":
        turn_file(cache).symlink_to("nowhere")
    else:
        turn_file(cache).touch()
        monkeypatch.setattr(os, "rename", refuse)
    turns = SharedTurns(cache)
    assert turns.wait(NAME, nothing) == (None, None)
    monkeypatch.setattr(sharedturns, "STALE_AFTER_S", 1e9)
    assert turns.wait(NAME, nothing) == (None, None)


def refuse(*_: object, **__: object) -> None:
    raise PermissionError(errno.EPERM, "sticky")


def test_where_nothing_can_be_written_nobody_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(time, "sleep", never)
    turns = SharedTurns(AlienCache(tmp_path / "file/alien"))
    assert turns.wait(NAME, nothing) == (None, None)


def test_a_turn_that_nobody_waited_for_is_swept_after_a_day(cache: AlienCache) -> None:
    with owner(cache, "die") as process:
        process.wait()
    day = 24 * 3600
    now = turn_file(cache).stat().st_mtime
    for age_s, left in ((day - 1, 1), (day + 1, 0)):
        with cache.above(turn_file(cache)) as txn:
            layout.remove_stale(txn, now + age_s, day)
        assert len(in_txn(cache)) == left


def test_of_nodes_that_begin_together_one_makes_the_directories(
    cache: AlienCache,
) -> None:
    with owner(cache, "hold", "skeleton") as process:
        other = threading.Thread(target=cache.make_parents, args=(cache.path(HASH),))
        other.start()
        assert sorted(os.listdir(cache.top)) == ["txn"]
        for name in layout.SKELETON[1:]:
            (cache.top / name).mkdir()
        inodes = {name: (cache.top / name).stat().st_ino for name in layout.SKELETON}
        other.join()
        process.communicate(b"")
    found = {name: (cache.top / name).stat().st_ino for name in os.listdir(cache.top)}
    assert found == inodes


def test_who_waits_for_the_directories_of_a_dead_one_makes_them(
    cache: AlienCache,
) -> None:
    with owner(cache, "die", "skeleton") as process:
        process.wait()
    cache.make_parents(cache.path(HASH))
    assert sorted(os.listdir(cache.top)) == sorted(layout.SKELETON)
    assert in_txn(cache) == []
