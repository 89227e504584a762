# SPDX-License-Identifier: GPL-2.0-or-later
"""OpenMPI: interpose_run before mpirun, before each rank, behind srun; statuses too."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.engines.box import USER
from tests.engines.daemons import start_slurm
from tests.engines.site import BIN, Site
from tests.support.places import ROOT

pytestmark = pytest.mark.long
SOURCE = ROOT / "tests/engines/programs/ranks.c"
# A machine with loopback only.
LOOPBACK = {
    "OMPI_MCA_if_base_retain_loopback": "1",
    "OMPI_MCA_oob_tcp_if_include": "lo",
}
MPIRUN = ["mpirun", "--oversubscribe", "-n", "4"]


@pytest.fixture(scope="module")
def ranks(bookworm: Site) -> Path:
    """The program, compiled by the tree's own compiler."""
    folder = bookworm.fresh("mpi")
    shutil.copy2(SOURCE, folder)
    words = ["mpicc", "-O1", "ranks.c", "-o", "ranks"]
    bookworm.box.run(words, uid=USER, cwd=folder)
    return folder / "ranks"


@pytest.mark.parametrize("status", [0, 3])
@pytest.mark.parametrize("way", ["before_mpirun", "before_each_rank"])
def test_all_ranks_see_cvmfs(
    bookworm: Site, ranks: Path, way: str, status: int
) -> None:
    ours = [str(bookworm.program), "--config", str(bookworm.absolute()), "--"]
    program = [str(ranks), f"{BIN}/hello", str(status)]
    before = way == "before_mpirun"
    words = [*ours, *MPIRUN, *program] if before else [*MPIRUN, *ours, *program]
    done = bookworm.box.run(words, uid=USER, env=LOOPBACK, check=False)
    assert (done.returncode, done.stdout.splitlines()[0]) == (status, "4 of 4"), done
    bookworm.box.nothing_left()


def test_without_us_no_rank_sees_it(bookworm: Site, ranks: Path) -> None:
    words = [*MPIRUN, str(ranks), f"{BIN}/hello", "0"]
    done = bookworm.box.run(words, uid=USER, env=LOOPBACK)
    assert done.stdout == "0 of 4\n"


@pytest.fixture(scope="module")
def slurm(bookworm: Site) -> Site:
    start_slurm(bookworm)
    return bookworm


@pytest.mark.parametrize("status", [0, 3])
def test_ranks_of_srun_find_each_other(slurm: Site, ranks: Path, status: int) -> None:
    """Each rank is one run; slurmd's PMIx server is outside of them all."""
    program = [str(ranks), f"{BIN}/hello", str(status)]
    said = []
    for before in ([], [str(slurm.program), "--config", str(slurm.absolute()), "--"]):
        words = ["srun", "--mpi=pmix", "-n", "4", *before, *program]
        done = slurm.box.run(words, uid=USER, env=LOOPBACK, check=False)
        said.append((done.returncode, done.stdout.split("\n")[0]))
    assert said == [(status, "0 of 4"), (status, "4 of 4")], done
    slurm.box.nothing_left()
