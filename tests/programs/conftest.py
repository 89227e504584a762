# SPDX-License-Identifier: GPL-2.0-or-later
"""Software in /cvmfs for this room: `workflow.same(row)`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import DOCROOT
from tests.programs.trees import TREES
from tests.support.keeper import watched
from tests.support.run import Runner
from tests.support.software import Software
from tests.support.web import Server
from tests.support.workflow import Workflow, need_mounts


@pytest.fixture(scope="session")
def software() -> Software:
    return Software(Path(os.environ[DOCROOT]) / "software", TREES)


@pytest.fixture(scope="session")
def software_server(
    software: Software, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """One web server for a worker's runs."""
    software.publisher.storage.mkdir(parents=True, exist_ok=True)
    state = tmp_path_factory.mktemp("software")
    running = Server(software.publisher.storage, state)
    with watched(state):
        running.start()
        yield running
        running.stop()


@pytest.fixture
def workflow(
    software: Software, software_server: Server, run: Runner, place: Path
) -> Workflow:
    need_mounts()
    return Workflow(software, software_server.url, run, place)
