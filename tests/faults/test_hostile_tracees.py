# SPDX-License-Identifier: GPL-2.0-or-later
"""A job that makes random calls with random arguments cannot harm the tracer.

Each run is in a pen (programs/pen.c): processes, files and user of its own.
INTERPOSE_TEST_SEED repeats a run's choices, though not the scheduler's.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import sanitized
from tests.support.damage import bad_in_cache, good_objects
from tests.support.once import made_once
from tests.support.places import NUMBERS, ROOT, Repositories, need_tool, need_user
from tests.support.run import Result, Runner
from tests.support.truth import truth_tree

FQRN = "sha1.example.org"
PROGRAMS = Path(__file__).parent / "programs"
FLAGS = (
    "-std=gnu11",
    "-O1",
    "-g",
    "-D_GNU_SOURCE",
    "-Wall",
    "-Wextra",
    "-Werror",
    NUMBERS,
)
UID = 45612  # nobody else's: its processes may be signalled
NO_PEN = 77
SEED = int(os.environ.get("INTERPOSE_TEST_SEED", "20260101"))
# Of a tracer with address checks, which keeps freed memory for a while.
MOST_MEMORY_KIB = 700 * 1024
MOST_DESCRIPTORS = 512
Configured = Callable[..., list[Any]]


@pytest.fixture(scope="session")
def tools(repositories: Repositories) -> Path:
    """The compiled programs, and a tracer with address and undefined checks.

    Made once for all workers of the session, where the repositories are.
    """
    return made_once(repositories.docroot / "hostile", make_tools)


def make_tools(place: Path) -> None:
    gcc = need_tool("gcc")
    shared = sorted(PROGRAMS.glob("fuzz*.c"))
    for name, sources in (("pen", [PROGRAMS / "pen.c"]), ("fuzz", shared)):
        words = [gcc, *FLAGS, *sources, "-o", place / name, "-pthread"]
        subprocess.run([str(word) for word in words], check=True)
    if "INTERPOSE_RUN" not in os.environ:
        sanitized.build("address,undefined", place / "checked")


@pytest.fixture
def pen(run: Runner, tools: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """Runs happen in a pen, and with the checked tracer."""
    if os.geteuid() == 0:
        need_user(UID)
    run.before = (str(tools / "pen"), str(run.place), str(UID))
    tried = subprocess.run([*run.before, "true"], check=False, capture_output=True)
    if tried.returncode == NO_PEN:
        pytest.skip(f"no namespaces to be had: {os.fsdecode(tried.stderr)}")
    if "INTERPOSE_RUN" not in os.environ:
        monkeypatch.setenv("INTERPOSE_RUN", str(tools / "checked/interpose_run"))
    return run


def fuzz(
    pen: Runner, tools: Path, options: list[Any], seed: int, seconds: int
) -> Result:
    """One run of the fuzzer; the copy it compares with is read natively."""
    tree = truth_tree(f"{FQRN}.jsonl")
    paths = pen.place / "paths"
    names = [f"/cvmfs/{FQRN}/{path}" for path in tree][:300]
    paths.write_text("\n".join(names), "utf-8", "surrogateescape")
    readme = f"/cvmfs/{FQRN}/README"
    copy = pen.place / "copy"
    copy.write_bytes(pen("cat", readme, options=options).ok().stdout)
    print(f"INTERPOSE_TEST_SEED={seed}")
    words = [tools / "fuzz", str(seed), str(seconds), paths, readme, copy]
    return pen(*words, options=options, timeout_s=seconds + 300)


def figures(result: Result) -> dict[str, int]:
    """Lines `name number`; the last of a name counts."""
    pairs = (line.rsplit(" ", 1) for line in result.text.splitlines())
    return {name: int(number) for name, number in pairs}


def judge(pen: Runner, result: Result, stratum: Path) -> dict[str, int]:
    """Nothing was found, lost or harmed; what was done."""
    assert result.status == 0, result.explain()
    said = "\n".join(result.errors)
    assert not re.search(r"Sanitizer|runtime error|Traceback", said), result.explain()
    assert bad_in_cache(pen.cache, good_objects(stratum)) == []
    done = figures(result)
    assert done["tracer-memory-kib"] < MOST_MEMORY_KIB, done
    assert done["tracer-descriptors"] <= MOST_DESCRIPTORS, done
    return done


# Root's run is that of an unprivileged user, too: the pen sees to it.
SHORT_S, LONG_S = 10, 3600 if os.geteuid() == 0 else 600
ROUNDS_FOR_MOST_NUMBERS = 15
DEEDS_FOR_EACH_KIND = 50  # the sum of their weights, and some


@pytest.mark.parametrize(
    "seconds", [SHORT_S, pytest.param(LONG_S, marks=pytest.mark.long)]
)
def test_random_calls_of_many_threads_leave_the_tracer_sound(
    pen: Runner,
    tools: Path,
    configured: Configured,
    repositories: Repositories,
    record_property: Callable[[str, object], None],
    seconds: int,
) -> None:
    result = fuzz(pen, tools, configured(FQRN), SEED, seconds)
    done = judge(pen, result, repositories.need(FQRN))
    record_property("summary", str(done))
    rounds = done["rounds"]
    assert done["calls"] > 1000 * rounds > 0
    # One round of a few may see no turn of a busy machine.
    assert done["idle"] <= 1 + rounds / 10, done
    assert done["numbers"] > 20 * min(rounds, ROUNDS_FOR_MOST_NUMBERS)
    deeds = [count for name, count in done.items() if name.startswith("deed-")]
    assert len(deeds) > 10
    assert all(deeds) or sum(deeds) < DEEDS_FOR_EACH_KIND, done


def test_the_fuzzer_knows_each_call_that_stops() -> None:
    table = (ROOT / "native/syscalls/table.c").read_text()
    source = (PROGRAMS / "fuzz_numbers.c").read_text()
    rows = set(re.findall(r"^\tROW(?:_IF)?\((\w+),", table, re.MULTILINE))
    named = set(re.findall(r"SYS_(\w+)|\d+ /\* (\w+) \*/", source))
    assert len(rows) > 50
    assert rows - {name for pair in named for name in pair} == set()


# The job knows who serves it: its parent is the tracer, whose parent is front.
SABOTAGE = f"""
import ctypes, os, resource, signal, sys
def field(pid, name):
    lines = open(f"/proc/{{pid}}/status").read().splitlines()
    return int(next(l.split()[1] for l in lines if l.startswith(name)))
