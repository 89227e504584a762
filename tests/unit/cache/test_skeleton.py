# SPDX-License-Identifier: GPL-2.0-or-later
"""The directories of a cache: the official client takes `ff` for a sign of all."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from interpose.cache import AlienCache, PrivateCache, layout
from interpose.cache.guarded import Directory, Owners, opened
from tests.support.places import need_tool

PLACES = {f"{number:02x}" for number in range(256)} | {"txn", "quarantaine"}


def names(top: Path) -> set[str]:
    return {path.name for path in top.iterdir()}


@pytest.mark.parametrize("kind", [PrivateCache, AlienCache])
def test_the_first_temporary_file_makes_every_directory(
    kind: type[PrivateCache | AlienCache], tmp_path: Path
) -> None:
    cache = kind(tmp_path / "cache")
    cache.receive().abort()
    assert names(cache.top) == PLACES
    assert os.listdir(cache.top / "txn") == []


def test_the_last_one_comes_when_all_others_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    original = layout.make_directory

    def watched(above: Directory, name: str, mode: int) -> None:
        assert not (tmp_path / "ff").exists()
        made.append(name)
        original(above, name, mode)

    monkeypatch.setattr(layout, "make_directory", watched)
    with opened(tmp_path, Owners.with_us()) as top:
        layout.make_skeleton(top, 0o700)
    assert made[-1] == "ff"
    assert set(made) == PLACES


def test_what_an_interrupted_process_began_is_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = layout.make_directory

    def broken(above: Directory, name: str, mode: int) -> None:
        if name == "80":
            raise OSError(28, "full")
        original(above, name, mode)

    with opened(tmp_path, Owners.with_us()) as top:
        with monkeypatch.context() as patch:
            patch.setattr(layout, "make_directory", broken)
            with pytest.raises(OSError, match="full"):
                layout.make_skeleton(top, 0o700)
        assert not (tmp_path / "ff").exists()
        layout.make_skeleton(top, 0o700)
    assert names(tmp_path) == PLACES


def test_directories_that_were_left_half_made_are_removed_a_day_later(
    tmp_path: Path,
) -> None:
    txn = tmp_path / "txn"
    for name in ("interpose-node-1-aa", "interpose-node-1-bb", "theirs"):
        (txn / name).mkdir(parents=True)
    (txn / "interpose-node-1-bb/kept").write_bytes(b"not ours")
    now = (txn / "theirs").stat().st_mtime
    with opened(txn, Owners.with_us()) as directory:
        layout.remove_stale(directory, now + 10, 20)
        assert len(os.listdir(txn)) == 3
        layout.remove_stale(directory, now + 30, 20)
    assert sorted(os.listdir(txn)) == ["interpose-node-1-bb", "theirs"]


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_a_directory_has_its_mode_whatever_the_umask_and_lists_take(
    tmp_path: Path, umask: int
) -> None:
    need_tool("setfacl", "acl")
    rules = ["-d", "-m", "u::rwx,g::r-x,o::---,m::r-x"]
    if subprocess.run(["setfacl", *rules, tmp_path], check=False).returncode:
        pytest.skip(f"no access lists at {tmp_path}")
    before = os.umask(umask)
    try:
        with opened(tmp_path, Owners.with_us()) as top:
            layout.make_directory(top, "made", 0o755)
            layout.make_directory(top, "made", 0o700)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o755
    assert names(tmp_path) == {"made"}
