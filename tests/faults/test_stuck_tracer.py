# SPDX-License-Identifier: GPL-2.0-or-later
"""A tracer that does not react: continued if it was stopped, else ended with all."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil
import pytest

from tests.faults.test_waits_for_nobody import look_at, tracer_of
from tests.support.places import need_tool
from tests.support.run import Runner

FQRN = "programs.example.org"
TREE = f"/cvmfs/{FQRN}"
Configured = Callable[..., list[Any]]


def test_a_tracer_that_its_job_stopped_is_continued(
    run: Runner, configured: Configured
) -> None:
    """Its parent is the tracer."""
    text = f"kill -STOP $PPID; test -e {TREE}/busybox/busybox && exit 7"
    result = run("sh", "-c", text, options=configured(FQRN))
    assert result.status == 7, result.explain()


@dataclass
class Stuck:
    """A run whose tracer waits for a file system that does not answer."""

    process: subprocess.Popen[bytes]
    tracer: psutil.Process
    job: list[psutil.Process]

    def job_is_gone(self) -> None:
        """All of it, but who waits for that file system as well."""
        for one in self.job:
            deadline = time.monotonic() + 60.0
            while is_alive(one):
                assert time.monotonic() < deadline, one
                select.select([], [], [], 0.01)


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DISK_SLEEP)
    except psutil.NoSuchProcess:
        return False


@contextlib.contextmanager
def stuck(run: Runner, options: list[Any], words: list[Any], patience: int) -> Any:
    """The cache, or what `words` say instead, is on FUSE, whose server stops."""
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        pytest.skip("needs root and /dev/fuse, to mount")
    bindfs = need_tool("bindfs")
    mount = run.place / "mount"
    for folder in (mount, run.place / "below"):
        folder.mkdir()
    flags = "attr_timeout=0,entry_timeout=0,negative_timeout=0"
    command = [bindfs, "-f", "-o", flags, run.place / "below", mount]
    server = subprocess.Popen(command)
    while not os.path.ismount(mount):
        assert server.poll() is None
    run.base = [*run.base, *words]
    text = f"""cat {TREE}/busybox/busybox >/dev/null; touch {run.place}/ready
    read -r line; cd {TREE}/busybox; ls /cvmfs/other.example.org"""
    env = {**run.environment(), "INTERPOSE_PATIENCE": str(patience)}
    try:
        process = run.start("sh", "-c", text, options=options, env=env)
        assert process.stdin is not None
        while not (run.place / "ready").exists():
            assert process.poll() is None, process.communicate()
        front = psutil.Process(process.pid)
        job = front.children(recursive=True)
        tracer = psutil.Process(tracer_of(front))
        server.send_signal(signal.SIGSTOP)
        process.stdin.write(b"\n")
        process.stdin.flush()
        while "wait_answer" not in look_at(tracer.pid).wchan:
            assert process.poll() is None, process.communicate()
        yield Stuck(process, tracer, [one for one in job if one != tracer])
    finally:
        server.send_signal(signal.SIGCONT)
        subprocess.run(["umount", "-l", mount], check=False)
        server.kill()
        server.wait()


@pytest.mark.parametrize(
    ("option", "patience"),
    [
        pytest.param("--cache", 6, id="cache-by itself"),
        pytest.param("--scratch", 12, id="scratch-after a signal"),
        pytest.param("--cache", 12, id="cache-after a signal", marks=pytest.mark.long),
        pytest.param("--scratch", 6, id="scratch-by itself", marks=pytest.mark.long),
    ],
)
def test_a_tracer_that_waits_for_its_places_is_ended(
    run: Runner, configured: Configured, option: str, patience: int
) -> None:
    """A twelfth of the patience after SIGTERM, else all of it."""
    words = [option, run.place / "mount"]
    with stuck(run, configured(FQRN), words, patience) as one:
        if patience == 12:
            one.process.send_signal(signal.SIGTERM)
        _, errors = one.process.communicate(timeout=120.0)
        assert one.process.returncode == 125, errors
        assert b"does not react" in errors
        one.job_is_gone()
        assert list(run.scratch.iterdir()) == []


def test_a_tracer_that_waits_is_ended_when_front_was_killed(
    run: Runner, configured: Configured
) -> None:
    with stuck(run, configured(FQRN), ["--cache", run.place / "mount"], 24) as one:
        one.process.kill()
        one.process.communicate()
        one.job_is_gone()
    one.tracer.wait(timeout=60.0)
    run.nothing_left()


def test_a_tracer_that_is_stopped_hears_that_front_was_killed(
    run: Runner, configured: Configured
) -> None:
    text = f"touch {run.place}/ready; while :; do read -r line; done"
    process = run.start("sh", "-c", text, options=configured(FQRN))
    while not (run.place / "ready").exists():
        assert process.poll() is None, process.communicate()
    front = psutil.Process(process.pid)
    tracer = psutil.Process(tracer_of(front))
    front.suspend()  # or it would continue the tracer
    tracer.suspend()
    front.kill()
    process.communicate()
    tracer.wait(timeout=60.0)
    run.nothing_left()


def test_patience_is_a_number_of_seconds(run: Runner) -> None:
    for wrong in ("soon", "0", "1e3", "99999999999999999999"):
        env = {**run.environment(), "INTERPOSE_PATIENCE": wrong}
        result = run("true", env=env)
        assert result.status == 125, result.explain()
        assert result.errors[0].startswith("interpose: INTERPOSE_PATIENCE: not a num")
