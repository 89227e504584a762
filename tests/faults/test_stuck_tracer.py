# SPDX-License-Identifier: GPL-2.0-or-later
"""A tracer that does not react: continued if it was stopped, else ended with all."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
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


@pytest.mark.long
def test_a_tracer_that_waits_for_its_cache_is_ended(
    run: Runner, configured: Configured
) -> None:
    """The cache is on a FUSE file system whose server has stopped."""
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
    run.base = ["--cache", mount, "--scratch", run.scratch]
    text = f"""cat {TREE}/busybox/busybox >/dev/null; touch {run.place}/ready
    read -r line; ls /cvmfs/other.example.org"""
    try:
        process = run.start("sh", "-c", text, options=configured(FQRN))
        assert process.stdin is not None
        while not (run.place / "ready").exists():
            assert process.poll() is None, process.communicate()
        front = psutil.Process(process.pid)
        job, tracer = front.children(recursive=True), tracer_of(front)
        server.send_signal(signal.SIGSTOP)
        process.stdin.write(b"\n")
        process.stdin.flush()
        while "wait_answer" not in look_at(tracer).wchan:
            assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=120.0)
        assert process.returncode == 125, errors
        assert b"does not react" in errors
        alive = [one for one in job if one.is_running() and one.status() not in "ZD"]
        shells = [one for one in alive if one.name() in ("sh", "cat")]
        assert shells == []
        assert list(run.scratch.iterdir()) == []
    finally:
        server.send_signal(signal.SIGCONT)
        subprocess.run(["umount", "-l", mount], check=False)
        server.kill()
        server.wait()
