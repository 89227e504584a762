# SPDX-License-Identifier: GPL-2.0-or-later
"""Many jobs on one empty cache, and deaths at random moments: the cache stays good."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.damage import bad_in_cache, good_objects
from tests.support.places import Repositories
from tests.support.run import Runner
from tests.support.truth import truth_options, truth_tree
from tests.support.web import Server

FQRN = "sha1.example.org"
JOBS = 40
Configured = Callable[..., list[Any]]


def whole_content() -> str:
    """SHA-256 over all files in the order of their paths, by the truth's own sums."""
    tree = truth_tree(f"{FQRN}.jsonl")
    rows = [row for row in tree.values() if row["type"] == "file"]
    rows.sort(key=lambda row: os.fsencode(row["path"]))
    text = "".join(row["sha256"] + "\n" for row in rows)
    return hashlib.sha256(text.encode()).hexdigest()


SUMS = (
    f"find /cvmfs/{FQRN} -type f -print0 | LC_ALL=C sort -z"
    " | xargs -0 sha256sum -z | tr '\\0' '\\n' | cut -c1-64 | sha256sum"
)


def test_forty_jobs_at_once_on_one_empty_cache(
    run: Runner, configured: Configured, repositories: Repositories
) -> None:
    options = configured(FQRN)
    wanted = whole_content()
    jobs = [run.start("/bin/sh", "-c", SUMS, options=options) for _ in range(JOBS)]
    results = [job.communicate(timeout=300) for job in jobs]
    assert [job.returncode for job in jobs] == [0] * JOBS, results[0][1][-2000:]
    assert {out.split()[0].decode() for out, _ in results} == {wanted}
    assert {err for _, err in results} == {b""}
    run.nothing_left()
    assert bad_in_cache(run.cache, good_objects(repositories.need(FQRN))) == []


@pytest.mark.parametrize("shared", [False, True])
def test_jobs_of_a_node_that_start_together_ask_for_each_object_once(
    run: Runner,
    repositories: Repositories,
    serve: Callable[[Path], Server],
    shared: bool,
) -> None:
    repositories.need(FQRN)
    server = serve(repositories.docroot)
    options = truth_options(FQRN, server.url, repositories.key(FQRN), {})
    if shared:
        options = [*options, "--alien-cache", run.place / "alien"]
    jobs = [run.start("/bin/sh", "-c", SUMS, options=options) for _ in range(12)]
    results = [job.communicate(timeout=300) for job in jobs]
    assert {out.split()[0].decode() for out, _ in results} == {whole_content()}
    paths = [request.path for request in server.requests() if "/data/" in request.path]
    # The certificate (X) comes before anything may be in a cache.
    counts = Counter(path for path in paths if not path.endswith("X"))
    assert len(counts) > 20
    assert {path: count for path, count in counts.items() if count > 1} == {}
    assert list((run.cache / "txn").iterdir()) == []


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("target", ["front", "tracer", "resolver", "job"])
def test_a_death_at_a_random_moment_leaves_a_good_cache(
    run: Runner,
    configured: Configured,
    repositories: Repositories,
    target: str,
    seed: int,
) -> None:
    chance = random.Random(f"{target} {seed}")
    options = configured(FQRN)
    job = run.start("/bin/sh", "-c", SUMS, options=options)
    # Random on purpose: any moment is right, so this sleep synchronises nothing.
    time.sleep(chance.uniform(0.0, 0.4))
    victims = family(job.pid, target)
    for process in victims:
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.Error:
            continue
    job.communicate(timeout=120)
    run.nothing_left()
    assert bad_in_cache(run.cache, good_objects(repositories.need(FQRN))) == []
    again = run("/bin/sh", "-c", SUMS, options=options).ok()
    assert again.text.split()[0] == whole_content()


def family(front: int, target: str) -> list[psutil.Process]:
    """The processes of one run that play a part."""
    try:
        top = psutil.Process(front)
        everyone = [top, *top.children(recursive=True)]
    except psutil.Error:
        return []
    found = []
    for process in everyone:
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        ours = bool(words) and words[0].endswith("interpose_run")
        part = "job"
        if process.pid == front:
            part = "front"
        elif ours:
            part = "tracer"
        elif any("resolver" in word for word in words):
            part = "resolver"
        if part == target:
            found.append(process)
    return found


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"])
def test_a_signal_to_the_launcher_reaches_the_job_once(
    run: Runner, configured: Configured, name: str
) -> None:
    number = getattr(signal, name)
    script = (
        "import signal, sys\n"
        "count = [0]\n"
        "def note(number, frame):\n"
        "    count[0] += 1\n"
        "    print('told', flush=True)\n"
        f"signal.signal(signal.{name}, note)\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "print(count[0], flush=True)\n"
    )
    command = ("/usr/bin/python3", "-I", "-c", script)
    job = run.start(*command, options=configured(FQRN))
    assert job.stdout is not None
    assert job.stdout.readline() == b"ready\n"
    job.send_signal(number)
    assert job.stdout.readline() == b"told\n"
    out, err = job.communicate(b"\n", timeout=60)
    assert (out, job.returncode) == (b"1\n", 0), err


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGKILL", "SIGSEGV"])
def test_the_launcher_dies_as_the_job_died(
    run: Runner, configured: Configured, name: str
) -> None:
    number = int(getattr(signal, name))
    result = run("/bin/sh", "-c", f"kill -{number} $$", options=configured(FQRN))
    assert result.status == -number, result.explain()
