# SPDX-License-Identifier: GPL-2.0-or-later
"""Caches whose users are killed at random moments: nobody reads a wrong byte.

Jobs fetch, commit, take turns and make room; others make the caches smaller and prove
them meanwhile. Seeded: INTERPOSE_TEST_SEED repeats a run's choices, though not the
scheduler's.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import select
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.places import program
from tests.support.published import Publisher, published_files
from tests.support.run import Runner
from tests.support.web import Server

FQRN = "kills.example.org"
FILES, FILE_BYTES = 40, 100_000
NODES = 3
AT_ONCE = 4
SEED = int(os.environ.get("INTERPOSE_TEST_SEED", "20261201"))
READ = f"cd /cvmfs/{FQRN}/files; sha256sum *"


def content(number: int) -> bytes:
    return random.Random(number).randbytes(FILE_BYTES)


def truth() -> list[str]:
    sums = (hashlib.sha256(content(number)).hexdigest() for number in range(FILES))
    return [f"{digest}  {number:03}" for number, digest in enumerate(sums)]


@pytest.fixture(scope="module")
def publisher() -> Iterator[Publisher]:
    files = {f"files/{number:03}": content(number) for number in range(FILES)}
    with published_files(FQRN, files) as publisher:
        yield publisher


class Site:
    """Nodes that share an alien cache; each has a private one with a small quota."""

    def __init__(self, run: Runner, options: list[Any]) -> None:
        self.run = run
        self.alien = run.place / "alien"
        self._options = [*options, "-o", "CVMFS_QUOTA_LIMIT=2"]

    def cache(self, node: int) -> Path:
        return self.run.place / f"node-{node}"

    def options(self, node: int, *, is_sharing: bool) -> list[Any]:
        more = ["--alien-cache", self.alien] if is_sharing else []
        return [*self._options, "--cache", self.cache(node), *more]

    def start(self, chance: random.Random) -> tuple[str, subprocess.Popen[bytes]]:
        """Somebody who does something with the caches."""
        node = chance.randrange(NODES)
        kind = chance.choice(["job", "job", "sharing", "sharing", "gc", "fsck"])
        if kind in ("job", "sharing"):
            options = self.options(node, is_sharing=kind == "sharing")
            return kind, self.run.start("sh", "-c", READ, options=options)
        cache = chance.choice([self.alien, self.cache(node)])
        words = ["cache", "gc", "--limit", "1M"] if kind == "gc" else ["fsck"]
        more = ["--repair"] if kind == "fsck" else []
        return kind, subprocess.Popen(
            [program("interpose"), *words, *more, cache],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )


def hit(chance: random.Random, process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(psutil.Error):
        top = psutil.Process(process.pid)
        chance.choice([top, *top.children(recursive=True)]).send_signal(signal.SIGKILL)


def judge(kind: str, process: subprocess.Popen[bytes], *, was_hit: bool) -> None:
    out, messages = process.communicate(timeout=300)
    assert b"Traceback" not in messages
    if kind in ("job", "sharing"):
        found = out.decode().splitlines()
        assert set(found) <= set(truth())
        if not was_hit:
            assert messages.replace(NOTICE, b"") == b""
            assert (process.returncode, found) == (0, truth())
    elif kind == "fsck" and not was_hit:
        # Nothing wrong is ever there; the cache itself may not be there yet.
        assert process.returncode in (0, 125), out


NOTICE = (
    b"interpose: CVMFS_QUOTA_LIMIT has no effect on an alien cache: -o"
    b" (set CVMFS_QUOTA_LIMIT=-1)\n"
)


@pytest.mark.parametrize(
    "kills", [12, pytest.param(300, marks=pytest.mark.long)], ids=["few", "many"]
)
def test_after_deaths_at_random_moments_all_is_whole(
    run: Runner, publisher: Publisher, serve: Callable[[Path], Server], kills: int
) -> None:
    chance = random.Random(SEED)
    site = Site(run, publisher.options(FQRN, serve(publisher.storage).url))
    going: list[tuple[str, subprocess.Popen[bytes]]] = []
    for _ in range(kills):
        while len(going) < AT_ONCE:
            going.append(site.start(chance))
        # A pause of random length is the subject here, it synchronises nothing.
        select.select([], [], [], chance.uniform(0.0, 0.3))
        kind, process = going.pop(chance.randrange(len(going)))
        hit(chance, process)
        judge(kind, process, was_hit=True)
    for kind, process in going:
        judge(kind, process, was_hit=False)
    for node in range(NODES):
        result = run("sh", "-c", READ, options=site.options(node, is_sharing=True))
        assert result.ok().text.splitlines() == truth()
    for cache in [site.alien, *map(site.cache, range(NODES))]:
        done = subprocess.run(
            [program("interpose"), "fsck", cache], check=False, capture_output=True
        )
        assert (done.returncode, done.stderr) == (0, b""), done.stdout
