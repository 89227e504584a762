# SPDX-License-Identifier: GPL-2.0-or-later
"""A terminal and a shell with job control: stop, continue, foreground, interrupt."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.places import need_tool
from tests.support.run import Job, Runner

PATIENCE_S = 60.0
PROMPT = "prompt-of-bash> "


class Terminal:
    """An interactive bash on a terminal of its own."""

    def __init__(self) -> None:
        shell = need_tool("bash")
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update({"PS1": PROMPT, "PS2": "", "TERM": "dumb"})
            os.execv(shell, [shell, "--norc", "--noprofile", "--noediting", "-i"])
        self.seen = b""
        self.wait(PROMPT)
        self.command("stty -echo")
        self.wait(PROMPT)

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def command(self, text: str) -> None:
        """Typed at the prompt. Keys that come before it may be thrown away (Ctrl-Z)."""
        self.type(text + "\n")

    def finish(self) -> int:
        """End of input for the talker; its status as bash has it."""
        self.type("\x04")
        self.wait(PROMPT)
        self.command("echo status-$?.")
        return int(self.wait(r"status-(\d+)\.")[1])

    def stopped(self) -> None:
        """Until bash tells of a stopped job and asks for a command."""
        self.wait("Stopped")
        self.wait(PROMPT)

    def wait(self, pattern: str) -> re.Match[bytes]:
        """The first match in what was not matched before."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            match = re.search(pattern.encode(), self.seen)
            if match:
                self.seen = self.seen[match.end() :]
                return match
            left = deadline - time.monotonic()
            assert left > 0, f"{pattern!r} did not come: {self.seen!r}"
            if select.select([self.fd], [], [], left)[0]:
                self.seen += os.read(self.fd, 65536)

    def close(self) -> None:
        os.close(self.fd)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    one = Terminal()
    yield one
    one.close()


@pytest.fixture
def talker(run: Runner, compiled: Path) -> str:
    """A command line that runs the talker under interpose_run."""
    words = run.arguments(Job([compiled / "talker"]))
    return " ".join(os.fsdecode(word) for word in words)


def test_ctrl_z_stops_and_fg_continues(terminal: Terminal, talker: str) -> None:
    terminal.command(talker)
    pid, foreground = map(int, terminal.wait(r"talker (\d+) (\d+)\.").groups())
    assert os.getpgid(pid) == foreground
    for number in range(1, 21):
        terminal.type("one\n")
        terminal.wait("got one")
        terminal.type("\x1a")
        terminal.stopped()
        assert psutil.Process(pid).status() in ("stopped", "tracing-stop")
        terminal.command("fg")
        # The number shows that each SIGCONT came once.
        terminal.wait(f"continued {number:03}")
    assert terminal.finish() == 0


def test_ctrl_c_ends_it_as_a_signal(terminal: Terminal, talker: str) -> None:
    terminal.command(talker)
    terminal.wait("talker")
    terminal.type("\x03")
    terminal.wait(PROMPT)
    terminal.command("echo status-$?.")
    terminal.wait(r"status-130\.")


def test_background_job_that_reads_stops(terminal: Terminal, talker: str) -> None:
    terminal.command(talker + " &")
    pid = int(terminal.wait(r"talker (\d+)")[1])
    while psutil.Process(pid).status() not in ("stopped", "tracing-stop"):
        os.sched_yield()
    front = psutil.Process(pid).parent()
    assert front is not None
    front = front.parent()
    assert front is not None
    while front.status() != "stopped":
        os.sched_yield()
    terminal.command("fg")
    terminal.wait("continued 001")
    terminal.type("x\n")
    terminal.wait("got x")
    assert terminal.finish() == 0


@pytest.mark.parametrize("name", ["STOP", "TSTP"])
def test_shell_sees_a_stop_of_the_job_alone(
    terminal: Terminal, talker: str, name: str
) -> None:
    terminal.command(talker)
    pid = int(terminal.wait(r"talker (\d+)")[1])
    for number in range(1, 6):
        os.kill(pid, getattr(signal, f"SIG{name}"))
        terminal.stopped()
        terminal.command("fg")
        terminal.wait(f"continued {number:03}")
    assert terminal.finish() == 0


def test_stop_sent_to_us_stops_the_job(run: Runner) -> None:
    front = run.start("sh", "-c", "echo $$; exec cat")
    assert front.stdout is not None
    main = psutil.Process(int(front.stdout.readline()))
    # Its group has no parent in its session: natively SIGTSTP would do nothing.
    for _ in range(5):
        main.send_signal(signal.SIGSTOP)
        assert os.WIFSTOPPED(os.waitpid(front.pid, os.WUNTRACED)[1])
        main.send_signal(signal.SIGCONT)
        assert os.WIFCONTINUED(os.waitpid(front.pid, os.WCONTINUED)[1])
    front.communicate()
    assert front.returncode == 0


def test_orphaned_group_does_not_stop(run: Runner) -> None:
    """As without us: nobody in the session could continue it."""
    front = run.start("sh", "-c", "echo ready; cat")
    assert front.stdout is not None
    front.stdout.readline()
    os.killpg(front.pid, signal.SIGTSTP)
    with pytest.raises(subprocess.TimeoutExpired):
        front.wait(0.2)
    front.communicate()
    assert front.returncode == 0


def test_stop_and_continue_in_a_row(run: Runner) -> None:
    """However fast they come: in the end everything runs."""
    front = run.start("sh", "-c", "echo $$; exec cat")
    assert front.stdout is not None
    main = int(front.stdout.readline())
    for round_ in range(300):
        os.kill(main, signal.SIGSTOP)
        if round_ % 3:
            os.sched_yield()
        os.kill(main, signal.SIGCONT)
    out, _ = front.communicate(b"through\n", timeout=PATIENCE_S)
    assert (front.returncode, out) == (0, b"through\n")
