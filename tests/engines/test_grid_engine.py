# SPDX-License-Identifier: GPL-2.0-or-later
"""Grid Engine: a job, an array, and its ends with and without notice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines.box import USER, eventually, once
from tests.engines.daemons import GRID_ENV, PATIENCE_S, start_grid_engine
from tests.engines.site import BIN, Site

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def grid(bookworm: Site) -> Site:
    start_grid_engine(bookworm)
    return bookworm


@pytest.fixture
def here(grid: Site, request: pytest.FixtureRequest) -> Path:
    return grid.fresh(request.node.name.replace("[", "-").rstrip("]"))


def qsub(grid: Site, here: Path, *words: str) -> tuple[int, str]:
    """Submit a program; with `-sync y` the status is that of the job."""
    command = ["qsub", "-b", "y", "-cwd", "-j", "y", *words]
    done = grid.box.run(command, uid=USER, cwd=here, env=GRID_ENV, check=False)
    return done.returncode, done.stdout + done.stderr


def running(grid: Site) -> str:
    """The lines of running jobs."""
    words = ["qstat", "-s", "r", "-u", "alice"]
    return grid.box.run(words, env=GRID_ENV).stdout


def ours(grid: Site, *more: str) -> list[str]:
    return [str(grid.program), "--config", str(grid.absolute()), *more, "--"]


def test_one_job(grid: Site, here: Path) -> None:
    said = qsub(grid, here, "-sync", "y", "-o", "out", *ours(grid), f"{BIN}/hello")
    assert said[0] == 0, said
    assert (here / "out").read_text() == f"hello from {BIN}/hello\n"
    grid.box.nothing_left()


@pytest.mark.parametrize("name", ["SEGV", "KILL"])
def test_death_by_a_signal(grid: Site, here: Path, name: str) -> None:
    native = str(grid.software / "bin/die")
    said = [
        qsub(grid, here, "-sync", "y", "-o", "out", *program, name)
        for program in ([native], [*ours(grid), f"{BIN}/die"])
    ]
    last = [text.splitlines()[-1].split(" ", 2)[2] for _, text in said]
    assert said[0][0] == said[1][0]
    assert last[0] == last[1]


def test_an_array_of_twenty(grid: Site, here: Path) -> None:
    alien = here / "alien"
    alien.mkdir()
    alien.chmod(0o1777)
    job = [*ours(grid, "--alien-cache", str(alien)), f"{BIN}/counts"]
    status, text = qsub(grid, here, "-sync", "y", "-t", "1-20", "-o", "array", *job)
    assert status == 0, text
    native = grid.box.run(["sh", grid.software / "bin/counts"]).stdout
    assert (here / "array").read_text() == native * 20
    grid.box.nothing_left()


def told_of_its_delete(grid: Site, here: Path, side: str, number: int) -> list[str]:
    """What a job of -notify is told until it is gone."""
    noted = here / f"notes-{side}-{number}"
    program = [str(grid.software / "bin/noting")]
    if side == "ours":
        program = [*ours(grid), f"{BIN}/noting"]
    words = ["-terse", "-notify", "-o", "out", *program, str(noted)]
    job = qsub(grid, here, *words)[1].split()[0]
    explain = noted.name.__str__
    eventually(lambda: noted.exists() and noted.read_text(), explain, PATIENCE_S)
    # Before it is said to run, no notice is given.
    eventually(lambda: f"{job} " in running(grid), lambda: running(grid), PATIENCE_S)
    grid.box.run(["qdel", job], uid=USER, env=GRID_ENV)
    queue = ["qstat", "-j", job]
    eventually(
        lambda: grid.box.run(queue, env=GRID_ENV, check=False).returncode != 0,
        explain,
        120,
    )
    return once(noted.read_text().split())


def test_a_delete_with_notice(grid: Site, here: Path) -> None:
    """Qdel of a job of -notify: SIGUSR2 first, SIGKILL five seconds later.

    On a busy machine the engine may kill a job without a notice,
    natively as well.
    """
    wanted = ["start", "SIGUSR2"]
    for side in ("native", "ours"):
        tries = (told_of_its_delete(grid, here, side, number) for number in range(3))
        assert wanted in tries, side
    grid.box.nothing_left()
