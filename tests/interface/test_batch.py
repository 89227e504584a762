# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/batch.md: the files of examples/ do what the page says.

The engines themselves are stood for by programs that run their arguments; Makeflow and
Work Queue are the real ones.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bundle import made_bundle
from tests.support.places import ROOT, need_tool, program
from tests.support.tour import HELLO, TIMEOUT_S, Tour, beside_the_key, touring
from tests.support.web import RUNNING, free_port

EXAMPLES = ROOT / "examples"
PAGE = (ROOT / "docs/batch.md").read_text(encoding="utf-8")


@pytest.fixture
def tour(place: Path) -> Iterator[Tour]:
    """Somebody who has a repository, and the key beside my.conf."""
    with touring(place) as found:
        found.run("use")
        beside_the_key(found)
        yield found


def test_the_page_links_every_example_of_an_engine() -> None:
    files = {path.name for path in EXAMPLES.iterdir() if path.is_file()}
    linked = set(re.findall(r"\]\(\.\./examples/([\w.-]+)\)", PAGE))
    assert linked == files - {"demo.sh"}


def command(tour: Tour, *words: object, **variables: str) -> str:
    """What a command prints that is run where the files are."""
    ended = subprocess.run(
        [str(word) for word in words],
        cwd=tour.place / "here",
        env={**tour.environment, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=2 * TIMEOUT_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


@pytest.mark.parametrize("name", ["slurm.sh", "gridengine.sh"])
def test_a_batch_script_runs_the_program(name: str, tour: Tour) -> None:
    tools = tour.place / "tools"
    tools.mkdir()
    (tools / "srun").write_text('#!/bin/sh\nexec "$@"\n')
    (tools / "srun").chmod(0o755)
    variables = {
        "PATH": f"{tools}:{tour.environment['PATH']}",
        "INTERPOSE_RUN": str(program("interpose_run")),
        "INTERPOSE_CACHE": str(tour.place / "cache"),
        "SGE_TASK_ID": "7",
    }
    assert command(tour, "/bin/sh", EXAMPLES / name, **variables) == HELLO
    assert (tour.place / "here/stats.7.json").exists() == (name == "gridengine.sh")
    # A shell that waits would keep signals: the last command replaces it.
    assert re.search(r"(?m)^exec .*(?:\\\n.*)*\n\Z", (EXAMPLES / name).read_text())


def workflow(tour: Tour) -> Path:
    """The directory of the Makeflow example, with what its rules need."""
    here = tour.place / "here"
    shutil.copy2(made_bundle(), here / "interpose_run")
    text = (EXAMPLES / "hello.makeflow").read_text()
    text = text.replace("/var/tmp/", f"{tour.place}/")
    (here / "hello.makeflow").write_text(text)
    return here


@pytest.mark.long
def test_makeflow_runs_rules_with_the_lone_file(tour: Tour) -> None:
    here = workflow(tour)
    command(tour, need_tool("makeflow", "coop-computing-tools"), "hello.makeflow")
    assert (here / "all.txt").read_text() == 2 * HELLO
    (here / "wrapped.makeflow").write_text(
        "wrapped.txt:\n\t/cvmfs/my.example.org/bin/hello > wrapped.txt\n"
    )
    wrapper = f"./interpose_run --config my.conf --cache {tour.place}/cache --"
    command(tour, "makeflow", "--wrapper", wrapper, "wrapped.makeflow")
    assert (here / "wrapped.txt").read_text() == HELLO


@pytest.mark.long
def test_a_worker_of_work_queue_gets_the_lone_file(tour: Tour) -> None:
    need_tool("work_queue_worker", "coop-computing-tools")
    here = workflow(tour)
    port = str(free_port())
    nowhere = tour.place / "worker"
    nowhere.mkdir()
    worker = subprocess.Popen(
        ["work_queue_worker", "-t", "60", "--cores", "2", "127.0.0.1", port],
        cwd=nowhere,
        env={**tour.environment, "HOME": os.devnull},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    RUNNING.add(worker.pid)
    try:
        command(tour, "makeflow", "-T", "wq", "-p", port, "hello.makeflow")
    finally:
        worker.terminate()
        worker.wait()
        RUNNING.discard(worker.pid)
    assert (here / "all.txt").read_text() == 2 * HELLO
