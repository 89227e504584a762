# SPDX-License-Identifier: GPL-2.0-or-later
"""After SIGKILL of any one of our processes nothing is left; old leftovers go away."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import struct
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.support.places import need_tool
from tests.support.run import Job, Runner, kill_both

# Many processes, threads of shells, one that left the group and the session.
TREE = (
    "for i in 1 2 3 4 5; do sleep 1000 & done;"
    " setsid sleep 1000 & (sleep 1000; true) & echo $$; wait"
)


def started(run: Runner) -> tuple[subprocess.Popen[bytes], psutil.Process, int]:
    """Front, tracer and pid of the main process of a job that is going on."""
    front = run.start("bash", "-c", TREE)
    assert front.stdout is not None
    main = int(front.stdout.readline())
    tracer = psutil.Process(main).parent()
    assert tracer is not None
    assert tracer.ppid() == front.pid
    return front, tracer, main


def end_descendants(run: Runner) -> None:
    """Kill what the job left, but not the tracer that watches it."""
    while True:
        left = [child for child in run.left() if child.name() != "interpose_run"]
        if not left:
            return
        for child in left:
            with contextlib.suppress(psutil.Error):
                child.kill()


def test_kill_of_front_ends_all(run: Runner) -> None:
    front, _, main = started(run)
    front.kill()
    front.communicate()
    run.nothing_left()
    assert not psutil.pid_exists(main)


def test_kill_of_the_tracer_ends_all(run: Runner) -> None:
    front, tracer, main = started(run)
    tracer.kill()
    _, errors = front.communicate()
    assert front.returncode == 125
    assert errors.startswith(b"interpose: the tracer ended unexpectedly")
    assert errors.count(b"\n") == 1
    run.nothing_left()
    assert not psutil.pid_exists(main)


def test_kill_of_the_job_is_its_status(run: Runner) -> None:
    front, _, main = started(run)
    os.kill(main, signal.SIGKILL)
    front.wait()
    assert front.returncode == -signal.SIGKILL
    end_descendants(run)
    front.communicate()
    run.nothing_left()


def test_kill_of_a_stopped_job_is_its_status(run: Runner) -> None:
    front, _, main = started(run)
    os.kill(main, signal.SIGSTOP)
    while psutil.Process(front.pid).status() != psutil.STATUS_STOPPED:
        os.sched_yield()
    os.kill(main, signal.SIGKILL)
    front.wait()
    assert front.returncode == -signal.SIGKILL
    end_descendants(run)
    front.communicate()


def test_kill_of_all_leaves_a_scratch_for_the_next_run(run: Runner) -> None:
    front, tracer, _ = started(run)
    kill_both(front, tracer)
    front.communicate()
    left = list(run.scratch.iterdir())
    assert len(left) == 1
    # What a job may have done there.
    for depth in range(150):
        left.append(left[-1] / f"{depth}" / "x")
        left[-1].mkdir(parents=True)
        (left[-1] / "file").touch()
    os.symlink(run.place, left[-1] / "link")
    left[-1].chmod(0)
    left[100].chmod(0o500)
    assert run("true").status == 0
    assert not list(run.scratch.iterdir())
    assert run.scratch.is_dir()


def test_scratch_of_a_living_run_stays(run: Runner) -> None:
    front = run.start("cat")
    other = run.start("cat")
    assert run.scratch.exists()
    for process in (front, other):
        process.stdin.write(b"x")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
        assert process.stdout.read1(1) == b"x"  # type: ignore[union-attr]
    assert len(list(run.scratch.iterdir())) == 2
    for process in (front, other):
        process.communicate()
        assert process.returncode == 0
    assert not list(run.scratch.iterdir())


def test_foreign_directories_stay(run: Runner) -> None:
    for name in (".interpose-short", ".interpose-toolong", "interpose-abcdef", "file"):
        (run.scratch / name).mkdir()
    # Made a moment ago, its maker has not come to the lock yet.
    (run.scratch / ".interpose-abcdef").mkdir()
    held = run.scratch / ".interpose-locked"
    held.mkdir()
    with (held / "lock").open("w") as lock:
        # As struct flock of a 64-bit system: type, whence, start, length, pid.
        wanted = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        fcntl.fcntl(lock, getattr(fcntl, "F_OFD_SETLK", 37), wanted)
        subprocess.run(run.arguments(Job(["true"])), check=True)
        assert len(list(run.scratch.iterdir())) == 6
    subprocess.run(run.arguments(Job(["true"])), check=True)
    assert not held.exists()
    for path in run.scratch.iterdir():
        path.rmdir()


def test_link_in_place_of_a_scratch_is_not_followed(run: Runner, place: Path) -> None:
    precious = place / "precious"
    precious.mkdir()
    (precious / "lock").touch()
    (precious / "file").touch()
    link = run.scratch / ".interpose-linked"
    link.symlink_to(precious)
    subprocess.run(run.arguments(Job(["true"])), check=True)
    assert (precious / "file").exists()
    link.unlink()


@pytest.mark.parametrize("victim", ["front", "tracer", "main"])
def test_kill_at_any_moment_leaves_nothing(run: Runner, victim: str) -> None:
    """The moment moves over the whole life of short jobs."""
    for step in range(40):
        front = run.start("sh", "-c", "/bin/true; /bin/true; exec sleep 0.05")
        deadline = step * 0.001
        try:
            front.wait(deadline)
        except subprocess.TimeoutExpired:
            _kill(front, victim)
        front.communicate()
        run.nothing_left()


def _kill(front: subprocess.Popen[bytes], victim: str) -> None:
    chain = [psutil.Process(front.pid)]
    depth = {"front": 0, "tracer": 1, "main": 2}[victim]
    try:
        for _ in range(depth):
            chain.append(chain[-1].children()[0])
        chain[depth].kill()
    except (IndexError, psutil.Error):
        return  # It was not there yet, or not any more.


@pytest.mark.parametrize(
    ("script", "status"),
    [("kill -TERM $$", 128 + 15), ("exit 4", 4), ("sleep 1000 & exit 5", 5)],
)
def test_as_process_1_nothing_is_left(run: Runner, script: str, status: int) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a PID namespace here")
    unshare = [need_tool("unshare", "util-linux"), "-pf", "--mount-proc"]
    words = run.arguments(Job(["sh", "-c", script]))
    done = subprocess.run([*unshare, *words], check=False, capture_output=True)
    if b"unshare" in done.stderr:
        pytest.skip(done.stderr.decode())
    assert done.returncode == status
    assert not list(run.scratch.iterdir())
