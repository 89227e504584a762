# SPDX-License-Identifier: GPL-2.0-or-later
"""Somebody who may write a shared cache exchanges names while we work there.

The attacker acts in our own process, after the call of the system that he waits for (of
Python, or of the walk in C): so he is in time, each time.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interpose.cache import AlienCache, Receiver
from interpose.errors import CacheError
from tests.unit.cache.conftest import files_below, hash_of
from tests.unit.cache.hooked import HookedWalk

CONTENT = b"content of an object\n" * 100
NAME = hash_of(CONTENT)
OF_THE_WALK = ["walk open", "walk openat", "walk fstat"]
CALLS = ["mkdir", "open", "rename", "link", "stat", "unlink", "fchmod", "rmdir"]
CALLS += OF_THE_WALK
Deed = Callable[[Path], None]


class Victim:
    """What the user has outside of the cache, and must find as it was."""

    def __init__(self, place: Path) -> None:
        self.place = place / "victim"
        self.place.mkdir()
        self.key = self.place / "key"
        self.key.write_bytes(b"secret")
        self.key.chmod(0o600)
        # As if it had been left in a cache of his own long ago.
        self.old = self.place / "interpose-node-1-aa"
        self.old.write_bytes(b"mine")
        os.utime(self.old, (1, 1))
        self.place.chmod(0o700)

    def is_untouched(self) -> bool:
        modes = [path.stat().st_mode & 0o7777 for path in (self.place, self.key)]
        return (
            modes == [0o700, 0o600]
            and self.key.read_bytes() == b"secret"
            and sorted(os.listdir(self.place)) == ["interpose-node-1-aa", "key"]
        )


@pytest.fixture
def victim(tmp_path: Path) -> Victim:
    return Victim(tmp_path)


@pytest.fixture
def cache(tmp_path: Path) -> AlienCache:
    top = tmp_path / "shared"
    top.mkdir()
    top.chmod(0o777)
    made = AlienCache(top)
    made.durable = False  # A disk that is waited for shows nothing here.
    return made


def replace(path: Path, target: Path) -> None:
    """A link where something else was."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.symlink_to(target)


class Attack:
    """Does `deed` to the cache once, after the call number `turn` of one kind."""

    def __init__(
        self,
        patch: pytest.MonkeyPatch,
        walk: HookedWalk,
        call: str,
        turn: int,
        deed: Callable[[], None],
    ) -> None:
        self._left = turn
        self._deed = deed
        self.is_done = False
        if call in OF_THE_WALK:
            name = call.partition(" ")[2]
            walk.tell(lambda called: self._act() if called == name else None)
            return
        walk.tell(None)
        original = getattr(os, call)

        def watched(*words: Any, **more: Any) -> Any:
            try:
                return original(*words, **more)
            finally:
                self._act()

        patch.setattr(os, call, watched)

    def _act(self) -> None:
        if self.is_done:
            return
        self._left -= 1
        if self._left < 0:
            self.is_done = True
            self._deed()


def store(cache: AlienCache) -> None:
    """What a job does: it must end, with an error of ours or without one."""
    try:
        with cache.receive() as receiver:
            receiver.write(CONTENT)
            receiver.commit(NAME)
        cache.store_breadcrumb("a.example.org", b"crumb")
    except CacheError:
        pass


@pytest.mark.parametrize("of_directories", [True, False])
@pytest.mark.parametrize(
    ("call", "nameless"),
    # A walk is the same for both kinds of files.
    [(c, n) for c in CALLS for n in (True, False) if n or c not in OF_THE_WALK],
)
def test_whatever_is_exchanged_for_a_link_nothing_outside_changes(
    cache: AlienCache,
    victim: Victim,
    walk: HookedWalk,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    nameless: bool,
    of_directories: bool,
) -> None:
    """Each name of the cache in turn becomes a link to the victim's directory."""
    monkeypatch.setattr(Receiver, "nameless", nameless)
    (cache.top / "txn").mkdir()
    (cache.top / "ff").mkdir()  # Then no other directory is made.

    def deed() -> None:
        for path in cache.top.glob("*" if of_directories else "*/*"):
            replace(path, victim.place if path.is_dir() else victim.key)

    for turn in range(12 if call not in OF_THE_WALK else 120):
        with monkeypatch.context() as patch:
            attack = Attack(patch, walk, call, turn, deed)
            store(cache)
        walk.tell(None)
        assert victim.is_untouched(), f"after call {turn} of {call}"
        if not attack.is_done:
            break
        shutil.rmtree(cache.top)
        cache.top.mkdir()
        cache.top.chmod(0o777)
        for name in ("txn", "ff"):
            (cache.top / name).mkdir()


def test_a_directory_that_was_exchanged_keeps_its_mode(
    cache: AlienCache,
    victim: Victim,
    walk: HookedWalk,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is that of another directory of the same user, moved into the cache."""
    moved = cache.top / "moved"
    shutil.copytree(victim.place, moved)
    moved.chmod(0o700)
    seen: list[int] = []

    def deed() -> None:
        (fresh,) = cache.top.glob("interpose-*")
        fresh.rmdir()
        moved.rename(fresh)

    attack = Attack(monkeypatch, walk, "mkdir", 0, deed)
    store(cache)
    assert attack.is_done
    for path in cache.top.rglob("key"):
        seen.append(path.parent.stat().st_mode & 0o7777)
    assert seen == [0o700]


def test_leftovers_are_looked_for_in_the_cache_alone(
    cache: AlienCache, victim: Victim
) -> None:
    cache.receive().abort()
    replace(cache.top / "txn", victim.place)
    with pytest.raises(CacheError):
        AlienCache(cache.top).receive()
    assert victim.is_untouched()


def test_a_file_that_grows_is_read_to_its_promised_size(cache: AlienCache) -> None:
    store(cache)
    path = cache.path(NAME)
    found = cache.look(path)
    assert found is not None
    with found:
        path.chmod(0o755)
        os.truncate(path, 1 << 40)
        assert sum(map(len, found.blocks(len(CONTENT)))) == len(CONTENT) + 1


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_does_not_answer_is_not_waited_for(
    cache: AlienCache, make: Callable[[Path], None]
) -> None:
    store(cache)
    path = cache.path(NAME)
    path.unlink()
    make(path)
    assert cache.look(path) is None
    assert cache.read_small(path, 100) is None
    with cache.receive() as receiver:
        receiver.write(CONTENT)
        try:
            receiver.commit(NAME)
        except CacheError:
            assert path.is_dir()
    assert files_below(cache.top / "txn") == []
