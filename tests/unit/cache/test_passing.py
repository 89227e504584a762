# SPDX-License-Identifier: GPL-2.0-or-later
"""Names and directories that pass away while a file is published."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from interpose.cache import AlienCache, CacheDirectory, PrivateCache
from interpose.cache.state import State
from tests.unit.cache.conftest import files_below, hash_of

CONTENT = b"content of an object"
NAME = hash_of(CONTENT)


@pytest.fixture(params=["private", "alien"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> CacheDirectory:
    if request.param == "private":
        return PrivateCache(tmp_path / "cache")
    return AlienCache(tmp_path / "cache")


def test_rename_that_fails_once_is_done_again(
    cache: CacheDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = os.rename
    failures = [errno.ESTALE, errno.ENOENT]

    def fail(*names: str, **where: int) -> None:
        if failures:
            raise OSError(failures.pop(), "it will be there next time")
        rename(*names, **where)

    receiver = cache.receive()
    receiver.write(CONTENT)
    cache.make_parents(cache.path(NAME))
    monkeypatch.setattr("os.rename", fail)
    path = receiver.commit_as(cache.path(NAME), replace=True)
    assert not failures
    assert path.read_bytes() == CONTENT
    assert len(files_below(cache.top)) == 1


def test_file_that_others_remove_at_once_was_published(
    cache: CacheDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = os.rename

    def lose(old: str, new: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        rename(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        os.unlink(new, dir_fd=dst_dir_fd)

    monkeypatch.setattr("os.rename", lose)
    receiver = cache.receive()
    receiver.write(CONTENT)
    receiver.commit_as(cache.path(NAME), replace=True)
    assert files_below(cache.top) == []


def test_txn_that_vanishes_while_it_is_open_is_made_again(
    cache: CacheDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.receive().abort()
    real_open = os.open
    removed = []

    def open_late(path: str, flags: int, *mode: int, **where: int) -> int:
        # Somebody made the same directory, and took ours away with it.
        if flags & os.O_TMPFILE == os.O_TMPFILE and not removed:
            (cache.top / "txn").rmdir()
            removed.append(path)
        return real_open(path, flags, *mode, **where)

    monkeypatch.setattr("os.open", open_late)
    receiver = cache.receive()
    assert removed
    receiver.write(CONTENT)
    assert receiver.commit(NAME).read_bytes() == CONTENT


@pytest.mark.parametrize("attempt", range(10))
def test_directories_that_many_make_at_once_stay(attempt: int, tmp_path: Path) -> None:
    del attempt
    failures: list[BaseException] = []

    def remember(revision: int) -> None:
        try:
            known.remember_revision(revision)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    known = State(PrivateCache(tmp_path / "cache")).repository("a.example.org")
    threads = [threading.Thread(target=remember, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert known.highest_revision() == 19
