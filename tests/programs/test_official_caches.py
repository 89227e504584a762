# SPDX-License-Identifier: GPL-2.0-or-later
"""Our caches are such that the official client can use them (docs/official-tools.md).

The client itself is not at hand: caches that it filled are, and its rules are written
down in tests/support/official_cache.py.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.programs.test_truth_walk import KEYS, expected, walk
from tests.support.official_cache import complaints, objects
from tests.support.places import Repositories
from tests.support.run import Runner
from tests.support.truth import assert_equal_tree

FQRN = "sha1.example.org"
BREADCRUMB = f"cvmfschecksum.{FQRN}"
EMPTY_OBJECT = "e8/ec3d88b62ebf526e4e5a4ff6162a3aa48a6b78"
PRIVATE, ALIEN = 0o700, 0o770
Configured = Callable[..., list[Any]]


@pytest.fixture
def official(place: Path, shared: Path) -> Path:
    """Cache directories that the official tools left."""
    archive = shared / "repositories/caches/sha1-official-cache.tar.xz"
    target = place / "official"
    target.mkdir()
    command = ["tar", "--no-same-owner", "-p", "-C", target, "-xf", archive]
    subprocess.run(command, check=True)
    subprocess.run(["chmod", "-R", "u+rwX", target], check=True)
    return target


@pytest.fixture
def alien(place: Path) -> Path:
    """A directory for an alien cache, with the mode of the official tools."""
    path = place / "alien"
    path.mkdir()
    path.chmod(ALIEN)
    return path


def read_all(run: Runner, options: list[Any]) -> None:
    """Read each file of the tree, and find the truth."""
    found = walk(run, f"/cvmfs/{FQRN}", options)
    assert_equal_tree(expected(f"{FQRN}.jsonl"), found, KEYS)


def chunks(cache: Path, stratum: Path) -> set[str]:
    """The objects of a cache that are chunks of files."""
    return {name for name in objects(cache) if (stratum / f"data/{name}P").exists()}


def contents(cache: Path) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in objects(cache).items()}


@pytest.mark.parametrize("kind", [f"exclusive/{FQRN}", "shared/shared"])
def test_our_private_cache_holds_what_the_official_one_holds(
    run: Runner,
    configured: Configured,
    repositories: Repositories,
    official: Path,
    kind: str,
) -> None:
    read_all(run, configured(FQRN))
    theirs, ours = contents(official / kind), contents(run.cache)
    # Chunks are put together to files elsewhere: the client would fetch them.
    pieces = chunks(official / kind, repositories.need(FQRN))
    assert len(pieces) == 9
    assert ours == {name: data for name, data in theirs.items() if name not in pieces}


def test_our_alien_cache_holds_what_the_official_one_holds(
    run: Runner, configured: Configured, official: Path, alien: Path
) -> None:
    read_all(run, [*configured(FQRN, CVMFS_QUOTA_LIMIT="-1"), "--alien-cache", alien])
    assert contents(alien) == contents(official / "alien")


def test_our_alien_cache_holds_what_preloading_would_have_put_there(
    run: Runner, configured: Configured, official: Path, alien: Path
) -> None:
    read_all(run, [*configured(FQRN, CVMFS_QUOTA_LIMIT="-1"), "--alien-cache", alien])
    theirs, ours = contents(official / "preload"), contents(alien)
    # Repository information, which nobody asked for here.
    extra = {name: data for name, data in theirs.items() if name not in ours}
    assert [data[:1] for data in extra.values()] == [b"{"]
    assert {**ours, **extra} == theirs


def test_breadcrumbs_are_those_of_the_official_tools(
    run: Runner, configured: Configured, official: Path, alien: Path
) -> None:
    read_all(run, [*configured(FQRN, CVMFS_QUOTA_LIMIT="-1"), "--alien-cache", alien])
    theirs = official / "preload" / BREADCRUMB
    for ours, mode in ((run.cache, 0o600), (alien, 0o660)):
        assert (ours / BREADCRUMB).read_bytes() == theirs.read_bytes()
        assert stat.S_IMODE((ours / BREADCRUMB).stat().st_mode) == mode
    # The client before 2.12 wrote no revision, and reads a number up to the letter R.
    older = (official / "alien" / BREADCRUMB).read_bytes()
    assert theirs.read_bytes() == older + b"R1"


@pytest.mark.parametrize("command", ["walk", "ls", "true"])
def test_no_tool_would_complain_of_our_caches(
    run: Runner, configured: Configured, alien: Path, command: str
) -> None:
    options = [*configured(FQRN, CVMFS_QUOTA_LIMIT="-1"), "--alien-cache", alien]
    if command == "walk":
        read_all(run, options)
    elif command == "ls":
        run("ls", f"/cvmfs/{FQRN}", options=options).ok()
    else:
        run("/bin/true", options=[*options, "-r", FQRN]).ok()
    assert complaints(run.cache, PRIVATE) == []
    assert complaints(alien, ALIEN) == []


def test_an_alien_cache_that_is_never_to_change_lacks_nothing(
    run: Runner, configured: Configured, official: Path, alien: Path
) -> None:
    """A client that may not write there makes no directory, and needs none."""
    read_all(run, [*configured(FQRN, CVMFS_QUOTA_LIMIT="-1"), "--alien-cache", alien])
    theirs = {p.name for p in (official / "alien").iterdir() if p.is_dir()}
    assert theirs == {p.name for p in alien.iterdir()} - {BREADCRUMB}


def test_the_complaints_are_about_something(official: Path) -> None:
    """The official caches give none but for their own files; each spoiled one does."""
    for kind, mode in ((f"exclusive/{FQRN}", PRIVATE), ("alien", ALIEN)):
        cache = official / kind
        for name in os.listdir(cache):
            if not name.startswith(("cvmfschecksum.", "txn", "quarantaine")) and (
                (cache / name).is_file()
            ):
                (cache / name).unlink()
        crumb = cache / BREADCRUMB
        crumb.write_bytes(crumb.read_bytes() + b"R1")
        assert complaints(cache, mode) == []
    cache = official / "alien"
    (cache / "00").rmdir()
    (cache / "txn/fetch").write_bytes(b"")
    (cache / "cachedb").write_bytes(b"")
    (cache / "01/link").symlink_to("nowhere")
    (cache / "02" / ("0" * 38)).write_bytes(b"")
    (cache / "03").chmod(0o755)
    (cache / BREADCRUMB).write_bytes(b"T1R1\n")
    some = next(p for n, p in objects(cache).items() if n.startswith("e"))
    some.write_bytes(b"other")
    text = "\n".join(complaints(cache, ALIEN))
    for words in (
        "00 is missing",
        "txn/fetch is left",
        "cachedb is a name",
        "01/link is no regular file",
        "01/link is no name",
        "02/00000000000000000000000000000000000000 has other bytes",
        "03 has mode",
        f"{BREADCRUMB} has another form",
        f"{some.parent.name}/{some.name} has other bytes",
    ):
        assert words in text


def client_was_here(cache: Path, theirs: Path) -> None:
    """Do what the official client does to a cache that it uses as its own."""
    for name in (".cvmfscache", "lock_cachedb", f"no_nfs_maps.{FQRN}", "uuid"):
        (cache / name).write_bytes((theirs / name).read_bytes())
        (cache / name).chmod(0o600)
    for name in (f"lock.{FQRN}", f"running.{FQRN}"):
        (cache / name).write_bytes(b"")
    os.mkfifo(cache / "cachemgr", 0o600)
    database = sqlite3.connect(cache / "cachedb")
    database.execute("create table cache_catalog (sha1 text, size integer)")
    database.commit()
    database.close()
    # Evicted: every third, and what is empty. Fetched: chunks; their modes are 0600.
    for path in list(objects(cache).values())[::3]:
        path.unlink()
    (cache / EMPTY_OBJECT).unlink(missing_ok=True)
    for name, path in objects(theirs).items():
        if not (cache / name).exists() and name != EMPTY_OBJECT:
            shutil.copy(path, cache / name)
            (cache / name).chmod(0o600)
    (cache / BREADCRUMB).write_bytes((theirs / BREADCRUMB).read_bytes())
    (cache / "txn/fetchAbCdEf").write_bytes(b"half")


def test_a_cache_that_both_use_by_turns_serves_us(
    run: Runner, configured: Configured, official: Path
) -> None:
    options = configured(FQRN)
    read_all(run, options)
    theirs = official / "exclusive" / FQRN
    client_was_here(run.cache, theirs)
    before = {name: path.lstat().st_ino for name, path in objects(run.cache).items()}
    read_all(run, options)
    after = {name: path.lstat().st_ino for name, path in objects(run.cache).items()}
    assert set(before) <= set(after)
    assert (run.cache / "txn/fetchAbCdEf").read_bytes() == b"half"
    assert (run.cache / f"running.{FQRN}").exists()
    assert stat.S_ISFIFO((run.cache / "cachemgr").stat().st_mode)
