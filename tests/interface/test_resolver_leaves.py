# SPDX-License-Identifier: GPL-2.0-or-later
"""A resolver that nobody asks ends, and the one after it goes on where it was."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.published import Publisher
from tests.support.run import Runner
from tests.support.web import Server

FQRN = "idle.example.org"
WAIT_S = 60.0
REVISION = f'import os; print(os.getxattr("/cvmfs/{FQRN}", "user.revision").decode())'
Serve = Callable[[Path], Server]


class Job:
    """A shell that does what it is told, line by line, under interpose_run."""

    def __init__(self, run: Runner, options: list[Any], **how: Any) -> None:
        self._process = run.start("/bin/sh", options=options, **how)

    def do(self, line: str) -> str:
        """The output of one line, which makes one line."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()
        ready = select.select([self._process.stdout], [], [], WAIT_S)[0]
        assert ready, "no answer"
        return os.fsdecode(self._process.stdout.readline()).rstrip("\n")

    def resolvers(self) -> list[int]:
        """Processes of our second half."""
        found = []
        for child in psutil.Process(self._process.pid).children(recursive=True):
            try:
                if "interpose.resolver" in child.cmdline():
                    found.append(child.pid)
            except psutil.Error:
                continue
        return found

    def wait_until_nobody_resolves(self) -> None:
        """Fails if the resolver stays."""
        deadline = time.monotonic() + WAIT_S
        while self.resolvers():
            assert time.monotonic() < deadline, "the resolver stays"
            select.select([], [], [], 0.05)

    def end(self) -> str:
        """End the job; what it said on standard error."""
        _, stderr = self._process.communicate(b"exit 0\n", timeout=WAIT_S)
        assert self._process.returncode == 0, stderr
        return os.fsdecode(stderr)


@pytest.fixture
def publisher(place: Path, serve: Serve) -> Publisher:
    made = Publisher(place)
    _publish(made, place, "first")
    return made


def _publish(publisher: Publisher, place: Path, word: str) -> None:
    tree = place / "tree"
    tree.mkdir(exist_ok=True)
    for name in ("a", "b", "c"):
        (tree / name).write_text(f"{name} {word}\n")
    publisher.publish(tree, FQRN)


@pytest.fixture
def options(publisher: Publisher, serve: Serve) -> list[Any]:
    url = serve(publisher.storage).url
    found = list(publisher.options(FQRN, url))
    # Without a proxy there is a notice: once in a run, whoever resolves.
    return [*found, "-o", "CVMFS_HTTP_PROXY=", "--stats", "stats.json"]


def test_the_next_resolver_goes_on(
    run: Runner, options: list[Any], publisher: Publisher, place: Path
) -> None:
    job = Job(run, options, cwd=place)
    assert job.do(f"cat /cvmfs/{FQRN}/a") == "a first"
    assert len(job.resolvers()) == 1
    job.wait_until_nobody_resolves()
    _publish(publisher, place, "second")
    # A new process that looked itself would find that one.
    shutil.rmtree(run.cache / "interpose" / FQRN)
    assert job.do(f"cat /cvmfs/{FQRN}/b") == "b first"
    assert job.do(f"cat /cvmfs/{FQRN}/a") == "a first"
    assert job.do(f"{sys.executable} -c '{REVISION}'") == "1"
    assert len(job.resolvers()) == 1
    assert job.end().count("no proxy is configured") == 1
    found = json.loads((place / "stats.json").read_text())
    (repository,) = found["repositories"]
    assert repository["fqrn"] == FQRN
    assert repository["revision"] == 1
    assert repository["opens"] == 1
    assert repository["objects_from"]["network"] >= 2


def test_what_was_counted_is_told_without_a_resolver(
    run: Runner, options: list[Any], place: Path
) -> None:
    job = Job(run, options, cwd=place)
    assert job.do(f"cat /cvmfs/{FQRN}/c") == "c first"
    job.wait_until_nobody_resolves()
    job.end()
    found = json.loads((place / "stats.json").read_text())
    assert [one["fqrn"] for one in found["repositories"]] == [FQRN]
    assert found["network"]["requests"] > 0
    assert found["resolver"]["max_rss_bytes"] > 0


