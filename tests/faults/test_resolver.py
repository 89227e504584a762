# SPDX-License-Identifier: GPL-2.0-or-later
"""A second half that cannot start, dies, or dies again."""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.faulty_server import STALL, FaultyServer
from tests.support.places import Repositories, need_tool, program
from tests.support.run import Runner
from tests.support.truth import truth_options, truth_tree

FQRN = "sha1.example.org"
README = f"/cvmfs/{FQRN}/README"
PATIENCE_S = 45.0
Configured = Callable[..., list[Any]]


@pytest.fixture
def elsewhere(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program alone in a directory of its own."""
    directory = place / "bin"
    directory.mkdir()
    shutil.copy2(program("interpose_run"), directory)
    monkeypatch.setenv("INTERPOSE_RUN", str(directory / "interpose_run"))
    return directory


def script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def bare_python(path: Path) -> None:
    """An interpreter that has nothing of ours."""
    script(path, f'#!/bin/sh\nexec {os.path.realpath(sys.executable)} "$@"\n')


@pytest.mark.parametrize(
    "kind",
    [
        "no Python",
        "not a program",
        "ends at once",
        "not installed",
        "crashes",
    ],
)
def test_a_resolver_that_cannot_be_started_is_an_error_and_one_line(
    run: Runner, configured: Configured, elsewhere: Path, kind: str
) -> None:
    python = elsewhere / "python3"
    if kind == "not a program":
        script(python, "\x7fELF is not all that it takes\n")
    elif kind == "ends at once":
        python.symlink_to("/bin/false")
    elif kind == "not installed":
        bare_python(python)
    elif kind == "crashes":
        script(python, "#!/bin/sh\nkill -SEGV $$\n")
    options = configured(FQRN)
    met = run("cat", README, README, options=options, timeout_s=PATIENCE_S)
    assert met.status == 1, met.explain()
    assert "\n".join(met.errors).count("Input/output error") == 2, met.explain()
    assert "\n".join(met.errors).count("interpose: ") == 1, met.explain()
    listed = run("ls", "/cvmfs", options=options, timeout_s=PATIENCE_S)
    assert (listed.status, listed.text) == (2, ""), listed.explain()
    marker = run.place / "started"
    command = ("touch", marker)
    named = run(*command, options=[*options, "-r", FQRN], timeout_s=PATIENCE_S)
    assert named.status == 125, named.explain()
    assert "\n".join(named.errors).count("interpose: ") == 1, named.explain()
    assert not marker.exists()
    # A job that needs no resolver knows nothing of all this.
    assert run("echo", "well", options=options).ok().stderr == b""


@pytest.mark.parametrize("first", ["exit 1", "kill -SEGV $$"])
def test_a_resolver_that_could_not_start_is_tried_again(
    run: Runner, configured: Configured, elsewhere: Path, first: str
) -> None:
    """What was in its way (memory, processes) may be over, the job still runs."""
    python = f'[ -e {run.place}/well ] || {first}; exec {sys.executable} "$@"'
    script(elsewhere / "python3", f"#!/bin/sh\n{python}\n")
    code = (
        f"cat {README}; touch {run.place}/well; until cat {README}; do sleep .1; done"
    )
    done = run("sh", "-c", code, options=configured(FQRN), timeout_s=PATIENCE_S)
    assert done.status == 0, done.explain()
    assert done.text


def test_a_list_of_any_length_is_whole(run: Runner) -> None:
    """Longer than one answer of the resolver."""
    folder = run.place / "site/config.d"
    folder.mkdir(parents=True)
    names = {f"{number:05}{'x' * 40}.example.org" for number in range(3000)}
    for name in names:
        (folder / f"{name}.conf").write_text("CVMFS_SERVER_URL=http://127.0.0.1:9\n")
    options = ["--config", folder.parent]
    result = run("ls", "-f", "/cvmfs", options=options, timeout_s=PATIENCE_S).ok()
    found = result.text.split()
    assert len(found) == len(set(found))
    assert names <= set(found)


def resolvers() -> list[psutil.Process]:
    """Resolvers of runs that this process started."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if "interpose.resolver" in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


def kill_resolver() -> None:
    """Kill the one resolver; it is gone when this returns."""
    (victim,) = resolvers()
    victim.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE_S
    while lives(victim):
        assert time.monotonic() < deadline
        select.select([], [], [], 0.005)


def lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def reader(run: Runner, configured: Configured) -> Iterator[Callable[[str], bytes]]:
    """`reader(path)`: the sum of a file, or its error, read by one long job."""
    loop = 'while read -r path; do sha256sum "/cvmfs/$0/$path" 2>&1 | tail -n 1; done'
    job = run.start("sh", "-c", loop, FQRN, options=configured(FQRN))
    assert job.stdin is not None
    assert job.stdout is not None

    def read(path: str) -> bytes:
        job.stdin.write(path.encode() + b"\n")
        job.stdin.flush()
        return job.stdout.readline()

    yield read
    job.stdin.close()
    assert job.wait(PATIENCE_S) == 0
    assert job.stderr is not None
    assert job.stderr.read() == b""
    for pipe in (job.stdout, job.stderr):
        pipe.close()


def test_a_resolver_that_was_killed_is_replaced_without_a_word(
    reader: Callable[[str], bytes],
) -> None:
    """Again and again: each file is asked of a new one."""
    tree = truth_tree(f"{FQRN}.jsonl")
    rows = [row for row in tree.values() if row["type"] == "file" and row["size"]]
    for row in rows[:8]:
        assert reader(row["path"]).split()[0].decode() == row["sha256"]
        if resolvers():
            kill_resolver()


@pytest.fixture
def stalling(repositories: Repositories) -> Iterator[FaultyServer]:
    repositories.need(FQRN)
    with FaultyServer(repositories.docroot) as server:
        yield server


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        select.select([], [], [], 0.005)


def test_a_question_whose_second_resolver_dies_too_is_an_error(
    run: Runner, stalling: FaultyServer, repositories: Repositories
) -> None:
    name = f"/cvmfs/{FQRN}/.cvmfspublished"
    stalling.script(name, STALL)
    more = {"CVMFS_TIMEOUT_DIRECT": "600"}
    options = truth_options(FQRN, stalling.url, repositories.key(FQRN), more)
    job = run.start("cat", README, options=options)
    for times in (1, 2):
        until(lambda times=times: stalling.count(name) == times)  # type: ignore[misc]
        kill_resolver()
    out, err = job.communicate(timeout=PATIENCE_S)
    assert (out, job.returncode) == (b"", 1), err
    assert b"Input/output error" in err
    assert stalling.count(name) == 2
    assert b"interpose: the resolver " in err


def waits_and_ends(
    run: Runner, stalling: FaultyServer, repositories: Repositories, number: int
) -> None:
    """A job that waits for a server ends by this signal, and leaves nothing."""
    name = f"/cvmfs/{FQRN}/.cvmfspublished"
    stalling.script(name, STALL)
    more = {"CVMFS_TIMEOUT_DIRECT": "600", "CVMFS_MAX_RETRIES": "0"}
    options = truth_options(FQRN, stalling.url, repositories.key(FQRN), more)
    job = run.start("cat", README, options=options)
    until(lambda: stalling.count(name) == 1)
    job.send_signal(number)
    assert job.wait(PATIENCE_S) == -number
    job.communicate()
    run.nothing_left()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_job_that_waits_for_a_server_ends_by_a_signal(
    run: Runner,
    stalling: FaultyServer,
    repositories: Repositories,
    number: int,
) -> None:
    waits_and_ends(run, stalling, repositories, number)


def test_a_job_of_many_groups_that_waits_ends_by_a_signal(
    run: Runner, stalling: FaultyServer, repositories: Repositories
) -> None:
    """What tells of signals in /proc/PID/status comes after a line of 16 KiB."""
    if os.geteuid() != 0:
        pytest.skip("only root can take groups")
    groups = ",".join(str(2000000 + number) for number in range(2000))
    run.before = (need_tool("setpriv", "util-linux"), "--groups", groups)
    waits_and_ends(run, stalling, repositories, signal.SIGTERM)


def test_a_stopped_resolver_holds_up_only_who_asks(
    run: Runner, configured: Configured
) -> None:
    """What is open already is read on; the one who asks goes on with the resolver."""
    script_text = (
        f"cat {README} >/dev/null; echo one; read x;"
        f" (cat /cvmfs/{FQRN}/data/random.bin | sha256sum) & cat {README} | wc -l; wait"
    )
    job = run.start("sh", "-c", script_text, options=configured(FQRN))
    assert job.stdin is not None
    assert job.stdout is not None
    assert job.stdout.readline() == b"one\n"
    (resolver,) = resolvers()
    resolver.send_signal(signal.SIGSTOP)
    job.stdin.write(b"\n")
    job.stdin.flush()
    assert job.stdout.readline().strip().isdigit()
    resolver.send_signal(signal.SIGCONT)
    wanted = truth_tree(f"{FQRN}.jsonl")["data/random.bin"]["sha256"]
    assert job.stdout.readline().split()[0].decode() == wanted
    out, err = job.communicate(timeout=PATIENCE_S)
    assert (out, err, job.returncode) == (b"", b"", 0)
