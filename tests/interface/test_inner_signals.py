# SPDX-License-Identifier: GPL-2.0-or-later
"""Signals, stops and ends of an interpose_run that has another one around it."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.interface.test_inner_runs import inner
from tests.interface.test_launch_signals import COUNTED, COUNTER, MARKERS
from tests.support.run import Runner


class Counting:
    """A counter (test_launch_signals.py) in an inner run that has a front."""

    def __init__(self, run: Runner) -> None:
        numbers = [str(int(number)) for number in [*COUNTED, *MARKERS]]
        command = (sys.executable, "-I", "-S", "-u", "-c", COUNTER, *numbers)
        words = inner("--stats", run.place / "inner.json", command=command)
        # In a group of its own, as an interactive shell has it.
        script = "import os, sys\nos.setpgid(0, 0)\nprint(os.getpid(), flush=True)\n"
        script += "os.execv(sys.argv[1], sys.argv[1:])\n"
        self.outer = run.start(sys.executable, "-c", script, *words)
        assert self.outer.stdout is not None
        self.lines = self.outer.stdout
        self.front = int(self.lines.readline())
        self.main = int(self.lines.readline().split()[0])

    def seen(self) -> list[int]:
        numbers: list[int] = []
        for marker in MARKERS:
            os.kill(self.front, marker)
            while int(marker) not in numbers:
                numbers.append(int(self.lines.readline()))
        return [number for number in numbers if number not in MARKERS]


@pytest.mark.parametrize("number", COUNTED)
def test_a_signal_to_an_inner_run_arrives_once(run: Runner, number: int) -> None:
    job = Counting(run)
    for _ in range(2):
        os.kill(job.front, number)
        assert job.seen() == [number]
        os.killpg(job.front, number)
        assert job.seen() == [number]
    job.outer.communicate()
    assert job.outer.returncode == 0


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT]
)
def test_an_inner_run_dies_of_what_its_command_dies_of(
    run: Runner, place: Path, number: int
) -> None:
    command = ("/bin/sh", "-c", "echo $PPID; exec /bin/sleep 1000")
    words = inner("--stats", place / "inner.json", command=command)
    outer = run.start(*words)
    assert outer.stdout is not None
    front = int(outer.stdout.readline())
    os.kill(front, number)
    outer.communicate()
    assert outer.returncode == -number
    found = json.loads((place / "inner.json").read_text())
    assert found["exit"] == {"signal": number}


@pytest.mark.parametrize("number", [signal.SIGTSTP, signal.SIGSTOP])
def test_an_inner_run_stops_and_goes_on_with_its_command(
    run: Runner, place: Path, number: int
) -> None:
    script = (
        "import os, signal, sys\n"
        "words = sys.argv[2:]\n"
        "front = os.fork()\n"
        "if front == 0:\n"
        # What nobody could continue, a group without a parent, is not stopped.
        "    os.setpgid(0, 0)\n"
        "    os.execv(words[0], words)\n"
        "pid, status = os.waitpid(front, os.WUNTRACED)\n"
        "assert os.WIFSTOPPED(status) and os.WSTOPSIG(status) == int(sys.argv[1])\n"
        "os.kill(front, signal.SIGCONT)\n"
        "pid, status = os.waitpid(front, 0)\n"
        "sys.exit(os.WEXITSTATUS(status))\n"
    )
    command = ("/bin/sh", "-c", f"kill -{int(number)} $$; exit 5")
    words = inner("--stats", place / "inner.json", command=command)
    found = run(sys.executable, "-c", script, str(int(number)), *words)
    assert found.status == 5, found.explain()


def test_who_continues_the_command_continues_its_inner_run(
    run: Runner, place: Path
) -> None:
    script = (
        "import os, signal, sys\n"
        "words = sys.argv[1:]\n"
        "front = os.spawnv(os.P_NOWAIT, words[0], words)\n"
        "pid, status = os.waitpid(front, os.WUNTRACED)\n"
        "assert os.WIFSTOPPED(status)\n"
        "os.kill(int(open('main').read()), signal.SIGCONT)\n"
        "pid, status = os.waitpid(front, 0)\n"
        "sys.exit(os.WEXITSTATUS(status))\n"
    )
    command = ("/bin/sh", "-c", "echo $$ > main; kill -STOP $$; exit 6")
    words = inner("--stats", place / "inner.json", command=command)
    found = run(sys.executable, "-c", script, *words, cwd=place)
    assert found.status == 6, found.explain()


def test_an_inner_run_that_is_killed_takes_its_main_process_along(
    run: Runner, place: Path
) -> None:
    command = ("/bin/sh", "-c", "echo $PPID; exec /bin/sleep 1000")
    words = inner("--stats", place / "inner.json", command=command)
    outer = run.start(*words)
    assert outer.stdout is not None
    os.kill(int(outer.stdout.readline()), signal.SIGKILL)
    outer.communicate()
    assert outer.returncode == -signal.SIGKILL
    run.nothing_left()