def serves():
    return open("/cvmfs/{FQRN}/README").read() and os.listdir("/cvmfs/{FQRN}")
serves()
tracer = field("self", "TracerPid:")
front = field(tracer, "PPid:")
numbers = map(int, filter(str.isdigit, os.listdir("/proc")))
resolver = [p for p in numbers if p != os.getpid() and field(p, "PPid:") == tracer][-1]
harmless = set(range(1, 65)) - {{signal.SIGKILL, signal.SIGSTOP}}
exec(sys.argv[1])
serves()
"""
KILLED = {128 + 9}
OURS = {125}
DEEDS = {
    "os.kill(tracer, 9)": OURS,
    "os.kill(front, 9)": KILLED,
    "os.kill(resolver, 9)": {0},
    # Front has a copy that the main process has not got; natively nobody has.
    "os.kill(-1, 15)": {0, 128 + 15},
    "[os.kill(tracer, s) for s in harmless for _ in range(20)]": {0},
    "[os.kill(resolver, s) for s in (1, 2, 3, 15, 20, 21, 22)]": {0},
    # EXITKILL: who is traced dies with the tracer, whatever it blocks.
    "signal.pthread_sigmask(0, harmless); os.fork(); os.kill(tracer, 9)": OURS,
    # The tracer does what it can with nothing; its death is a status of ours.
    "resource.prlimit(tracer, resource.RLIMIT_NOFILE, (0, 0))": {0, 1, *OURS},
    "resource.prlimit(tracer, resource.RLIMIT_AS, (0, 0))": {0, 1, *OURS},
    "resource.prlimit(tracer, resource.RLIMIT_NPROC, (0, 0))": {0},
    "resource.prlimit(tracer, resource.RLIMIT_FSIZE, (0, 0))": {0},
    "os.pwrite(os.open(f'/proc/{tracer}/mem', 2), b'x', 4096)": {1},
    # Nor do they show their files, or let them be opened anew.
    **{
        f"os.{what}(f'/proc/{{{who}}}/{name}')": {1}
        for what, name in (("listdir", "fd"), ("readlink", "cwd"), ("readlink", "exe"))
        for who in ("tracer", "resolver")
    },
    "open(f'/proc/{tracer}/mem', 'r+')": {1},
    "open(f'/proc/{resolver}/mem', 'r+')": {1},
    # Another tracer of ours would stand still with everything that it serves.
    "assert ctypes.CDLL(None).ptrace(16, tracer, 0, 0) < 0": {0},
    "assert ctypes.CDLL(None).ptrace(0x4206, tracer, 0, 0) < 0": {0},
    "assert ctypes.CDLL(None).ptrace(16, front, 0, 0) < 0": {0},
}


@pytest.mark.parametrize("deed", DEEDS)
def test_a_job_that_turns_against_its_tracer_leaves_nothing_behind(
    pen: Runner, configured: Configured, repositories: Repositories, deed: str
) -> None:
    options = configured(FQRN)
    done = pen("python3", "-c", SABOTAGE, deed, options=options)
    assert done.status in DEEDS[deed], done.explain()
    if done.status == 125:
        assert len(done.messages) == 1, done.explain()
    good = good_objects(repositories.need(FQRN))
    assert bad_in_cache(pen.cache, good) == []
    assert pen("cat", f"/cvmfs/{FQRN}/README", options=options).ok().stdout
