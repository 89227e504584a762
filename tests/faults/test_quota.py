# SPDX-License-Identifier: GPL-2.0-or-later
"""The private cache stays below CVMFS_QUOTA_LIMIT, and no job misses what has gone."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from interpose import owned
from interpose.cache import census
from interpose.cache.eviction import Room
from tests.support.fast import given
from tests.support.published import Publisher, published_files
from tests.support.run import Runner
from tests.support.web import Server

FQRN = "quota.example.org"
TOP = f"/cvmfs/{FQRN}"
FILES, FILE_BYTES = 40, 100_000
LIMIT = 2 << 20
SOME, REST = range(FILES - 10), range(FILES - 10, FILES)
# Reads all but the last ten files twice, from the last to the first, so that nothing is
# got before it is asked for. Between that it waits for a line, gets those
# ten, and waits until the cache was made smaller.
ACROSS = """
import hashlib, os, sys
top, cache, some, files = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
def sums(numbers):
    for number in reversed(numbers):
        with open(f"{top}/files/{number:03}", "rb") as file:
            print(hashlib.sha256(file.read()).hexdigest())
def objects():
    return sum(len(names) for path, _, names in os.walk(cache)
               if len(os.path.basename(path)) == 2)
sums(range(some))
print("ready", flush=True)
sys.stdin.readline()
sums(range(some, files))
while objects() > some:
    pass
sums(range(some))
"""


def content(number: int) -> bytes:
    return random.Random(number).randbytes(FILE_BYTES)


@pytest.fixture(scope="module")
def publisher() -> Iterator[Publisher]:
    files = {f"files/{number:03}": content(number) for number in range(FILES)}
    with published_files(FQRN, files) as publisher:
        yield publisher


@pytest.fixture
def server(publisher: Publisher, serve: Callable[[Path], Server]) -> Server:
    return serve(publisher.storage)


@pytest.fixture
def options(publisher: Publisher, server: Server) -> list[Any]:
    wanted = publisher.options(FQRN, server.url)
    return [*wanted, "-o", f"CVMFS_QUOTA_LIMIT={LIMIT >> 20}"]


def age(run: Runner) -> None:
    """All that lies in the cache was used an hour ago; seals hold."""
    for item in census.items(run.cache):
        second = int(item.used_s) - 3600
        ns = second * 10**9 + owned.seal_ns(second, item.size_bytes)
        os.utime(run.cache / item.path, ns=(ns, ns))


def room(run: Runner) -> Room:
    return Room.of(census.items(run.cache))


def read(numbers: range) -> tuple[str, ...]:
    """From the last to the first, too."""
    names = " ".join(f"{number:03}" for number in reversed(numbers))
    return "sh", "-c", f"cd {TOP}/files; sha256sum {names} | cut -d ' ' -f 1"


def sums(numbers: range) -> list[str]:
    """In the same order."""
    contents = (content(number) for number in reversed(numbers))
    return [hashlib.sha256(text).hexdigest() for text in contents]


@pytest.mark.parametrize(
    ("more", "env"), [([], given()), (["--no-fastpath"], {})], ids=["fast", "traced"]
)
def test_what_was_not_used_for_long_goes_and_no_job_misses_it(
    run: Runner, options: list[Any], more: list[str], env: dict[str, str]
) -> None:
    numbers = (str(len(SOME)), str(FILES))
    words = ("/usr/bin/python3", "-I", "-c", ACROSS, TOP, run.cache, *numbers)
    env = {**run.environment(), **env}
    job = run.start(*words, options=[*options, *more], env=env)
    assert job.stdout is not None
    found = [job.stdout.readline().decode().strip() for _ in SOME]
    assert job.stdout.readline() == b"ready\n"
    # Nothing is taken from under a job that has just got it.
    assert room(run).size_bytes > len(SOME) * FILE_BYTES > LIMIT
    age(run)
    out, messages = job.communicate(b"\n", timeout=100)
    assert (job.returncode, messages) == (0, b"")
    found += out.decode().split()
    assert found == [*sums(SOME), *sums(REST), *sums(SOME)]


def test_without_a_quota_all_stays(
    run: Runner, options: list[Any], server: Server
) -> None:
    unlimited = [*options, "-o", "CVMFS_QUOTA_LIMIT=-1"]
    for numbers in (SOME, REST):
        run(*read(numbers), options=unlimited).ok()
        age(run)
    server.forget()
    result = run(*read(range(FILES)), options=unlimited).ok()
    assert result.text.split() == sums(range(FILES))
    assert [row.path for row in server.requests() if "/data/" in row.path] == []
    assert room(run).size_bytes > FILES * FILE_BYTES


def test_files_have_a_quota_of_their_own(run: Runner, options: list[Any]) -> None:
    limited = [*options, "-o", "CVMFS_QUOTA_LIMIT=-1", "-o", "INTERPOSE_QUOTA_FILES=20"]
    run(*read(SOME), options=limited).ok()
    age(run)
    count = f"find {run.cache} -type f -path '*/??/*' | wc -l"
    until = f"until [ $({count}) -lt 30 ]; do :; done"
    script = f"cat {TOP}/files/039 >/dev/null; {until}"
    run("sh", "-c", script, options=limited).ok()
    assert room(run).files < 30


def test_statfs_tells_what_lies_in_the_cache(run: Runner, options: list[Any]) -> None:
    run(*read(SOME), options=options).ok()
    shown = "stat -f -c '%b %f %S' " + TOP
    result = run("sh", "-c", shown, options=[*options, "--refresh"], stats=True).ok()
    blocks, free, size = map(int, result.text.split())
    assert blocks * size == LIMIT
    assert free == 0
