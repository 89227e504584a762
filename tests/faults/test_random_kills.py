# SPDX-License-Identifier: GPL-2.0-or-later
"""Many jobs on one empty cache, and signals to any of their processes at any moment.

Seeded: INTERPOSE_TEST_SEED repeats a run's choices, though not the scheduler's.
"""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from tests.support.damage import bad_in_cache, good_objects
from tests.support.places import Repositories
from tests.support.run import Runner
from tests.support.truth import truth_tree

FQRN = "sha1.example.org"
JOBS_AT_ONCE = 6
KILLS = 24
PATIENCE_S = 120.0
SEED = int(os.environ.get("INTERPOSE_TEST_SEED", "20260101"))
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
# Not found by its processes, and read whole: each of its lines is a file's sum.
SCRIPT = f"cd /cvmfs/{FQRN} && find . -type f -exec sha256sum -z {{}} +"
Configured = Callable[..., list[Any]]


def sums(output: bytes) -> dict[str, str]:
    """SHA-256 by path."""
    lines = os.fsdecode(output).split("\0")[:-1]
    pairs = (line.split("  ./", 1) for line in lines)
    return {path: digest for digest, path in pairs}


def truth() -> dict[str, str]:
    return {
        path: row["sha256"]
        for path, row in truth_tree(f"{FQRN}.jsonl").items()
        if row["type"] == "file"
    }


def part_of(process: psutil.Process, front: int) -> str:
    """Which part a process plays in the run of `front`."""
    words = process.cmdline()
    if process.pid == front:
        return "front"
    if words and words[0].endswith("interpose_run"):
        return "tracer"
    return "resolver" if "interpose.resolver" in words else "job"


def choose(
    chance: random.Random, job: subprocess.Popen[bytes]
) -> tuple[str, psutil.Process] | None:
    """A process of the run: the part first, or jobs' tools would be all that dies."""
    parts: dict[str, list[psutil.Process]] = {}
    try:
        top = psutil.Process(job.pid)
        for process in (top, *top.children(recursive=True)):
            parts.setdefault(part_of(process, job.pid), []).append(process)
    except psutil.Error:
        return None
    part = chance.choice(sorted(parts))
    return part, chance.choice(parts[part])


def judge(job: subprocess.Popen[bytes], hit: tuple[str, int] | None) -> None:
    """The status is one that the signal explains; what was read is right."""
    out, err = job.communicate(timeout=PATIENCE_S)
    status = job.returncode
    explained = {0}
    if hit is not None:
        part, number = hit
        # The shell tells what became of its tools in its own way.
        explained |= {-number, 128 + number, 1}
        if part == "tracer":
            explained.add(125)
        if part == "resolver":
            explained = {0}
    assert status in explained, (hit, status, err[-2000:])
    assert b"Traceback" not in err
    found, wanted = sums(out), truth()
    for path, digest in found.items():
        assert wanted[path] == digest, path
    if status == 0:
        assert found == wanted


@pytest.mark.parametrize("round_", range(2))
def test_signals_at_random_moments_leave_exact_statuses_and_a_good_cache(
    run: Runner, configured: Configured, repositories: Repositories, round_: int
) -> None:
    chance = random.Random(f"{SEED} {round_}")
    options = configured(FQRN)
    going: list[tuple[subprocess.Popen[bytes], tuple[str, int] | None]] = []

    def finish(at: int) -> None:
        judge(*going.pop(at))

    for _ in range(KILLS):
        while len(going) < JOBS_AT_ONCE:
            going.append((run.start("sh", "-c", SCRIPT, options=options), None))
        # A pause of random length is the subject here, it synchronises nothing.
        select.select([], [], [], chance.uniform(0.0, 0.25))
        at = chance.randrange(len(going))
        job, _ = going[at]
        victim = choose(chance, job)
        if victim is None:
            finish(at)
            continue
        part, process = victim
        number = chance.choice(SIGNALS)
        try:
            process.send_signal(number)
        except psutil.Error:
            continue
        going[at] = (job, (part, number))
        finish(at)
    while going:
        finish(0)
    run.nothing_left()
    assert not list(run.cache.rglob(".interpose-*"))
    assert bad_in_cache(run.cache, good_objects(repositories.need(FQRN))) == []
    whole = run("sh", "-c", SCRIPT, options=options).ok()
    assert sums(whole.stdout) == truth()
