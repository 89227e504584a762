# SPDX-License-Identifier: GPL-2.0-or-later
"""Turns between processes that miss the same object."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from interpose import owned
from interpose.cache import AlienCache, PrivateCache, Turns, inventory, layout, turns
from interpose.formats.hashes import Algorithm, hash_bytes

NAME = hash_bytes(Algorithm.SHA1, b"content").text
# Takes the turn in the cache argv[1], of the kind argv[2], says so and stays, or dies
# where argv[3] says so.
OWNER = """
import os, sys
from pathlib import Path
from interpose import owned
if sys.argv[2] == "file":
    owned.is_of_this_node = lambda descriptor: False
from interpose.cache import PrivateCache, Turns
from interpose.formats.hashes import Algorithm, hash_bytes
name = hash_bytes(Algorithm.SHA1, b"content").text
with Turns(PrivateCache(Path(sys.argv[1]))).turn(name, lambda: None):
    print("mine", flush=True)
    if sys.argv[3:] == ["die"]:
        os._exit(0)
    sys.stdin.read()
"""


def never_of_this_node(descriptor: int) -> bool:
    return descriptor < 0


@pytest.fixture
def cache(tmp_path: Path) -> PrivateCache:
    made = PrivateCache(tmp_path / "cache")
    made.receive().abort()
    return made


@pytest.fixture(params=["byte", "file"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A cache on a file system of this node, or on that of a server."""
    if request.param == "file":
        monkeypatch.setattr(owned, "is_of_this_node", never_of_this_node)
    return str(request.param)


@pytest.fixture
def of_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owned, "is_of_this_node", never_of_this_node)


def turn_files(cache: PrivateCache) -> list[Path]:
    return list((cache.top / "txn").iterdir())


def owner(cache: PrivateCache, kind: str, *words: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, cache.top, kind, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"mine\n"
    return process


def test_a_free_turn_is_the_callers_and_leaves_nothing(
    cache: PrivateCache, kind: str
) -> None:
    with Turns(cache).turn(NAME, lambda: None) as found:
        assert found is None
        assert len(turn_files(cache)) == (kind == "file")
    assert turn_files(cache) == []


def test_turns_of_other_objects_are_free(cache: PrivateCache, kind: str) -> None:
    other = hash_bytes(Algorithm.SHA1, b"other").text
    looks = []
    with owner(cache, kind) as process:
        with Turns(cache).turn(other, lambda: looks.append(1)):
            assert len(looks) == 1
        with Turns(cache).turn(f"{NAME}-raw", lambda: looks.append(1)):
            assert len(looks) == 2
        process.communicate(b"")


def test_who_waits_gets_what_the_owner_has_put_there(
    cache: PrivateCache, kind: str
) -> None:
    with owner(cache, kind) as process:
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
        assert len(turn_files(cache)) == (kind == "file")
        process.communicate(b"")
    assert turn_files(cache) == []


def never(seconds: float) -> None:
    pytest.fail(f"slept {seconds} s")


def test_the_turn_of_a_dead_process_is_free(
    cache: PrivateCache, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with owner(cache, kind, "die") as process:
        process.wait(10)
    assert len(turn_files(cache)) == (kind == "file")
    monkeypatch.setattr(time, "sleep", never)
    with Turns(cache).turn(NAME, lambda: None) as found:
        assert found is None
        for mine in turn_files(cache):
            assert mine.read_bytes().split()[2] == str(os.getpid()).encode()
    assert turn_files(cache) == []


@pytest.mark.usefixtures("of_server")
def test_an_old_turn_of_nobody_known_is_free(cache: PrivateCache) -> None:
    with Turns(cache).turn(NAME, lambda: None):
        (path,) = turn_files(cache)
    path.write_bytes(b"another-boot pid:[1] 1 1")
    os.utime(path, (1, 1))
    with Turns(cache).turn(NAME, lambda: None):
        assert path.read_bytes().split()[2] == str(os.getpid()).encode()


def test_patience_with_a_living_owner_has_an_end(
    cache: PrivateCache, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "PATIENCE_S", 0.02)
    with owner(cache, kind) as process:
        with Turns(cache).turn(NAME, lambda: None) as found:
            assert found is None
        process.communicate(b"")


@pytest.mark.usefixtures("of_server")
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


def test_an_error_while_looking_gives_the_turn_back(
    cache: PrivateCache, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look() -> None:
        raise OSError

    with pytest.raises(OSError), Turns(cache).turn(NAME, look):
        pass
    assert turn_files(cache) == []
    monkeypatch.setattr(time, "sleep", never)
    with owner(cache, kind) as process:
        process.communicate(b"")


def test_where_the_kernel_has_no_such_locks_files_are_made(
    cache: PrivateCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, command: int, argument: bytes) -> bytes:
        raise OSError(errno.EINVAL, f"{descriptor} {command} {argument!r}")

    monkeypatch.setattr(fcntl, "fcntl", refuse)
    with Turns(cache).turn(NAME, lambda: None) as found:
        assert found is None
        assert len(turn_files(cache)) == 1


def test_the_umask_takes_nothing_from_what_a_turn_makes(tmp_path: Path) -> None:
    cache = PrivateCache(tmp_path / "cache")
    cache.top.mkdir(mode=0o700)
    before = os.umask(0o377)
    try:
        with Turns(cache).turn(NAME, lambda: None, is_first=True):
            assert (
                stat.S_IMODE((cache.top / inventory.TURNS.path).stat().st_mode) == 0o600
            )
            assert stat.S_IMODE((cache.top / layout.OWN).stat().st_mode) == 0o700
    finally:
        os.umask(before)


def test_a_cache_that_was_made_for_a_turn_goes_with_it(
    tmp_path: Path, kind: str
) -> None:
    cache = PrivateCache(tmp_path / "cache")
    with Turns(cache).turn(NAME, lambda: None, is_first=True):
        assert len(turn_files(cache)) == (kind == "file")
        assert inventory.TURNS.below(cache.top).exists() == (kind == "byte")
    assert list(tmp_path.iterdir()) == []


def test_where_a_shared_cache_has_no_turns_somebody_has_looked(
    cache: PrivateCache, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    shared = AlienCache(tmp_path / "file/alien")
    with Turns(cache, shared).turn(NAME, lambda: "it") as found:
        assert found == "it"
