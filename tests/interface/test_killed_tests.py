# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests that are killed themselves leave no process and no directory."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.places import ROOT
from tests.support.run import Runner

# As tests are: jobs under interpose_run, and native ones, of which each has a shell on
# a terminal, a daemon, and a loop.
KILLED = """
import subprocess, sys
from pathlib import Path

TERMINAL = {terminal!r}
SCRIPT = '''
printf "never\\\\t^D\\\\n" > $HOME/lines
setsid sh -c 'while :; do sleep 1; done' < /dev/null > /dev/null 2>&1 &
{python} -I $TERMINAL $HOME/lines bash --norc -i > /dev/null &
mkfifo $HOME/wait; echo ready >> {ready}
trap "" HUP TERM; read line < $HOME/wait; while :; do sleep 1; done
'''

def test_that_never_ends(run, serve, place):
    serve(place)
    env = dict(run.environment(), TERMINAL=TERMINAL)
    subprocess.Popen(["sh", "-c", SCRIPT], env=env | dict(HOME=str(place)))
    run("sh", "-c", SCRIPT, env=env, timeout_s=1000)
"""


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "workers"])
def test_killed_tests_leave_nothing(
    run: Runner, place: Path, workers: tuple[str, ...]
) -> None:
    ready, scratch = place / "ready", place / "tmp"
    ready.touch()
    scratch.mkdir(mode=0o755)
    terminal = str(ROOT / "tests/programs/inside/terminal.py")
    text = KILLED.format(terminal=terminal, ready=ready, python=sys.executable)
    (place / "test_killed.py").write_text(text)
    words = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest"]
    words += ["-p", "no:cacheprovider", *workers, place / "test_killed.py"]
    tests = subprocess.Popen(
        list(map(str, words)),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(scratch)},
        stdout=subprocess.DEVNULL,
    )
    while ready.read_text() != "ready\nready\n":
        assert tests.poll() is None
        select.select([], [], [], 0.005)
    tests.send_signal(signal.SIGKILL)
    assert tests.wait() == -signal.SIGKILL
    run.nothing_left()
    left = [path.name for path in scratch.iterdir()]
    assert [name for name in left if name.startswith("interpose-")] == []
