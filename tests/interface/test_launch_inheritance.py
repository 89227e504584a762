# SPDX-License-Identifier: GPL-2.0-or-later
"""What a job finds is what it would find without interpose_run."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import program
from tests.support.run import Runner

# Prints what a program inherits. Descriptors are looked at before anything is opened.
LOOK = """
import json, os, resource, signal, sys
def is_open(fd):
    try:
        return bool(os.fstat(fd)) or True
    except OSError:
        return False
fds = [fd for fd in range(256) if is_open(fd)]
first = os.open("/", os.O_RDONLY)
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status"))
keep = ("SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd", "Umask", "Uid", "Gid",
        "Groups", "CapEff", "CapPrm", "CapBnd", "Cpus_allowed")
seen = {
    "fds": fds,
    "first": first,
    "status": {name: status.get(name) for name in keep},
    "environ": sorted(dict(os.environ).items()),
    "argv": sys.argv[1:],
    "cwd": os.getcwd(),
    "pgrp": os.getpgrp(),
    "sid": os.getsid(0),
    "nice": os.nice(0),
    "limits": [resource.getrlimit(number) for number in range(16)],
    "comm": open("/proc/self/comm").read(),
    "oom": open("/proc/self/oom_score_adj").read(),
    "affinity": sorted(os.sched_getaffinity(0)),
}
os.write(int(sys.argv[1]), json.dumps(seen).encode())
"""
Prepare = Callable[[], None]


def look(
    prefix: list[str], prepare: Prepare | None = None, **how: Any
) -> dict[str, Any]:
    """What the program sees; `prefix` stands before it on the command line."""
    read, write = os.pipe()
    command = [*prefix, sys.executable, "-I", "-S", "-c", LOOK, str(write), "a b", ""]
    done = subprocess.run(
        command,
        pass_fds=(write, *how.pop("fds", ())),
        preexec_fn=prepare,
        check=False,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        **how,
    )
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(text)
    return seen


@pytest.fixture
def same(run: Runner) -> Callable[..., dict[str, Any]]:
    """Asserts that a program sees the same with and without us; gives what it saw."""
    prefix = [str(word) for word in [program("interpose_run"), *run.base, "--"]]

    def check(prepare: Prepare | None = None, **how: Any) -> dict[str, Any]:
        native = look([], prepare, **how)
        ours = look(prefix, prepare, **how)
        if how.get("start_new_session"):
            # Both are their own session's first process, or a child of it.
            for seen in (native, ours):
                seen["sid"] = seen["sid"] == seen["pgrp"]
                seen["pgrp"] = True
        for name in native:
            if name == "fds":
                # The pipe of look() has another number each time.
                assert len(ours[name]) == len(native[name])
                continue
            assert ours[name] == native[name], name
        return ours

    return check


def test_nothing_differs(same: Callable[..., dict[str, Any]]) -> None:
    seen = same()
    assert seen["argv"][1:] == ["a b", ""]
    assert seen["first"] <= 5


def test_nothing_differs_in_a_session_of_its_own(
    same: Callable[..., dict[str, Any]],
) -> None:
    same(start_new_session=True)


def test_signal_mask_and_ignored_signals_are_kept(
    same: Callable[..., dict[str, Any]],
) -> None:
    def prepare() -> None:
        numbers = [signal.SIGUSR1, signal.SIGTERM, signal.SIGCHLD, signal.SIGRTMIN + 4]
        signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
        for number in (signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE, signal.SIGTSTP):
            signal.signal(number, signal.SIG_IGN)

    seen = same(prepare)
    assert int(seen["status"]["SigBlk"], 16) & 1 << signal.SIGUSR1 - 1
    assert int(seen["status"]["SigIgn"], 16) & 1 << signal.SIGCHLD - 1


def test_umask_limits_and_niceness_are_kept(
    same: Callable[..., dict[str, Any]],
) -> None:
    def prepare() -> None:
        os.umask(0o137)
        os.nice(3)
        resource.setrlimit(resource.RLIMIT_NOFILE, (77, 99))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_STACK, (4 << 20, 8 << 20))

    seen = same(prepare)
    assert seen["status"]["Umask"].strip() == "0137"
    assert seen["limits"][resource.RLIMIT_NOFILE] == [77, 99]


def test_odd_umask_does_not_break_the_scratch(run: Runner) -> None:
    command = [str(word) for word in [program("interpose_run"), *run.base, "true"]]
    script = 'umask 777; exec "$@"'
    assert (
        subprocess.run(["sh", "-c", script, "sh", *command], check=False).returncode
        == 0
    )


def test_descriptors_of_the_caller_are_passed_on(
    same: Callable[..., dict[str, Any]], place: Path
) -> None:
    with (place / "file").open("w") as file:
        same(fds=(file.fileno(),))


def test_first_descriptor_of_a_job_is_3(run: Runner) -> None:
    script = "import os; print(os.open('/', 0))"
    assert run(sys.executable, "-I", "-S", "-c", script).text == "3\n"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_descriptors_stay_closed(
    run: Runner, place: Path, closed: str
) -> None:
    script = f'exec "$@" {closed}'
    prefix = [str(word) for word in [program("interpose_run"), *run.base, "--"]]
    found = []
    for which, words in (("native", []), ("ours", prefix)):
        file = place / which / "f"
        file.parent.mkdir()
        file.touch()
        # A shell looks, because Python would open what is closed.
        inner = 'for n in 0 1 2 3 4 5; do [ -e /dev/fd/$n ] && mv "$1" "$1$n" && '
        inner += 'set -- "$1$n"; done; :'
        command = [
            "sh",
            "-c",
            script,
            "sh",
            *words,
            "bash",
            "-c",
            inner,
            "b",
            str(file),
        ]
        subprocess.run(command, check=True, capture_output=True)
        found.append([path.name for path in file.parent.iterdir()])
    assert found[0] == found[1]


def test_pipe_ends_when_the_job_closes_it(run: Runner) -> None:
    """We hold no copy of the job's standard output or of other descriptors."""
    read, write = os.pipe()
    words = [str(word) for word in [program("interpose_run"), *run.base, "--"]]
    script = f"exec >&- {write}>&-; read line"
    process = subprocess.Popen(
        [*words, "bash", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=(write,),
    )
    os.close(write)
    assert process.stdout is not None
    assert process.stdout.read() == b""
    with os.fdopen(read, "rb") as pipe:
        assert pipe.read() == b""
    assert process.poll() is None
    process.communicate(b"\n")
    assert process.returncode == 0


def test_reader_of_standard_error_is_not_kept_waiting(run: Runner) -> None:
    """A descendant that let go of its descriptors does not hold up `2>&1 | reader`."""
    front = run.start("sh", "-c", "sleep 1000 >/dev/null 2>&1 <&1 & echo $!")
    out, _ = front.communicate(timeout=60)
    assert front.returncode == 0
    os.kill(int(out), signal.SIGKILL)


def test_descendants_keep_the_scratch_until_they_end(run: Runner) -> None:
    script = "sleep 1000 >/dev/null 2>&1 <&1 & echo $!"
    out = run.start("sh", "-c", script).communicate(timeout=60)[0]
    assert len(list(run.scratch.iterdir())) == 1
    os.kill(int(out), signal.SIGKILL)
    run.nothing_left()


def test_wait_returns_after_the_last_descendant(run: Runner) -> None:
    script = "(read x <&9; echo late) 9<&0 & exit 5"
    result = run("bash", "-c", script, options=["--wait"], stdin=b"go\n")
    assert (result.status, result.text) == (5, "late\n")
