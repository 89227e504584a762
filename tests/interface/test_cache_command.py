# SPDX-License-Identifier: GPL-2.0-or-later
"""`interpose cache` and `interpose fsck` on caches that jobs have filled."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from interpose.cache import census
from interpose.commands import main
from tests.support.places import program
from tests.support.published import Publisher, published_files
from tests.support.run import Runner
from tests.support.web import Server

FQRN = "command.example.org"
TOP = f"/cvmfs/{FQRN}"
FILES = 12
READ = f"cd {TOP}/files; sha256sum *"
DAY_S = 24 * 3600


def content(number: int) -> bytes:
    return b"content %d\n" % number * 1000


@pytest.fixture(scope="module")
def publisher() -> Iterator[Publisher]:
    files = {f"files/{number:02}": content(number) for number in range(FILES)}
    with published_files(FQRN, files) as publisher:
        yield publisher


@pytest.fixture
def job(
    run: Runner, publisher: Publisher, serve: Callable[[Path], Server]
) -> Callable[..., str]:
    """`job()` reads every file and gives its sums; `job(OPTION, ...)` with more."""
    options = publisher.options(FQRN, serve(publisher.storage).url)

    def job(*more: str | Path) -> str:
        return run("sh", "-c", READ, options=[*options, *more]).ok().text

    return job


@pytest.fixture
def cache(run: Runner, job: Callable[..., str]) -> Path:
    """A private cache that a job has filled."""
    job()
    return run.cache


def interpose(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program("interpose"), *words], check=False, capture_output=True, text=True
    )


def told(*words: str | Path, status: int = 0) -> Any:
    """What the command says as JSON."""
    done = interpose(*words)
    assert (done.returncode, done.stderr) == (status, ""), done
    return json.loads(done.stdout)


def object_of(cache: Path, number: int) -> Path:
    """Where the content of a file lies."""
    files = [cache / item.path for item in census.items(cache)]
    return next(file for file in files if file.read_bytes() == content(number))


def set_used(paths: Iterable[Path], days_ago: int = 2) -> None:
    """The first one so long ago, each other one a day later."""
    for path in paths:
        now = path.stat().st_mtime
        os.utime(path, (now - days_ago * DAY_S,) * 2)
        days_ago -= 1


def test_stats_counts_what_lies_there(cache: Path) -> None:
    (row,) = told("cache", "stats", "--json", cache)
    objects = [path for path in cache.glob("??/*") if path.is_file()]
    assert row["kinds"]["object"]["files"] == len(objects) >= FILES + 2
    sizes = sum(path.stat().st_size for path in objects)
    assert row["kinds"]["object"]["bytes"] == sizes
    indexes = list((cache / "index").iterdir())
    assert row["kinds"]["index"]["files"] == len(indexes) >= 2
    assert row["files"] == len(objects) + len(indexes)
    text = interpose("cache", "stats", cache).stdout
    assert text.startswith(f"{cache}: {row['files']} files")


def test_list_has_the_least_recently_used_first(cache: Path) -> None:
    old = object_of(cache, 5)
    set_used([old])
    rows = told("cache", "list", "--json", cache)
    assert rows[0]["path"] == str(old)
    assert rows[0]["bytes"] == len(content(5))
    assert [row["used"] for row in rows] == sorted(row["used"] for row in rows)
    first, *_ = interpose("cache", "list", cache).stdout.splitlines()
    assert first.endswith(str(old))


def test_gc_removes_what_was_not_used_for_longest(
    cache: Path, job: Callable[..., str]
) -> None:
    before = job()
    old = [object_of(cache, number) for number in range(4)]
    set_used(old, 10)
    whole = told("cache", "stats", "--json", cache)[0]["bytes"]
    limit = str(whole - len(content(0)) - 1)
    gone = old[:2]
    for more in (["--dry-run"], []):
        (row,) = told("cache", "gc", "--json", "--limit", limit, *more, cache)
        assert [one["path"] for one in row["removed"]] == list(map(str, gone))
        assert row["bytes"] <= int(limit)
        assert [path.exists() for path in gone] == [bool(more)] * 2
    assert job() == before
    assert [path.exists() for path in gone] == [True, True]


def test_gc_by_files_and_with_words(cache: Path) -> None:
    set_used([object_of(cache, number) for number in range(FILES)], 30)
    count = told("cache", "stats", "--json", cache)[0]["files"]
    done = interpose("cache", "gc", "--files", str(count - 3), cache)
    assert done.returncode == 0
    assert ": 3 files, " in done.stdout
    assert done.stdout.endswith(" stay\n")
    assert told("cache", "stats", "--json", cache)[0]["files"] == count - 3


def test_gc_leaves_a_cache_of_the_official_client_alone(cache: Path) -> None:
    (cache / "cachedb").mkdir()
    done = interpose("cache", "gc", "--limit", "1", cache)
    assert (done.returncode, done.stdout) == (125, "")
    assert "cvmfs_talk" in done.stderr


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["cache"], 2),
        (["cache", "sweep", "."], 2),
        (["cache", "gc", "."], 125),
        (["cache", "gc", "--limit", "much", "."], 2),
        (["cache", "gc", "--limit", "0", "."], 2),
        (["cache", "gc", "--files", "-1", "."], 2),
        (["cache", "gc", "--files", "0", "."], 2),
        (["cache", "gc", "--lim", "1", "."], 2),
        (["cache", "stats", "--files", "1", "."], 2),
        (["cache", "stats", "/etc"], 125),
        (["cache", "stats", "/none"], 125),
        (["fsck"], 2),
        (["fsck", "/etc"], 125),
    ],
)
def test_what_cannot_be_done_is_one_line(words: list[str], status: int) -> None:
    done = interpose(*words)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith("interpose: ")
    assert done.stderr.count("\n") == 1


def test_the_caches_of_a_user_are_found(
    cache: Path, run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = run.place / "xdg"
    (home / "interpose").mkdir(parents=True)
    os.rename(cache, home / "interpose" / FQRN)
    monkeypatch.delenv("INTERPOSE_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    (row,) = told("cache", "stats", "--json")
    assert row["cache"] == str(home / "interpose" / FQRN)
    monkeypatch.setenv("XDG_CACHE_HOME", str(run.place / "none"))
    done = interpose("cache", "stats")
    assert (done.returncode, done.stdout) == (2, "")
    os.rename(home / "interpose" / FQRN, cache)


def damage_text(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2] + b"x\n")


def damage_size(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def damage_all(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [damage_text, damage_size, damage_all])
@pytest.mark.parametrize("kind", ["object", "index"])
def test_fsck_finds_and_removes_what_is_wrong(
    cache: Path,
    job: Callable[..., str],
    damage: Callable[[Path], None],
    kind: str,
) -> None:
    assert told("fsck", "--json", cache)["bad"] == []
    bad = object_of(cache, 7)
    if kind == "index":
        bad = next(path for path in (cache / "index").iterdir() if ".v" in path.name)
        # The last bytes of one are of no section.
        damage = damage_size if damage is damage_text else damage
    before = job()
    bad.chmod(0o755)
    damage(bad)
    (row,) = told("fsck", "--json", cache, status=1)["bad"]
    assert (row["path"], row["kind"], row["removed"]) == (str(bad), kind, False)
    assert bad.exists()
    done = interpose("fsck", "--repair", cache)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[0].startswith(f"{bad}: ")
    assert not bad.exists()
    assert told("fsck", "--json", cache)["bad"] == []
    assert job() == before


def test_fsck_knows_objects_that_official_tools_stored_raw(cache: Path) -> None:
    packed = zlib.compress(content(3))
    path = object_of(cache, 3)
    path.chmod(0o644)
    path.write_bytes(packed)
    assert told("fsck", "--json", cache)["bad"] == []


def test_fsck_of_an_alien_cache(run: Runner, job: Callable[..., str]) -> None:
    alien = run.place / "alien"
    job("--alien-cache", alien, "-o", "CVMFS_QUOTA_LIMIT=-1")
    found = told("fsck", "--json", alien)
    assert found["bad"] == []
    assert found["files"] >= FILES + 2
    path = object_of(alien, 1)
    path.chmod(0o644)
    path.write_bytes(b"short")
    path.parent.chmod(0o755)
    assert interpose("fsck", alien).returncode == 1
    assert interpose("fsck", "--repair", alien).returncode == 1
    assert interpose("fsck", alien).returncode == 0


def test_fsck_follows_no_link(cache: Path, run: Runner) -> None:
    path = object_of(cache, 2)
    elsewhere = run.place / "elsewhere"
    elsewhere.write_bytes(b"not an object")
    path.unlink()
    path.symlink_to(elsewhere)
    assert told("fsck", "--json", "--repair", cache)["bad"] == []
    assert elsewhere.read_bytes() == b"not an object"


def test_fsck_removes_nothing_that_it_cannot_read(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = object_of(cache, 4)
    read = os.pread

    def refuse(descriptor: int, size: int, offset: int) -> bytes:
        if os.path.samestat(os.fstat(descriptor), path.stat()):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read(descriptor, size, offset)

    monkeypatch.setattr(os, "pread", refuse)
    assert main(["fsck", "--repair", str(cache)]) == 1
    said = capfd.readouterr()
    assert said.out.splitlines()[0] == f"{path}: input/output error"
    assert said.err.startswith("interpose: 1 files were not removed: ")
    assert path.exists()


def test_fsck_leaves_index_files_of_other_versions_alone(cache: Path) -> None:
    old = cache / "index" / f"{'0' * 40}.v1"
    old.write_bytes(b"of another version")
    assert told("fsck", "--json", "--repair", cache)["bad"] == []
    assert old.exists()


def test_words_after_two_dashes_are_no_options() -> None:
    done = interpose("ls", "--", "-l")
    assert "are required" not in done.stderr
    assert done.returncode != 0
