# SPDX-License-Identifier: GPL-2.0-or-later
"""Makeflow and Work Queue: a workflow in one run, each rule, and sent to workers."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from tests.engines.box import USER, eventually
from tests.engines.site import BIN, FILES, FQRN, Site
from tests.support.web import RUNNING

pytestmark = pytest.mark.long
PORT = "9123"
WORKERS, TASKS = 8, 200
DATA = f"/cvmfs/{FQRN}/data"


def flow(tasks: int, before: str = "", inputs: str = "") -> str:
    """Rules: each sums up one file of the repository, the last gathers."""
    outputs = " ".join(f"out.{number}" for number in range(tasks))
    rules = [f"all.txt: {outputs}\n\tcat {outputs} > all.txt\n"]
    for number in range(tasks):
        file = f"{DATA}/file{number % FILES}"
        job = f"sha256sum < {file} > out.{number}; {BIN}/hello >> out.{number}"
        rules.append(f'out.{number}: {inputs}\n\t{before} sh -c "{job}"\n')
    return "\n".join(rules)


def wanted(site: Site, tasks: int) -> str:
    sums = []
    for number in range(tasks):
        file = site.software / f"data/file{number % FILES}"
        sums.append(hashlib.sha256(file.read_bytes()).hexdigest())
    return "".join(f"{one}  -\nhello from {BIN}/hello\n" for one in sums)


@pytest.fixture
def here(trixie: Site, request: pytest.FixtureRequest) -> Path:
    return trixie.fresh(request.node.name.replace("[", "-").rstrip("]"))


def test_a_whole_workflow_inside_one_run(trixie: Site, here: Path) -> None:
    (here / "flow").write_text(flow(FILES))
    words = [trixie.program, "--config", "my.conf", "--", "makeflow", "-j", "4", "flow"]
    trixie.box.run(words, uid=USER, cwd=here)
    assert (here / "all.txt").read_text() == wanted(trixie, FILES)
    trixie.box.nothing_left()


@pytest.mark.parametrize("how", ["prefix", "wrapper"])
def test_each_rule_is_wrapped(trixie: Site, here: Path, how: str) -> None:
    before = f"{trixie.program} --config {here}/my.conf --"
    site_key = f"CVMFS_PUBLIC_KEY={here}/{FQRN}.pub\n"
    (here / "my.conf").open("a").write(site_key)
    (here / "flow").write_text(flow(FILES, before if how == "prefix" else ""))
    wrapper = ["--wrapper", before] if how == "wrapper" else []
    trixie.box.run(["makeflow", "-j", "4", *wrapper, "flow"], uid=USER, cwd=here)
    assert (here / "all.txt").read_text() == wanted(trixie, FILES)
    trixie.box.nothing_left()


def test_workers_of_other_users_get_the_bundle_with_each_task(
    trixie: Site, here: Path
) -> None:
    """Eight users with a home and a scratch each, one alien cache, 200 tasks."""
    alien = here / "alien"
    alien.mkdir()
    alien.chmod(0o1777)
    os.link(trixie.program, here / "interpose_run")
    before = f"./interpose_run --config my.conf --alien-cache {alien} --"
    inputs = f"interpose_run my.conf {FQRN}.pub"
    (here / "flow").write_text(flow(TASKS, before, inputs))
    trixie.server.forget()
    words = trixie.box.words(
        ["makeflow", "-T", "wq", "-p", PORT, "flow"], uid=USER, cwd=here
    )
    master = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    RUNNING.add(master.pid)
    workers = [worker(trixie, number) for number in range(WORKERS)]
    said, _ = master.communicate(timeout=600)
    assert master.returncode == 0, said[-3000:]
    assert (here / "all.txt").read_text() == wanted(trixie, TASKS)
    for one, home in workers:
        # 1: nobody listens any more.
        assert one.wait(120) in (0, 1)
        assert [path for path in home.iterdir() if path.name != ".cache"] == []
    for one in [master, *(one for one, _ in workers)]:
        RUNNING.discard(one.pid)
    data = [row.path for row in trixie.server.requests() if "/data/" in row.path]
    assert len(set(data)) > FILES
    trixie.box.nothing_left()


def worker(site: Site, number: int) -> tuple[subprocess.Popen[bytes], Path]:
    """One that ends when it has had nothing to do for 20 seconds."""
    uid = USER + 1 + number
    home = site.home / f"worker-{number}"
    home.mkdir()
    os.chown(home, uid, uid)
    words = ["work_queue_worker", "-t", "20", "--cores", "1", "--workdir", home]
    command = site.box.words(
        [*words, "127.0.0.1", PORT], uid=uid, cwd=home, env={"HOME": str(home)}
    )
    started = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    RUNNING.add(started.pid)
    eventually(lambda: list(home.iterdir()), lambda: "no worker")
    return started, home
