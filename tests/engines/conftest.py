# SPDX-License-Identifier: GPL-2.0-or-later
"""What the engines are given to run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines import condor, daemons, images
from tests.engines.box import KEPT, need_tree
from tests.engines.condor import Pool
from tests.engines.site import Site, site
from tests.engines.subject import subject
from tests.support.keeper import own_directory
from tests.support.places import Repositories


@pytest.fixture(scope="session")
def interpose_run() -> Iterator[Path]:
    """The program where every user may execute it, and `interpose` beside it."""
    with own_directory("interpose-engines-") as place:
        program = place / "interpose_run"
        shutil.copy2(subject(), program)
        program.chmod(0o755)
        program.with_name("interpose").symlink_to(program.name)
        yield program


@pytest.fixture(scope="session")
def trees(repositories: Repositories) -> Path:
    """Where the trees of all workers of a session are, unless they are kept."""
    return Path(os.environ.get(KEPT, repositories.docroot / "trees"))


@pytest.fixture(scope="module")
def trixie(trees: Path, interpose_run: Path) -> Iterator[Site]:
    """A machine with HTCondor, Makeflow and Work Queue, Docker and podman."""
    packages = (*condor.PACKAGES, *images.PACKAGES)
    with site(need_tree("trixie", packages, trees), interpose_run) as found:
        yield found


@pytest.fixture(scope="module")
def bookworm(trees: Path, interpose_run: Path) -> Iterator[Site]:
    """A machine with Slurm, Grid Engine and OpenMPI."""
    with site(need_tree("bookworm", daemons.PACKAGES, trees), interpose_run) as found:
        yield found


@pytest.fixture(scope="module")
def sid(trees: Path, interpose_run: Path) -> Iterator[Site]:
    """A machine with apptainer, which no stable Debian has."""
    with site(need_tree("sid", ["apptainer"], trees), interpose_run) as found:
        yield found


@pytest.fixture(scope="module")
def slim(trees: Path) -> Path:
    """The smallest Debian, as base of an image."""
    return need_tree("trixie", [], trees, "trixie-slim")


@pytest.fixture(scope="module")
def pool(trixie: Site) -> Iterator[Pool]:
    running = Pool(trixie)
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _is_what_is_run(interpose_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runner and Publisher start the same program as the engines do."""
    monkeypatch.setenv("INTERPOSE_RUN", str(interpose_run))
