# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs `interpose_run` and looks afterwards: nothing may be left behind."""

from __future__ import annotations

import json
import os
import select
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cffi
import psutil
import pytest

from tests.support.places import ROOT, program
from tests.support.web import RUNNING

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
# How long a tracer or resolver may take to go after its job (a bound, not a wait).
LEAVE_S = 15.0
DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


# How the whole suite is to run, where that is not the usual way.
WAYS = (
    "INTERPOSE_FORCE_FALLBACK",
    "INTERPOSE_FASTPATH",
    "INTERPOSE_FASTPATH_AFTER",
    "INTERPOSE_FASTPATH_LEAVE",
)


def forced() -> dict[str, str]:
    """The variables of WAYS, as this process has them."""
    return {name: os.environ[name] for name in WAYS if name in os.environ}


def kill_both(front: subprocess.Popen[bytes], tracer: psutil.Process) -> None:
    """End front and tracer so that neither acts on the other's end.

    The end of front wakes the tracer, and front cleans up after a tracer.
    """
    for process in (psutil.Process(front.pid), tracer):
        process.suspend()
        while process.status() != psutil.STATUS_STOPPED:
            os.sched_yield()
    tracer.kill()
    front.kill()


def adopt_orphans() -> None:
    """Make this process the parent of whatever a run leaves behind, to see it."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Be killed when the process that started this one ends."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(what: int, value: int) -> None:
    foreign = cffi.FFI()
    foreign.cdef("int prctl(int, unsigned long, unsigned long, long, long);")
    library = foreign.dlopen(None)
    if library.prctl(what, value, 0, 0, 0) != 0:
        raise OSError(foreign.errno, os.strerror(foreign.errno))


@dataclass(frozen=True)
class Result:
    """What one run gave."""

    status: int
    stdout: bytes
    stderr: bytes
    repeat: str
    stats: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return os.fsdecode(self.stdout)

    @property
    def errors(self) -> list[str]:
        """Lines on standard error."""
        return os.fsdecode(self.stderr).splitlines()

    @property
    def messages(self) -> list[str]:
        """Lines of ours on standard error."""
        ours = ("interpose: ", "interpose_run: ")
        return [line for line in self.errors if line.startswith(ours)]

    def ok(self) -> Result:
        """Itself, if the job ended with status 0."""
        assert self.status == 0, self.explain()
        return self

    def explain(self) -> str:
        tail = os.fsdecode(self.stdout[-2000:])
        said = os.fsdecode(self.stderr[-4000:])
        return f"status {self.status}\n{said}\n--- stdout ends\n{tail}\n{self.repeat}"


@dataclass
class Job:
    """What to run and how; the fields are those of the command line."""

    command: Sequence[str | bytes | Path]
    options: Sequence[str | Path] = ()
    env: Mapping[str, str] | None = None
    cwd: str | Path | None = None
    uid: int | None = None
    stdin: bytes = b""
    timeout_s: float = 60.0
    stats: bool = False
    stdout: Path | None = None


class Runner:
    """`run(...)`: one finished run. `run.start(...)`: one that is going on.

    Cache and scratch are the test's own directories; a scratch that is not empty or a
    process that is still there after a run fails the test.
    """

    def __init__(self, place: Path, cache: Path) -> None:
        self.place = place
        self.cache = cache
        self.scratch = place / "scratch"
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.scratch.chmod(0o1777)
        self.base = ["--cache", cache, "--scratch", self.scratch]
        self.before: tuple[str, ...] = ()  # words in front of interpose_run
        self.repeats: list[str] = []
        self._known = {child.pid for child in psutil.Process().children()}
        self._count = 0

    def __call__(self, *command: str | bytes | Path, **how: Any) -> Result:
        """Run to the end; `how` are the fields of Job."""
        job = Job(command, **how)
        process, stats, repeat = self._start(job)
        try:
            stdout, stderr = process.communicate(job.stdin, timeout=job.timeout_s)
        except subprocess.TimeoutExpired:
            tree = self._tree()
            self.kill_all()
            _, stderr = process.communicate()
            said = os.fsdecode(stderr or b"")[-3000:]
            pytest.fail(f"no end after {job.timeout_s:g} s\n{tree}\n{said}\n{repeat}")
        figures = json.loads(stats.read_text()) if stats and stats.exists() else {}
        result = Result(process.returncode, stdout or b"", stderr, repeat, figures)
        self.nothing_left(result)
        return result

    def start(
        self, *command: str | bytes | Path, **how: Any
    ) -> subprocess.Popen[bytes]:
        """Start a run; the caller waits for it (the fixture looks for leftovers)."""
        return self._start(Job(command, **how))[0]

    def arguments(self, job: Job) -> list[str | bytes]:
        """The whole command line."""
        words = [program("interpose_run"), *self.base, *job.options]
        named = [*self.before, *map(str, words), "--"]
        return [*named, *[_word(word) for word in job.command]]

    def _start(self, job: Job) -> tuple[subprocess.Popen[bytes], Path | None, str]:
        self._count += 1
        stats = self.place / f"stats-{self._count}.json" if job.stats else None
        if stats:
            job.options = [*job.options, "--stats", stats]
        arguments = self.arguments(job)
        given = dict(job.env) if job.env is not None else self.environment()
        env = {**forced(), **given}
        repeat = _repeat(arguments, env if job.env is not None else None, job.cwd)
        self.repeats.append(repeat)
        who: dict[str, Any] = {}
        if job.uid is not None and job.uid != os.geteuid():
            who = {"user": job.uid, "group": job.uid, "extra_groups": []}
        sink = job.stdout.open("wb") if job.stdout else subprocess.PIPE
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=subprocess.PIPE,
            env=env,
            cwd=job.cwd or "/",
            start_new_session=True,
            **who,
        )
        if job.stdout:
            sink.close()
        return process, stats, repeat

    def environment(self) -> dict[str, str]:
        """A plain environment, with a home of its own."""
        home = self.place / "home"
        home.mkdir(exist_ok=True)
        return {"PATH": DEFAULT_PATH, "HOME": str(home), "LC_ALL": "C.UTF-8"}

    def left(self) -> list[psutil.Process]:
        """Processes that a run of ours left, dead ones reaped."""
        alive = []
        for child in psutil.Process().children(recursive=True):
            if child.pid in self._known or child.pid in RUNNING:
                continue
            try:
                if child.status() != psutil.STATUS_ZOMBIE:
                    alive.append(child)
                elif child.ppid() == os.getpid():
                    os.waitpid(child.pid, os.WNOHANG)
            except (psutil.Error, ChildProcessError):
                continue
        return alive

    def nothing_left(self, result: Result | None = None) -> None:
        """Fail if a process or a scratch directory outlives the run."""
        deadline = time.monotonic() + LEAVE_S
        while True:
            processes = self.left()
            files = sorted(self.scratch.iterdir())
            if not processes and not files:
                return
            if time.monotonic() > deadline:
                break
            select.select([], [], [], 0.005)
        tree = self._tree()
        self.kill_all()
        said = result.explain() if result else self.repeats[-1:]
        pytest.fail(f"left behind: {files}\n{tree}\n{said}")

    def kill_all(self) -> None:
        """End every process that our runs started."""
        for child in self.left():
            try:
                child.send_signal(signal.SIGKILL)
            except psutil.Error:
                continue

    def _tree(self) -> str:
        lines = []
        for child in self.left():
            try:
                words = " ".join(child.cmdline())[:200]
                lines.append(f"{child.ppid()} -> {child.pid} {child.status()} {words}")
            except psutil.Error:
                continue
        return "\n".join(lines)


def _word(word: str | bytes | Path) -> str | bytes:
    return word if isinstance(word, bytes) else str(word)


def _repeat(
    arguments: list[str | bytes], env: Mapping[str, str] | None, cwd: str | Path | None
) -> str:
    """The command that does it again, for a shell."""
    words = [shlex.quote(os.fsdecode(word)) for word in arguments]
    if env is not None:
        pairs = [shlex.quote(f"{name}={value}") for name, value in env.items()]
        words = ["env", "-i", *pairs, *words]
    text = " ".join(words).replace(str(ROOT) + "/", "")
    return f"again: (cd {shlex.quote(str(cwd or ROOT))} && {text})"
