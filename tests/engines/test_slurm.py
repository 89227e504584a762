# SPDX-License-Identifier: GPL-2.0-or-later
"""Slurm: interpose_run behind srun; statuses, arrays, ends by others, nothing left."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines.box import USER, eventually, once
from tests.engines.daemons import PATIENCE_S, start_slurm
from tests.engines.site import BIN, FQRN, Site

pytestmark = pytest.mark.long
HELLO = f"hello from {BIN}/hello\n"


@pytest.fixture(scope="module")
def slurm(bookworm: Site) -> Site:
    start_slurm(bookworm)
    return bookworm


@pytest.fixture
def here(slurm: Site, request: pytest.FixtureRequest) -> Path:
    return slurm.fresh(request.node.name.replace("[", "-").rstrip("]"))


def ours(site: Site, *more: str) -> list[str]:
    return [str(site.program), "--config", str(site.absolute()), *more, "--"]


def test_srun_runs_it(slurm: Site, here: Path) -> None:
    words = ["srun", "-n", "4", *ours(slurm), f"{BIN}/hello"]
    assert slurm.box.run(words, uid=USER, cwd=here).stdout == HELLO * 4
    slurm.box.nothing_left()


@pytest.mark.parametrize(
    "command",
    ["exit 5", "kill -SEGV $$", "kill -KILL $$", "kill -TERM $$"],
)
def test_statuses_are_those_without_us(slurm: Site, here: Path, command: str) -> None:
    said = []
    for before in ([], ours(slurm)):
        words = ["srun", *before, "sh", "-c", command]
        done = slurm.box.run(words, uid=USER, cwd=here, check=False)
        said.append(done.returncode)
    assert said[0] == said[1] != 0


def test_failures_of_ours_have_their_numbers(slurm: Site, here: Path) -> None:
    for more, command, status in (
        ([], f"{BIN}/nothing", 127),
        (["-r", "nowhere.example.org"], "true", 125),
    ):
        words = ["srun", *ours(slurm, *more), command]
        assert (
            slurm.box.run(words, uid=USER, cwd=here, check=False).returncode == status
        )


def test_before_srun_it_reaches_no_task(slurm: Site, here: Path) -> None:
    """Tasks are started by slurmd: not descendants of ours."""
    script = f"ls -d /cvmfs/{FQRN} || echo unseen"
    words = [*ours(slurm), "srun", "sh", "-c", script]
    assert slurm.box.run(words, uid=USER, cwd=here).stdout == "unseen\n"


def test_an_array_of_twenty(slurm: Site, here: Path) -> None:
    alien = here / "alien"
    alien.mkdir()
    alien.chmod(0o1777)
    job = " ".join(ours(slurm, "--cache", f"{here}/cache.$SLURM_ARRAY_TASK_ID"))
    job = job.replace(" --", f" --alien-cache {alien} --", 1)
    script = f"#!/bin/sh\n#SBATCH --array=0-19 -o %a.out\nexec {job} {BIN}/counts\n"
    (here / "array.sh").write_text(script)
    slurm.box.run(["sbatch", "--wait", "array.sh"], uid=USER, cwd=here)
    native = slurm.box.run(["sh", slurm.software / "bin/counts"]).stdout
    assert {path.read_text() for path in here.glob("*.out")} == {native}
    assert len(list(here.glob("*.out"))) == 20
    slurm.box.nothing_left()


@pytest.mark.parametrize("stubborn", ["", "stubborn"])
@pytest.mark.parametrize("end", ["scancel", "time"])
def test_ended_by_slurm(slurm: Site, here: Path, end: str, stubborn: str) -> None:
    """SIGCONT and SIGTERM, SIGKILL after KillWait; the same notes as without us."""
    notes = {}
    for side in ("native", "ours"):
        noted = here / f"notes-{side}"
        program = str(slurm.software / "bin/noting")
        if side == "ours":
            program = " ".join([*ours(slurm), f"{BIN}/noting"])
        limit = ["--time=00:01:00"] if end == "time" else []
        wrap = f"srun {program} {noted} {stubborn}"
        words = ["sbatch", "--parsable", *limit, "--wrap", wrap]
        number = slurm.box.run(words, uid=USER, cwd=here).stdout.strip()
        explain = noted.name.__str__
        eventually(lambda n=noted: n.exists() and n.read_text(), explain, PATIENCE_S)
        if end == "scancel":
            slurm.box.run(["scancel", number], uid=USER)
        queue = ["squeue", "-h", "-j", number]
        eventually(
            lambda q=queue: not slurm.box.run(q, check=False).stdout, explain, 180
        )
        words = [one for one in noted.read_text().split() if one != "SIGCONT"]
        notes[side] = once(words)
    assert notes["ours"] == notes["native"] == ["start", "SIGTERM"]
    if stubborn:
        # Each process got SIGKILL; what lay in /tmp goes with the next run.
        slurm.box.run([*ours(slurm), "true"], uid=USER, cwd=here)
    slurm.box.nothing_left()
