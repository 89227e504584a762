# SPDX-License-Identifier: GPL-2.0-or-later
"""Every kind of file of a warm private cache, damaged in every way."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.run import Runner

FQRN = "sha1.example.org"
SCRIPT = (
    f"cd /cvmfs/{FQRN} && find . | LC_ALL=C sort && "
    "find . -type f -perm -4 -size -300k ! -path './private*' | LC_ALL=C sort "
    "| xargs cat | cksum"
)
Configured = Callable[..., list[Any]]
KINDS = {
    "object": "[0-9a-f][0-9a-f]/*",
    "assembled": "interpose/assembled/*/*",
    "index": "index/*.v*",
    "facts": "index/*.facts",
    "trust": "interpose/*/trust",
    "keys": "interpose/*/keys",
    "revision": "interpose/*/revisions/*",
    "mount file": "kept/*/*",
    "breadcrumb": "cvmfschecksum.*",
}


def emptied(path: Path) -> None:
    path.chmod(0o755)
    os.truncate(path, 0)


def cut(path: Path) -> None:
    path.chmod(0o755)
    os.truncate(path, path.stat().st_size // 2)


def zeroed(path: Path) -> None:
    path.chmod(0o755)
    path.write_bytes(bytes(path.stat().st_size))


def sparse(path: Path) -> None:
    size = path.stat().st_size
    emptied(path)
    os.truncate(path, size)


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "something").touch()


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def unreadable(path: Path) -> None:
    path.chmod(0)


def future(path: Path) -> None:
    later = time.time() + 10 * 86400
    os.utime(path, (later, later))


WAYS = (emptied, cut, zeroed, sparse, directory, fifo, unreadable, Path.unlink, future)
# With the old mode and time a later change is still one of ours, but for objects.
KEEP_MODE = (emptied, cut, zeroed, sparse)


def harm(cache: Path, kind: str, way: Callable[[Path], None]) -> int:
    """Damage all files of a kind; how many there were."""
    files = [path for path in cache.glob(KINDS[kind]) if path.is_file()]
    for path in files:
        mode = path.stat().st_mode & 0o7777
        way(path)
        if way in KEEP_MODE:
            path.chmod(mode)
    return len(files)


def check(run: Runner, options: list[Any], kind: str) -> None:
    """One cache, harmed in each way in turn; each time the job sees the same."""
    right = run("sh", "-c", SCRIPT, options=options).ok().stdout
    harmed = 0
    for way in WAYS:
        # The resolver is to look at what the last damage has left.
        shutil.rmtree(run.cache / "kept")
        run("sh", "-c", SCRIPT, options=options).ok()
        harmed += harm(run.cache, kind, way)
        if kind != "mount file":
            shutil.rmtree(run.cache / "kept")
        found = run("sh", "-c", SCRIPT, options=options)
        assert found.ok().stdout == right, f"{way.__name__}: {found.explain()}"
        assert found.errors == [], way.__name__
        again = run("sh", "-c", SCRIPT, options=options).ok()
        assert again.stdout == right, way.__name__
    assert harmed >= len(WAYS)


@pytest.mark.parametrize("kind", ["trust", "mount file"])
def test_a_damaged_file_is_made_anew(
    run: Runner, configured: Configured, kind: str
) -> None:
    check(run, configured(FQRN), kind)


@pytest.mark.long
@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"trust", "mount file"}))
def test_each_kind_of_damage_is_mended(
    run: Runner, configured: Configured, kind: str
) -> None:
    check(run, configured(FQRN), kind)


@pytest.mark.parametrize("way", [emptied, zeroed, directory, fifo])
def test_without_a_server_all_but_objects_is_mended(
    run: Runner, configured: Configured, way: Callable[[Path], None]
) -> None:
    """What was fetched is still there: nothing else is needed."""
    options = configured(FQRN)
    right = run("sh", "-c", SCRIPT, options=options).ok().stdout
    for kind in ("index", "facts", "mount file", "breadcrumb", "revision"):
        assert harm(run.cache, kind, way) > 0, kind
    found = run("sh", "-c", SCRIPT, options=[*options, "--offline"])
    assert found.ok().stdout == right


def test_a_cache_that_goes_away_beneath_a_job_is_made_anew(
    run: Runner, configured: Configured
) -> None:
    options = configured(FQRN)
    right = run("sh", "-c", SCRIPT, options=options).ok().stdout
    twice = f"{SCRIPT}; read line; {SCRIPT}"
    front = run.start("sh", "-c", twice, options=options)
    assert front.stdout
    first = b"".join(front.stdout.readline() for _ in right.splitlines())
    shutil.rmtree(run.cache)
    out, err = front.communicate(b"\n", timeout=60)
    assert (first, out, err) == (right, right, b"")
    run.nothing_left()


def test_empty_files_need_no_object(run: Runner, configured: Configured) -> None:
    """The official client removes the one empty object when it counts a cache."""
    options = configured(FQRN)
    right = run("sh", "-c", SCRIPT, options=options).ok().stdout
    gone = [p for p in run.cache.glob(KINDS["object"]) if p.stat().st_size == 0]
    assert gone
    for path in gone:
        path.unlink()
    found = run("sh", "-c", SCRIPT, options=[*options, "--offline"])
    assert found.ok().stdout == right
    assert found.errors == []
