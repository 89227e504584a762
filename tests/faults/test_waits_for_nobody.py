# SPDX-License-Identifier: GPL-2.0-or-later
"""The tracer's main thread sleeps in its own wait, and nowhere else.

While a FUSE server does not answer, a page is somebody else's to fill, and a process of
30,000 mappings reads about itself, the thread is looked at over and over.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.faults.test_slow_file_systems import FQRN, TREE, Stalling
from tests.support.keeper import own_directory
from tests.support.places import need_tool
from tests.support.run import Runner

SOURCE = Path(__file__).parent / "programs/awkward.c"
# rt_sigtimedwait. Source: the kernel's tables of system calls.
OWN_WAIT = {"x86_64": "128", "aarch64": "137"}
SAMPLES = 2000
# So many looks in a row that find the same sleep: it waits, and for somebody.
SAME = 200
OFFSET = 700000
Configured = Callable[..., list[Any]]


@dataclass
class Look:
    """One thread at one moment."""

    state: str
    call: str
    wchan: str
    sleeps: str  # how often it has gone to sleep

    @property
    def is_elsewhere(self) -> bool:
        own = self.call.split()[0] == OWN_WAIT[platform.machine()]
        return self.state in "SD" and not own


def look_at(pid: int) -> Look:
    """The main thread of `pid`; what changes meanwhile counts as running."""
    place = Path(f"/proc/{pid}/task/{pid}")
    before = status(place)
    call, wchan = (place / "syscall").read_text(), (place / "wchan").read_text()
    state, sleeps = status(place)
    return Look(state if before == (state, sleeps) else "R", call, wchan, sleeps)


def status(place: Path) -> tuple[str, str]:
    text = (place / "status").read_text()
    state = re.search(r"^State:\s*(\S)", text, re.MULTILINE)
    sleeps = re.search(r"^voluntary_ctxt_switches:\s*(\d+)", text, re.MULTILINE)
    assert state
    assert sleeps
    return state[1], sleeps[1]


def tracer_of(job: psutil.Process) -> int:
    """The process that traces what runs below `job`."""
    for child in job.children(recursive=True):
        text = Path(f"/proc/{child.pid}/status").read_text()
        found = re.search(r"^TracerPid:\s*(\d+)", text, re.MULTILINE)
        if found and found[1] != "0":
            return int(found[1])
    raise AssertionError("nothing is traced")


@pytest.fixture(scope="module")
def awkward() -> Iterator[Path]:
    with own_directory("interpose-awkward-") as place:
        program = place / "awkward"
        flags = ("-O1", "-pthread", "-D_GNU_SOURCE")
        subprocess.run([need_tool("gcc"), *flags, SOURCE, "-o", program], check=True)
        yield program


@pytest.fixture
def stalling(run: Runner) -> Stalling:
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        pytest.skip("needs root and /dev/fuse, to mount what does not answer")
    for name in ("source", "slow"):
        (run.place / name).mkdir()
    for name in ("stuck", "stuck-too"):
        with (run.place / "source" / name).open("wb") as file:
            file.truncate(1 << 20)
    stalling = Stalling(run.place, run.cache)
    stalling.log.touch()
    return stalling


# $1: the program, $2: the place, $3: a file of ours
JOB = f"""
cd $2
$1 file slow/stuck {OFFSET} & stuck=$!
until grep -q stuck open-questions; do :; done
$1 page $2/go >page & page=$!
slow/dead/program & dead=$!
cat slow/dead/file & also=$!
until grep -q dead open-questions; do :; done
$1 maps 30000 $3 >maps & maps=$!
touch ready
until [ -e looked ]; do [ -e $3 ]; done
wait $maps; touch go; wait $page; echo page $?
kill $stuck $dead $also; wait $stuck; echo stuck $?
cat page maps
"""


def test_the_main_thread_sleeps_in_its_own_wait(
    stalling: Stalling, configured: Configured, awkward: Path
) -> None:
    place, file = stalling.place, f"{TREE}/busybox/busybox"
    words = ("sh", "-c", JOB, "sh", awkward, place, file)
    process = stalling.start(*words, options=configured(FQRN), timeout_s=300.0)
    front = psutil.Process(process.pid)
    while not (place / "ready").exists():
        assert process.poll() is None, process.communicate()
    tracer, same, elsewhere = tracer_of(front), 0, []
    last = look_at(tracer)
    for _ in range(SAMPLES):
        now = look_at(tracer)
        same = same + 1 if now.is_elsewhere and now.sleeps == last.sleeps else 0
        elsewhere += [now] if same == SAME else []
        last = now
    (place / "looked").touch()
    output, errors = process.communicate(timeout=300.0)
    assert elsewhere == []
    text = output.decode()
    assert "page 0\nstuck 143\npage 0\n" in text, (text, errors)
    found, meanwhile = map(int, text.rpartition("maps ")[2].split())
    assert found == 3, "smaps names the file as the job does"
    assert meanwhile > 3, "others make their calls while smaps is read"
    stalling.nothing_left()


@pytest.mark.parametrize("missing", ["", "pagemap", "process_vm", "all"])
def test_memory_that_does_not_come_keeps_only_who_asks(
    stalling: Stalling,
    configured: Configured,
    awkward: Path,
    monkeypatch: pytest.MonkeyPatch,
    missing: str,
) -> None:
    if missing:
        monkeypatch.setenv("INTERPOSE_FORCE_FALLBACK", missing)
    # Two files: the kernel lets nobody open one of which a page is on its way.
    text = """
    $1 file $2/slow/stuck 700000 & a=$!; $1 into $2/slow/stuck-too 800000 $3 & b=$!
    $1 page $2/go & c=$!
    until [ "$(grep -c stuck "$2/open-questions")" -ge 2 ]; do [ -e $3 ]; done
    cat /etc/hostname >/dev/null; $3 echo run; touch $2/go; wait $c; echo page $?
    kill -9 $a $b; wait $a; echo a $?; wait $b; echo b $?; exit 7"""
    words = ("sh", "-c", text, "sh", awkward, stalling.place)
    result = stalling(
        *words, f"{TREE}/busybox/busybox", options=configured(FQRN), timeout_s=120.0
    )
    assert result.status == 7, result.explain()
    lines = result.text.splitlines()
    assert sorted(lines) == sorted(["run", "page 0", "page 0", "a 137", "b 137"])


def test_answers_go_into_pages_that_somebody_fills_or_opens_on_demand(
    run: Runner, configured: Configured, awkward: Path
) -> None:
    file = f"{TREE}/busybox/busybox"
    native = subprocess.run(
        [awkward, "answer", "/bin/sh"], capture_output=True, check=False, cwd="/"
    )
    if native.returncode == 77:
        pytest.skip("no userfaultfd that guards writing, or none for this user")
    assert native.stdout == b"answers 0 0 1\n", native
    script = f"cd {TREE}/busybox && exec $1 answer {file}"
    result = run("sh", "-c", script, "sh", awkward, options=configured(FQRN)).ok()
    assert result.text == "answers 0 0 1\n", result.explain()
