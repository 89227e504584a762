# SPDX-License-Identifier: GPL-2.0-or-later
"""A cache that others fill, share, and perhaps spoil."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.damage import OBJECT, bad_in_cache, good_objects
from tests.support.places import Repositories, need_user
from tests.support.run import Result, Runner
from tests.support.truth import truth_tree
from tests.support.web import Server

FQRN = "sha1.example.org"
US, THEM = 1001, 1002
Configured = Callable[..., list[Any]]
Serve = Callable[[Path], Server]


def wanted() -> dict[str, str]:
    return {
        path: row["sha256"]
        for path, row in truth_tree(f"{FQRN}.jsonl").items()
        if row["type"] == "file"
    }


def read_everything(run: Runner, options: list[Any], **how: Any) -> Result:
    """All files are as they are."""
    sums = wanted()
    names = [f"/cvmfs/{FQRN}/{path}" for path in sums]
    result = run("sha256sum", "-z", *names, options=options, **how).ok()
    found = [line.split("  ")[0] for line in result.text.split("\0")[:-1]]
    assert found == list(sums.values())
    return result


def objects(alien: Path) -> list[Path]:
    """All objects of a cache."""
    names = (path for path in sorted(alien.glob("??/*")))
    return [p for p in names if OBJECT.fullmatch(f"{p.parent.name}/{p.name}")]


def as_it_is(alien: Path) -> dict[str, tuple[int, ...]]:
    """What tells whether anything in a directory was touched."""
    found = {}
    for path in [alien, *alien.rglob("*")]:
        status = path.lstat()
        found[str(path)] = (
            status.st_ino,
            status.st_mode,
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
        )
    return found


def us() -> int:
    """Another user than the one who filled the cache, where we can be several."""
    if os.geteuid() != 0:
        return os.geteuid()
    need_user(US)
    return US


def new_node(run: Runner, name: str, uid: int) -> None:
    """Separate scratch and private cache from now on."""
    home = run.place / name
    for path in (home, home / "scratch"):
        path.mkdir()
        os.chown(path, uid, -1)
    run.scratch = home / "scratch"
    run.cache = home / "cache"
    run.base = ["--cache", run.cache, "--scratch", run.scratch]


@pytest.fixture
def options(configured: Configured) -> Configured:
    """`options(server, alien)`: as an alien cache wants it."""

    def make(at: Server | None, alien: Path) -> list[Any]:
        words = configured(FQRN, at=at, CVMFS_QUOTA_LIMIT="-1")
        return [*words, "--alien-cache", alien]

    return make


@pytest.fixture
def server(repositories: Repositories, serve: Serve) -> Server:  # type: ignore[override]
    repositories.need(FQRN)
    return serve(repositories.docroot)


@pytest.fixture
def alien(run: Runner, options: Configured, server: Server) -> Path:
    """An alien cache that somebody has filled."""
    path = run.place / "alien"
    path.mkdir()
    path.chmod(0o1777)
    new_node(run, "first", os.geteuid())
    read_everything(run, options(server, path))
    assert objects(path)
    server.forget()
    return path


def test_an_alien_cache_that_is_read_only_is_used_and_not_touched(
    run: Runner, options: Configured, server: Server, alien: Path
) -> None:
    alien.chmod(0o755)
    for path in alien.rglob("*"):
        if path.is_dir():
            path.chmod(0o555)
    if os.geteuid() != 0:
        alien.chmod(0o555)
    before = as_it_is(alien)
    uid = us()
    new_node(run, "second", uid)
    words = options(server, alien)
    result = read_everything(run, words, uid=uid)
    assert result.stderr == b""
    assert [row for row in server.requests() if "/data/" in row.path] == []
    assert as_it_is(alien) == before


def test_what_a_read_only_alien_cache_lacks_goes_to_the_private_one(
    run: Runner, options: Configured, server: Server, alien: Path
) -> None:
    for path in objects(alien)[::2]:
        path.unlink()
    lacking = len(objects(alien))
    for path in [*alien.iterdir(), alien]:
        if path.is_dir():
            path.chmod(0o555)
    uid = us()
    new_node(run, "second", uid)
    words = options(server, alien)
    result = read_everything(run, words, uid=uid)
    assert result.stderr == b""
    assert len(objects(alien)) == lacking
    assert [row for row in server.requests() if "/data/" in row.path]
    server.stop()
    read_everything(run, words, uid=uid)


def test_an_alien_cache_that_does_not_exist_is_made(
    run: Runner, options: Configured
) -> None:
    alien = run.place / "new" / "alien"
    read_everything(run, options(None, alien))
    assert objects(alien)


def test_an_alien_cache_that_cannot_be_made_costs_nothing(
    run: Runner, options: Configured
) -> None:
    file = run.place / "file"
    file.write_text("")
    read_everything(run, options(None, file / "alien"))


def spoil_bytes(path: Path) -> None:
    """Other bytes of the same size and times under the right name."""
    before = path.stat()
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(bytes(255 - byte for byte in data))
    path.chmod(stat.S_IMODE(before.st_mode))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def spoil_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


def spoil_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o666)


def spoil_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def spoil_size(path: Path) -> None:
    path.chmod(0o644)
    os.truncate(path, 1 << 40)
    path.chmod(0o555)


def spoil_mode(path: Path) -> None:
    """Anybody can change it at any time."""
    path.chmod(0o777)


def spoil_reading(path: Path) -> None:
    path.chmod(0o000)


SPOILERS = [
    spoil_bytes,
    spoil_link,
    spoil_fifo,
    spoil_directory,
    spoil_size,
    spoil_mode,
    spoil_reading,
]


def spoil(alien: Path, spoiler: Callable[[Path], None]) -> None:
    """Do this to all objects, as another user where that can be."""
    for path in objects(alien):
        if path.stat().st_size == 0:
            continue
        if os.geteuid() == 0:
            os.chown(path, THEM, THEM)
        spoiler(path)


@pytest.mark.parametrize("spoiler", SPOILERS)
def test_what_somebody_planted_is_never_shown(
    run: Runner,
    options: Configured,
    repositories: Repositories,
    server: Server,
    alien: Path,
    spoiler: Callable[[Path], None],
) -> None:
    spoil(alien, spoiler)
    uid = us()
    new_node(run, "second", uid)
    words = options(server, alien)
    read_everything(run, words, uid=uid)
    read_everything(run, words, uid=uid)
    good = good_objects(repositories.need(FQRN))
    assert bad_in_cache(run.cache, good) == []


def test_without_a_server_what_somebody_planted_is_an_error(
    run: Runner, options: Configured, server: Server, alien: Path
) -> None:
    uid = us()
    new_node(run, "second", uid)
    words = options(server, alien)
    listed = run("ls", "-R", f"/cvmfs/{FQRN}", options=words, uid=uid).ok()
    assert listed.stdout
    spoil(alien, spoil_bytes)
    server.stop()
    for path in list(wanted())[:6]:
        met = run("cat", f"/cvmfs/{FQRN}/{path}", options=words, uid=uid)
        if truth_tree(f"{FQRN}.jsonl")[path]["size"] == 0:
            continue
        assert met.stdout == b"", met.explain()
        assert met.status == 1, met.explain()
        assert b"Input/output error" in met.stderr, met.explain()


@pytest.mark.parametrize("fresh_run", [True, False])
def test_an_object_that_changes_after_it_was_proved_is_proved_again(
    run: Runner, options: Configured, server: Server, alien: Path, fresh_run: bool
) -> None:
    """In the next run, and in the midst of one."""
    uid = us()
    new_node(run, "second", uid)
    path = "data/random.bin"
    words = options(server, alien)
    step = f"sha256sum < /cvmfs/{FQRN}/{path}"
    if fresh_run:
        script = step
        run("sh", "-c", script, options=words, uid=uid).ok()
        spoil(alien, spoil_bytes)
        out = run("sh", "-c", script, options=words, uid=uid).ok().text
    else:
        script = f"{step}; read x; {step}"
        job = run.start("sh", "-c", script, options=words, uid=uid)
        assert job.stdout is not None
        job.stdout.readline()
        spoil(alien, spoil_bytes)
        answer, _ = job.communicate(b"\n", timeout=60)
        out = answer.decode()
    assert out.split()[0] == wanted()[path]


def test_writers_of_one_alien_cache_at_once_leave_it_whole(
    run: Runner, options: Configured, repositories: Repositories
) -> None:
    """Twelve nodes, by two users where we can be two."""
    alien = run.place / "alien"
    alien.mkdir()
    alien.chmod(0o1777)
    uids = [os.geteuid()]
    if os.geteuid() == 0:
        for uid in (US, THEM):
            need_user(uid)
        uids = [US, THEM]
    script = f"cd /cvmfs/{FQRN} && find . -type f -exec sha256sum {{}} + | wc -l"
    jobs = []
    for number in range(12):
        uid = uids[number % len(uids)]
        new_node(run, f"node-{number}", uid)
        words = options(None, alien)
        jobs.append(run.start("sh", "-c", script, options=words, uid=uid))
    for job in jobs:
        out, err = job.communicate(timeout=180)
        assert (int(out), err, job.returncode) == (len(wanted()), b"", 0)
    assert bad_in_cache(alien, good_objects(repositories.need(FQRN))) == []
    assert list(alien.glob("txn/*")) == []
    modes = {stat.S_IMODE(path.stat().st_mode) for path in objects(alien)}
    assert modes == {0o555}


def test_leftovers_of_the_dead_are_removed_a_day_later_and_not_before(
    run: Runner, options: Configured
) -> None:
    alien = run.place / "alien"
    (alien / "txn").mkdir(parents=True)
    old, fresh, foreign = (
        alien / "txn" / n for n in ("interpose-a", "interpose-b", "x")
    )
    for path in (old, fresh, foreign):
        path.write_bytes(b"half")
    day_s = 25 * 3600
    for path in (old, foreign):
        os.utime(path, (time.time() - day_s,) * 2)
    read_everything(run, options(None, alien))
    assert sorted(p.name for p in (alien / "txn").iterdir()) == ["interpose-b", "x"]
