# SPDX-License-Identifier: GPL-2.0-or-later
"""Many nodes on one empty alien cache: each object is fetched about once.

A node is a private cache of its own here. Some die, and clocks of some are wrong.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.places import need_tool
from tests.support.published import Publisher, published_files
from tests.support.run import Runner
from tests.support.web import Server

FQRN = "nodes.example.org"
TOP = f"/cvmfs/{FQRN}"
NODES = 40
FILES, FILE_BYTES = 150, 200_000
SUMS = f"find {TOP} -type f | LC_ALL=C sort | xargs cat | sha256sum"
Nodes = list[subprocess.Popen[bytes]]


def content(number: int) -> bytes:
    """Of one file; nothing that packs well."""
    return random.Random(number).randbytes(FILE_BYTES)


def whole_content() -> str:
    parts = (content(number) for number in range(FILES))
    return hashlib.sha256(b"".join(parts)).hexdigest()


@pytest.fixture(scope="module")
def publisher() -> Iterator[Publisher]:
    folders = [f"part{number // 50}" for number in range(FILES)]
    files = {f"{folder}/.cvmfscatalog": b"" for folder in folders}
    for number, folder in enumerate(folders):
        files[f"{folder}/{number:03}"] = content(number)
    with published_files(FQRN, files) as publisher:
        yield publisher


@pytest.fixture
def server(publisher: Publisher, serve: Callable[[Path], Server]) -> Server:
    return serve(publisher.storage)


@pytest.fixture
def alien(run: Runner) -> Path:
    return run.place / "alien"


def start_nodes(
    run: Runner,
    publisher: Publisher,
    server: Server,
    alien: Path,
    clocks: Callable[[int], dict[str, str]] = lambda _: {},
) -> Nodes:
    """All at once, each with a private cache of its own; `clocks`: what it is told."""
    options = [*publisher.options(FQRN, server.url), "--alien-cache", alien]
    options += ["-o", "CVMFS_QUOTA_LIMIT=-1"]
    return [
        run.start(
            *("sh", "-c", SUMS),
            options=[*options, "--cache", run.place / f"node-{number}"],
            env={**run.environment(), **clocks(number)},
        )
        for number in range(NODES)
    ]


def sums_of(nodes: Nodes) -> list[bytes]:
    """What those print that have come to their end."""
    said = [node.communicate(timeout=300) for node in nodes]
    ended = [pair for node, pair in zip(nodes, said) if node.returncode == 0]
    assert {error for _, error in ended} <= {b""}
    return [out.split()[0] for out, _ in ended]


def fetched(server: Server) -> Counter[str]:
    """How often each object was asked for: certificate, catalogs and files."""
    paths = [row.path for row in server.requests() if "/data/" in row.path]
    return Counter(paths)


def once_each(server: Server) -> None:
    counts = fetched(server)
    assert len(counts) >= FILES + 5, counts
    assert sum(counts.values()) <= 1.1 * len(counts), counts.most_common(5)
    assert max(counts.values()) <= 3, counts.most_common(5)


def left_turns(alien: Path) -> list[str]:
    return sorted(os.listdir(alien / "txn"))


def test_nodes_that_start_together_fetch_each_object_once(
    run: Runner, publisher: Publisher, server: Server, alien: Path
) -> None:
    sums = sums_of(start_nodes(run, publisher, server, alien))
    assert set(sums) == {whole_content().encode()}
    assert len(sums) == NODES
    once_each(server)
    assert left_turns(alien) == []


def test_a_third_of_the_fetchers_is_killed(
    run: Runner, publisher: Publisher, server: Server, alien: Path
) -> None:
    chance = random.Random(19)
    nodes = start_nodes(run, publisher, server, alien)
    killed = chance.sample(nodes, NODES // 3)
    for node in killed:
        # Random on purpose: any moment is right, so this sleep synchronises nothing.
        time.sleep(chance.uniform(0.0, 0.5))
        kill(node)
    sums = sums_of([node for node in nodes if node not in killed])
    for node in killed:
        node.communicate(timeout=300)
    assert sums == [whole_content().encode()] * (NODES - len(killed))
    once_each(server)
    # Somebody waited for each of them: no turn of a dead one is left.
    assert left_turns(alien) == []
    run("true").ok()  # removes the scratches of the dead


def kill(node: subprocess.Popen[bytes]) -> None:
    """All of one node at once, so that nobody takes anything away."""
    with contextlib.suppress(psutil.Error):
        front = psutil.Process(node.pid)
        for process in [*front.children(recursive=True), front]:
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)


def test_clocks_are_an_hour_apart(
    run: Runner, publisher: Publisher, server: Server, alien: Path
) -> None:
    library = compiled(run.place)

    def clocks(number: int) -> dict[str, str]:
        shift = (number % 3 - 1) * 3600
        return {"LD_PRELOAD": str(library), "CLOCK_SHIFT_S": str(shift)}

    sums = sums_of(start_nodes(run, publisher, server, alien, clocks))
    assert sums == [whole_content().encode()] * NODES
    once_each(server)
    assert left_turns(alien) == []


def compiled(place: Path) -> Path:
    """The library that shifts a process's clock."""
    source = Path(__file__).parent / "programs/shifted_clock.c"
    library = place / "shifted_clock.so"
    words = ["-shared", "-fPIC", "-O1", "-o", str(library), str(source)]
    subprocess.run([need_tool("cc", "gcc"), *words], check=True)
    shown = subprocess.run(
        [sys.executable, "-c", "import time; print(time.time())"],
        env={"LD_PRELOAD": str(library), "CLOCK_SHIFT_S": "3600"},
        check=True,
        capture_output=True,
    )
    assert float(shown.stdout) > time.time() + 3000
    return library
