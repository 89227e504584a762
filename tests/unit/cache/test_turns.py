# SPDX-License-Identifier: GPL-2.0-or-later
"""Turns between processes that miss the same object."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from interpose.cache import PrivateCache, Turns, turns
from interpose.formats.hashes import Algorithm, hash_bytes

NAME = hash_bytes(Algorithm.SHA1, b"content")
# Takes the turn in the cache argv[1], says so and stays, or dies where argv[2] says so.
OWNER = """
import os, sys
from pathlib import Path
from interpose.cache import PrivateCache, Turns
from interpose.formats.hashes import Algorithm, hash_bytes
name = hash_bytes(Algorithm.SHA1, b"content")
with Turns(PrivateCache(Path(sys.argv[1]))).turn(name, lambda: None):
    print("mine", flush=True)
    if sys.argv[2:] == ["die"]:
        os._exit(0)
    sys.stdin.read()
"""


@pytest.fixture
def cache(tmp_path: Path) -> PrivateCache:
    made = PrivateCache(tmp_path / "cache")
    made.receive().abort()
    return made


def turn_files(cache: PrivateCache) -> list[Path]:
    return list((cache.top / "txn").iterdir())


def owner(cache: PrivateCache, *words: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, cache.top, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"mine\n"
    return process


def test_a_free_turn_is_the_callers_and_leaves_nothing(cache: PrivateCache) -> None:
    with Turns(cache).turn(NAME, lambda: None) as found:
        assert found is None
        assert len(turn_files(cache)) == 1
    assert turn_files(cache) == []


def test_who_waits_gets_what_the_owner_has_put_there(cache: PrivateCache) -> None:
    with owner(cache) as process:
        there, looked = threading.Event(), threading.Event()

        def look() -> str | None:
            looked.set()
            return "it" if there.is_set() else None

        found: list[str | None] = []

        def wait() -> None:
            with Turns(cache).turn(NAME, look) as got:
                found.append(got)

        waiter = threading.Thread(target=wait)
        waiter.start()
        assert looked.wait(10)
        assert found == []
        there.set()
        waiter.join(10)
        assert found == ["it"]
        assert len(turn_files(cache)) == 1
        process.communicate(b"")
    assert turn_files(cache) == []


def never(seconds: float) -> None:
    pytest.fail(f"slept {seconds} s")


def test_the_turn_of_a_dead_process_is_free(
    cache: PrivateCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    with owner(cache, "die") as process:
        process.wait(10)
    assert len(turn_files(cache)) == 1
    monkeypatch.setattr(time, "sleep", never)
    with Turns(cache).turn(NAME, lambda: None) as found:
        assert found is None
        (mine,) = turn_files(cache)
        assert mine.read_bytes().split()[2] == str(os.getpid()).encode()
    assert turn_files(cache) == []


def test_an_old_turn_of_nobody_known_is_free(cache: PrivateCache) -> None:
    with Turns(cache).turn(NAME, lambda: None):
        (path,) = turn_files(cache)
    path.write_bytes(b"another-boot pid:[1] 1 1")
    os.utime(path, (1, 1))
    with Turns(cache).turn(NAME, lambda: None):
        assert path.read_bytes().split()[2] == str(os.getpid()).encode()


@pytest.mark.parametrize("text", [b"", b"another-boot pid:[1] 1 1", b"x" * 999])
def test_patience_has_an_end(
    cache: PrivateCache, monkeypatch: pytest.MonkeyPatch, text: bytes
) -> None:
    monkeypatch.setattr(turns, "PATIENCE_S", 0.02)
    with Turns(cache).turn(NAME, lambda: None):
        (path,) = turn_files(cache)
    path.write_bytes(text)
    with Turns(cache).turn(NAME, lambda: None) as found:
        assert found is None
        assert path.read_bytes() == text
    assert path.read_bytes() == text


def test_where_no_turn_can_be_made_nobody_waits(tmp_path: Path) -> None:
    with Turns(PrivateCache(tmp_path / "none")).turn(NAME, lambda: None) as found:
        assert found is None
    assert list(tmp_path.iterdir()) == []


def test_an_error_while_looking_gives_the_turn_back(cache: PrivateCache) -> None:
    def look() -> None:
        raise OSError

    with pytest.raises(OSError), Turns(cache).turn(NAME, look):
        pass
    assert turn_files(cache) == []
