# SPDX-License-Identifier: GPL-2.0-or-later
"""Threads, processes and the ways to make them, also many at a time."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.places import ROOT, need_tool
from tests.support.run import Job, Runner

# Of what `make build` has compiled.
LINK = f"""
import pathlib, setup, sys
objects = pathlib.Path("build/program-{platform.machine()}")
setup.compile_program(objects, pathlib.Path(sys.argv[1]))
"""


@pytest.mark.parametrize("kind", ["fork", "vfork", "posix_spawn", "clone3", "clone_vm"])
def test_each_way_to_make_a_process(run: Runner, compiled: Path, kind: str) -> None:
    result = run(compiled / "births", kind, "50", stats=True)
    assert (result.status, result.text) == (0, "50\n"), result.explain()
    assert result.stats["job"]["processes"] == 51


def test_exec_by_a_thread_that_is_not_the_leader(run: Runner, compiled: Path) -> None:
    for _ in range(20):
        result = run(compiled / "thread_exec", "/bin/sh", "-c", "echo $$ $PPID; exit 9")
        assert result.status == 9, result.explain()
        assert len(result.text.split()) == 2


@pytest.fixture(scope="module")
def slow_tracer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """interpose_run, which dawdles between the stops that it collects."""
    place = tmp_path_factory.mktemp("slow")
    place.chmod(0o755)
    extra = place / "slow.o"
    source = Path(__file__).with_name("slow_collecting.c")
    subprocess.run([need_tool("gcc"), "-c", source, "-o", extra], check=True)
    env = {**os.environ, "LDFLAGS": f"{extra} -Wl,--wrap=waitpid"}
    words = [sys.executable, "-c", LINK, str(place / "interpose_run")]
    subprocess.run(words, check=True, cwd=ROOT, env=env)
    return place / "interpose_run"


def test_a_leader_that_stops_while_its_thread_executes_is_left_alone(
    run: Runner,
    compiled: Path,
    slow_tracer: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its stop is collected, and when it is answered its id is the thread's."""
    monkeypatch.setenv("INTERPOSE_RUN", str(slow_tracer))
    for _ in range(20):
        result = run(compiled / "thread_exec", "/bin/sh", "-c", "echo $$ $PPID; exit 9")
        assert result.status == 9, result.explain()


def test_exec_by_a_thread_keeps_signals_coming(run: Runner, compiled: Path) -> None:
    front = run.start(compiled / "thread_exec", "/bin/sh", "-c", "echo ready; exec cat")
    assert front.stdout is not None
    front.stdout.readline()
    front.terminate()
    front.wait()
    front.communicate()
    assert front.returncode == -15


def test_leader_ends_before_its_threads(run: Runner, compiled: Path) -> None:
    assert run(compiled / "leader_ends", timeout_s=60).text == "last\n"


def test_1000_threads(run: Runner, compiled: Path) -> None:
    result = run(compiled / "threads", "1000", "20")
    assert (result.status, result.text) == (0, "20000\n"), result.explain()


def test_300_processes_at_once(run: Runner) -> None:
    script = "for i in $(seq 300); do (read x < /dev/null; pwd >/dev/null) & done; wait"
    result = run("bash", "-c", script, stats=True)
    assert (result.status, result.stats["job"]["processes"]) == (0, 302)


def test_pipelines(run: Runner) -> None:
    script = "seq 1000 | sort -rn | head -n 500 | tail -n 1 | tr -d '\\n' | cat"
    assert run("bash", "-c", script).text == "501"


def test_untraced_flag_is_taken_away(run: Runner, compiled: Path) -> None:
    result = run(compiled / "births", "untraced", "5", stats=True)
    assert (result.status, result.text) == (0, "5\n")
    assert result.stats["job"]["processes"] == 6


def test_io_uring_is_not_there(run: Runner, compiled: Path) -> None:
    assert run(compiled / "number", "425").text == "ENOSYS\n"


def test_signals_interrupt_calls_as_without_us(run: Runner, compiled: Path) -> None:
    result = run(compiled / "interrupted")
    assert (result.status, result.text) == (0, "restarted\ninterrupted\n")


def test_many_runs_at_a_time(run: Runner) -> None:
    commands = [
        run.arguments(Job(["sh", "-c", f"/bin/true; exit {number % 100}"]))
        for number in range(60)
    ]

    def status(command: list[str | bytes]) -> int:
        return subprocess.run(command, check=False).returncode

    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(status, commands))
    assert statuses == [number % 100 for number in range(60)]
    assert not list(run.scratch.iterdir())


def test_inner_run_joins_the_outer_one(run: Runner) -> None:
    inner = run.arguments(Job(["sh", "-c", "echo inside; exit 3"]))
    # Its own cache would be another run's.
    words = [word for word in inner if word != "--cache" and word != str(run.cache)]
    result = run(*words)
    assert (result.status, result.text) == (3, "inside\n"), result.explain()


def test_inner_run_with_a_repository_is_refused(run: Runner) -> None:
    words = run.arguments(Job(["true"], options=["-r", "a.example.org"]))
    result = run(*words)
    assert result.status == 125
    assert "--repository a.example.org" in result.messages[-1]


def test_python_subprocesses_and_threads(run: Runner) -> None:
    script = (
        "import subprocess, threading\n"
        "def work():\n"
        "    for _ in range(5):\n"
        "        assert subprocess.run(['/bin/true']).returncode == 0\n"
        "threads = [threading.Thread(target=work) for _ in range(20)]\n"
        "[thread.start() for thread in threads]\n"
        "[thread.join() for thread in threads]\n"
    )
    result = run(sys.executable, "-c", script)
    assert (result.status, result.errors) == (0, [])