@pytest.mark.long
def test_many_jobs_end_and_begin_again_without_a_loss(
    run: Runner, options: list[Any], place: Path
) -> None:
    job = Job(run, options, cwd=place)
    for name in ("a", "b"):
        assert job.do(f"cat /cvmfs/{FQRN}/{name}") == f"{name} first"
        job.wait_until_nobody_resolves()
    assert job.do(f"cat /cvmfs/{FQRN}/c") == "c first"
    job.end()
    found = json.loads((place / "stats.json").read_text())
    assert found["repositories"][0]["objects_from"]["network"] >= 3


@pytest.fixture
def tiny(place: Path, run: Runner, publisher: Publisher) -> Iterator[Path]:
    """A full cache and a full scratch, and a big file to fetch."""
    tiny = place / "tiny"
    tiny.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(tiny)], check=False
    )
    if done.returncode:
        pytest.skip("no tmpfs can be mounted here")
    (place / "tree" / "big").write_bytes(os.urandom(300_000))
    _publish(publisher, place, "first")
    run.base[run.base.index("--cache") + 1] = str(tiny / "cache")
    run.base[run.base.index("--scratch") + 1] = str(tiny)
    yield tiny
    subprocess.run(["umount", str(tiny)], check=False)


READS_MEMORY = sys.version_info >= (3, 11)  # sqlite3's deserialize()


@pytest.mark.usefixtures("tiny")
@pytest.mark.skipif(
    not READS_MEMORY, reason="sqlite3 before Python 3.11 reads no database from memory"
)
@pytest.mark.long
def test_a_process_that_holds_files_in_memory_stays(
    place: Path, run: Runner, options: list[Any]
) -> None:
    job = Job(run, options, cwd=place)
    assert job.do(f"wc -c < /cvmfs/{FQRN}/big") == "300000"
    (resolver,) = job.resolvers()
    held = Path(f"/proc/{resolver}/fd")
    assert any("memfd" in os.readlink(one) for one in held.iterdir())
    before = psutil.Process(resolver).cpu_times()
    deadline = time.monotonic() + 3 * WAIT_S / 10
    while time.monotonic() < deadline and job.resolvers():
        select.select([], [], [], 0.2)
    assert job.resolvers() == [resolver], before
    assert job.do(f"wc -c < /cvmfs/{FQRN}/big") == "300000"
    job.end()


@pytest.mark.usefixtures("tiny")
@pytest.mark.skipif(
    READS_MEMORY,
    reason="only where sqlite3 reads no database from memory (before 3.11)",
)
def test_without_any_room_an_older_python_says_so(
    place: Path, run: Runner, options: list[Any]
) -> None:
    found = run("cat", f"/cvmfs/{FQRN}/big", options=options, cwd=place)
    assert found.status == 1
    assert "Input/output error" in found.errors[-1]
    said = [x for x in found.messages if "no disk has space left for a catalog" in x]
    assert len(said) == 1, found.explain()


def test_a_writable_shared_cache_keeps_what_is_fetched(
    place: Path, run: Runner, options: list[Any]
) -> None:
    shared = place / "shared"
    shared.mkdir(mode=0o777)
    at = run.base.index("--cache")
    del run.base[at : at + 2]
    environment = run.environment()
    del environment["HOME"]
    words = [*options, "-o", "CVMFS_HTTP_PROXY=DIRECT", "-o", "CVMFS_QUOTA_LIMIT=-1"]
    cat = ["/bin/cat", f"/cvmfs/{FQRN}/a"]
    alone = run(*cat, options=words, env=environment, cwd=place).ok()
    assert any("not kept" in line for line in alone.messages)
    words += ["--alien-cache", "shared"]
    assert not run(*cat, options=words, env=environment, cwd=place).ok().messages
    shared.chmod(0o755)
