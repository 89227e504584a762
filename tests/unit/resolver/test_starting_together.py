# SPDX-License-Identifier: GPL-2.0-or-later
"""Jobs that start together on a node: what is the same for all is fetched once."""

from __future__ import annotations

import threading
from pathlib import Path

from interpose import native
from tests.support.faulty_server import FaultyServer
from tests.support.places import Repositories
from tests.unit.resolver.conftest import Start
from tests.unit.resolver.test_content import SHA1

JOBS = 6


class Gate(FaultyServer):
    """Answers nobody's first question before all have asked it."""

    together = threading.Barrier(JOBS, timeout=120)

    def body(self, path: str) -> bytes | None:
        if path.endswith(".cvmfspublished"):
            self.together.wait()
        return super().body(path)


def test_certificate_and_root_catalog_are_fetched_once(
    start: Start, repositories: Repositories, place: Path
) -> None:
    with Gate(repositories.need(SHA1).parent.parent) as server:
        jobs = [start(SHA1, url=server.url) for _ in range(JOBS)]
        for job in jobs:
            job.send(native.OPEN, SHA1)
        for job in jobs:
            _, answer = job.receive()
            assert answer.error == 0, job.lines()
        objects = [seen.path for seen in server.requests if "/data/" in seen.path]
    assert sorted(path[-1] for path in objects) == ["C", "X"]
    assert [*(place / "cache/txn").iterdir()] == []


def test_nothing_stays_of_a_turn_where_nothing_is_kept(
    start: Start, repositories: Repositories, place: Path
) -> None:
    with FaultyServer(repositories.need(SHA1).parent.parent) as server:
        for path in (repositories.need(SHA1) / "data").rglob("*X"):
            name = f"/cvmfs/{SHA1}/data/{path.parent.name}/{path.name}"
            server.put(name, b"no certificate")
        job = start(SHA1, url=server.url)
        assert job.ask(native.OPEN, SHA1).error != 0
    assert not (place / "cache").exists()
