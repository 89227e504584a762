# SPDX-License-Identifier: GPL-2.0-or-later
"""Snakemake and Parsl of PyPI on this machine: whole under one run, and each task."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engines.site import FILES, FQRN, repository
from tests.support.published import Publisher
from tests.support.run import DEFAULT_PATH, Runner
from tests.support.web import Server

pytestmark = pytest.mark.long
TASKS = 12
DATA = f"/cvmfs/{FQRN}/data"
SNAKEFILE = """
rule all:
    input: "all.txt"
rule one:
    output: "out.{{n}}"
    shell: "{before} sh -c 'sha256sum < {data}/file{{wildcards.n}} > {{output}}'"
rule gather:
    input: expand("out.{{n}}", n=range({tasks}))
    output: "all.txt"
    shell: "cat {{input}} > {{output}}"
"""
PARSL = """
import sys
import parsl
from parsl.app.app import bash_app, python_app
from parsl.config import Config
from parsl.executors import HighThroughputExecutor
from parsl.executors.threads import ThreadPoolExecutor
from parsl.providers import LocalProvider

here = sys.argv[1]
processes = HighThroughputExecutor(
    label="processes", address="127.0.0.1", max_workers_per_node=2,
    cores_per_worker=0.1,
    provider=LocalProvider(init_blocks=1, max_blocks=1))
threads = ThreadPoolExecutor(max_threads=2)
executor = processes if sys.argv[2] == "processes" else threads

@bash_app
def one(before, data, n, outputs=()):
    command = f"{{before}} sh -c 'sha256sum < {{data}}/file{{n}}'"
    return f"{{command}} > {{outputs[0].filepath}}"

run_dir = here + "/runinfo"
with parsl.load(Config(executors=[executor], run_dir=run_dir, usage_tracking=0)):
    from parsl.data_provider.files import File
    tasks = [one("{before}", "{data}", n, outputs=[File(f"{{here}}/out.{{n}}")])
             for n in range({tasks})]
    assert [task.result() for task in tasks] == [0] * {tasks}
with open(here + "/all.txt", "w") as all_of_them:
    for n in range({tasks}):
        all_of_them.write(open(f"{{here}}/out.{{n}}").read())
"""
How = Callable[[str], list[Any]]


@pytest.fixture(scope="session")
def engines(trees: Path) -> Path:
    """A virtual environment with both, made once for all workers; else skip."""
    trees.mkdir(exist_ok=True)
    venv = trees / "venv"
    with (trees / "venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (trees / "venv.done").exists():
            subprocess.run([sys.executable, "-m", "venv", venv], check=True)
            words = [venv / "bin/pip", "install", "-q", "snakemake", "parsl"]
            done = subprocess.run(words, check=False, capture_output=True, text=True)
            if done.returncode != 0:
                pytest.skip(f"no package index: {done.stderr[-500:]}")
            (trees / "venv.done").touch()
    return venv / "bin"


@pytest.fixture
def published(place: Path, serve: Callable[[Path], Server]) -> tuple[list[Any], str]:
    """Options of the repository, and what a workflow over its data gives."""
    publisher = Publisher(place)
    tree = repository(place, publisher)
    options = publisher.options(FQRN, serve(publisher.storage).url)
    files = [tree / "data" / f"file{number}" for number in range(FILES)]
    sums = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files[:TASKS]]
    return options, "".join(f"{one}  -\n" for one in sums)


def environment(place: Path, engines: Path) -> dict[str, str]:
    (place / "home").mkdir(exist_ok=True)
    path = f"{engines}:{DEFAULT_PATH}"
    return {"PATH": path, "HOME": str(place / "home"), "LC_ALL": "C.UTF-8"}


def carried_out(
    run: Runner,
    command: list[str],
    options: list[Any],
    env: dict[str, str],
    whole: bool,
) -> None:
    """Under one run, or with a run for each task."""
    if whole:
        run(*command, options=options, env=env, cwd=run.place, timeout_s=300).ok()
        return
    done = subprocess.run(
        command, check=False, capture_output=True, env=env, cwd=run.place, timeout=300
    )
    assert done.returncode == 0, done.stderr.decode()


def before(run: Runner, options: list[Any], program: Path, whole: bool) -> str:
    """Words before each task."""
    words = [str(program), *map(str, run.base), *map(str, options), "--"]
    return "" if whole else " ".join(words)


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "each_rule"])
def test_a_snakemake_workflow(
    run: Runner,
    engines: Path,
    published: tuple[list[Any], str],
    interpose_run: Path,
    whole: bool,
) -> None:
    options, wanted = published
    words = before(run, options, interpose_run, whole)
    text = SNAKEFILE.format(before=words, data=DATA, tasks=TASKS)
    (run.place / "Snakefile").write_text(text)
    command = [str(engines / "snakemake"), "--cores", "2"]
    carried_out(run, command, options, environment(run.place, engines), whole)
    assert (run.place / "all.txt").read_text() == wanted


@pytest.mark.parametrize("executor", ["threads", "processes"])
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "each_task"])
def test_a_parsl_workflow(
    run: Runner,
    engines: Path,
    published: tuple[list[Any], str],
    interpose_run: Path,
    whole: bool,
    executor: str,
) -> None:
    """Processes: workers and an interchange of Parsl's own, over sockets."""
    options, wanted = published
    words = before(run, options, interpose_run, whole)
    text = PARSL.format(before=words, data=DATA, tasks=TASKS)
    (run.place / "flow.py").write_text(text)
    python = str(engines / "python")
    command = [python, "flow.py", str(run.place), executor]
    carried_out(run, command, options, environment(run.place, engines), whole)
    assert (run.place / "all.txt").read_text() == wanted
