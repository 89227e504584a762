# SPDX-License-Identifier: GPL-2.0-or-later
"""A signal reaches the job's main process exactly once, however it was sent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import IO

import psutil
import pytest

from tests.support.run import Job, Runner

COUNTED = [
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGCONT,
    signal.SIGTSTP,
    signal.SIGWINCH,
    signal.SIGALRM,
    signal.SIGRTMIN + 3,
]
# Sent to interpose_run alone after the signal that is counted. Each is decided after
# everything that was sent before it, so a signal that came twice has come by then.
MARKERS = (signal.SIGRTMIN + 10, signal.SIGRTMIN + 11)
COUNTER = """
import os, signal, sys
def note(number, frame):
    os.write(1, b"%d\\n" % number)
for number in map(int, sys.argv[1:]):
    signal.signal(number, note)
os.write(1, b"%d ready\\n" % os.getpid())
while sys.stdin.buffer.read(1):
    pass
"""


class Counter:
    """A job that writes the number of each signal that it gets."""

    def __init__(self, run: Runner, *options: str) -> None:
        numbers = [str(int(number)) for number in [*COUNTED, *MARKERS]]
        command = (sys.executable, "-I", "-S", "-u", "-c", COUNTER, *numbers)
        self.front: subprocess.Popen[bytes] = run.start(*command, options=options)
        assert self.front.stdout is not None
        self.lines: IO[bytes] = self.front.stdout
        self.main = int(self.lines.readline().split()[0])

    def seen(self) -> list[int]:
        """What came since the last call."""
        numbers: list[int] = []
        for marker in MARKERS:
            self.front.send_signal(marker)
            while int(marker) not in numbers:
                numbers.append(int(self.lines.readline()))
        return [number for number in numbers if number not in MARKERS]

    def end(self) -> int:
        self.front.communicate()
        return self.front.returncode


@pytest.fixture
def counter(run: Runner) -> Iterator[Counter]:
    job = Counter(run)
    yield job
    assert job.end() == 0


@pytest.mark.parametrize("number", COUNTED)
def test_signal_to_us_alone_arrives_once(counter: Counter, number: int) -> None:
    for _ in range(3):
        counter.front.send_signal(number)
        assert counter.seen() == [number]


@pytest.mark.parametrize("number", COUNTED)
def test_signal_to_the_group_arrives_once(counter: Counter, number: int) -> None:
    for _ in range(3):
        os.killpg(counter.front.pid, number)
        assert counter.seen() == [number]


@pytest.mark.parametrize("number", COUNTED)
def test_signal_to_each_process_arrives_once(counter: Counter, number: int) -> None:
    everyone = [child.pid for child in psutil.Process(counter.front.pid).children(True)]
    for pid in [counter.front.pid, *everyone]:
        os.kill(pid, number)
    assert counter.seen() == [number]


def test_signal_to_the_job_alone_arrives_once(counter: Counter) -> None:
    os.kill(counter.main, signal.SIGTERM)
    assert counter.seen() == [signal.SIGTERM]


def test_job_learns_who_sent_it(run: Runner) -> None:
    script = (
        "import os, signal, sys\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])\n"
        "os.write(1, b'ready\\n')\n"
        "info = signal.sigwaitinfo([signal.SIGUSR1])\n"
        "print(info.si_signo, info.si_uid)\n"
    )
    front = run.start(sys.executable, "-I", "-S", "-c", script)
    assert front.stdout is not None
    front.stdout.readline()
    front.send_signal(signal.SIGUSR1)
    out, _ = front.communicate()
    assert out.split() == [str(int(signal.SIGUSR1)).encode(), b"%d" % os.getuid()]


def test_default_action_of_a_signal_to_us_ends_the_job(run: Runner) -> None:
    front = run.start("sh", "-c", "echo ready; exec sleep 1000")
    assert front.stdout is not None
    front.stdout.readline()
    front.terminate()
    front.communicate()
    assert front.returncode == -signal.SIGTERM


def test_ignored_signals_stay_ignored(run: Runner) -> None:
    script = "trap '' HUP; exec \"$@\""
    words = run.arguments(
        Job(["sh", "-c", "echo ready; read x; grep SigIgn /proc/$$/status"])
    )
    front = subprocess.Popen(
        ["sh", "-c", script, "sh", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert front.stdout is not None
    front.stdout.readline()
    front.send_signal(signal.SIGHUP)
    out, _ = front.communicate(b"\n")
    assert front.returncode == 0
    assert int(out.split()[-1], 16) & 1 << signal.SIGHUP - 1


def test_signal_to_a_blocked_job_waits_for_it(run: Runner) -> None:
    script = (
        "import os, signal\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"
        "signal.signal(signal.SIGTERM, lambda *a: os.write(1, b'once\\n'))\n"
        "os.write(1, b'ready\\n')\n"
        "input()\n"
        "signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])\n"
    )
    front = run.start(sys.executable, "-I", "-S", "-c", script)
    assert front.stdout is not None
    front.stdout.readline()
    os.killpg(front.pid, signal.SIGTERM)
    out, _ = front.communicate(b"\n")
    assert out == b"once\n"
    assert front.returncode == 0


@pytest.mark.parametrize(
    ("number", "times"), [(signal.SIGUSR1, 1), (signal.SIGRTMIN + 3, 2)]
)
def test_what_was_blocked_is_taken_for_no_later_signal(
    run: Runner, number: int, times: int
) -> None:
    """Front reports the group's signal while the job still has its own pending."""
    marker = MARKERS[0]
    script = f"""
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [{int(number)}])
for one in ({int(number)}, {int(marker)}):
    signal.signal(one, lambda got, frame: os.write(1, b"%d\\n" % got))
os.write(1, b"ready\\n")
os.read(0, 1)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [{int(number)}])
os.write(1, b"0\\n")
while os.read(0, 1):
    pass
"""
    job = run.start(sys.executable, "-I", "-S", "-c", script)
    assert job.stdin is not None
    assert job.stdout is not None
    assert job.stdout.readline() == b"ready\n"
    for _ in range(times):
        os.killpg(job.pid, number)
    job.send_signal(marker)
    assert int(job.stdout.readline()) == marker
    job.stdin.write(b"1")
    job.stdin.flush()
    # The interpreter may make one call of two signals.
    lines = job.stdout
    came = list(iter(lambda: int(lines.readline()), 0))
    assert set(came) == {number}
    job.send_signal(number)
    job.send_signal(marker)
    assert int(job.stdout.readline()) == number
    assert int(job.stdout.readline()) == marker
    assert job.communicate()[0] == b""


def test_wait_ends_by_a_signal(run: Runner) -> None:
    script = "(exec sleep 1000 >/dev/null 2>&1) & echo $!; exit 6"
    front = run.start("sh", "-c", script, options=["--wait"])
    assert front.stdout is not None
    sleeper = psutil.Process(int(front.stdout.readline()))
    with pytest.raises(subprocess.TimeoutExpired):
        front.wait(0.3)
    sleeper.kill()
    front.communicate()
    assert front.returncode == 6
