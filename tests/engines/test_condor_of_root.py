# SPDX-License-Identifier: GPL-2.0-or-later
"""HTCondor as nodes have it: daemons of root, jobs of a slot's user without a home."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.condor import SLOT_UID, Pool, ends
from tests.engines.site import BIN, Site

pytestmark = pytest.mark.long
GOOD = {"ExitBySignal": "false", "ExitCode": "0"}


@pytest.fixture(scope="module")
def node(trixie: Site) -> Iterator[Pool]:
    running = Pool(trixie, of_root=True)
    yield running
    running.stop()


@pytest.fixture
def here(node: Pool, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A directory of alice's to submit from; afterwards nothing of ours is left."""
    folder = node.site.fresh(request.node.name.replace("[", "-").rstrip("]"))
    shutil.copy2(node.site.program, folder)
    for path in (node.site.software / "bin").iterdir():
        shutil.copy2(path, folder)
    folder.chmod(0o777)  # The slot's user notes signals here.
    yield folder
    node.nothing_left()


def test_the_job_is_the_slots_users_and_sees_cvmfs(node: Pool, here: Path) -> None:
    cache = "--cache /var/tmp/cache-of-slots"
    # In condor's own quotes: double ones around all, single ones around a word.
    script = f"id -u; wc -c < {BIN}/hello; {BIN}/hello"
    words = f"\"--config my.conf {cache} -- sh -c '{script}'\""
    job = node.submit(here, node.text(words, "job"))
    assert ends(job) == GOOD, job.explain()
    size = (node.site.software / "bin/hello").stat().st_size
    said = (here / "job.out").read_text()
    assert said == f"{SLOT_UID}\n{size}\nhello from {BIN}/hello\n"
    assert (here / "job.err").read_text() == ""


def test_twenty_jobs_share_an_alien_cache(node: Pool, here: Path) -> None:
    alien = node.site.box.place / "alien-of-slots"
    alien.mkdir()
    alien.chmod(0o1777)
    arguments = f"--config my.conf --alien-cache {alien} -- {BIN}/counts"
    job = node.submit(here, node.text(arguments, "$(Process)", queue="queue 20"))
    job.wait()
    sums = {(here / f"{number}.out").read_text() for number in range(20)}
    assert sums == {node.site.box.run(["sh", node.site.software / "bin/counts"]).stdout}


@pytest.mark.parametrize("tool", ["condor_rm", "condor_vacate_job"])
def test_an_end_reaches_the_job_as_without_us(
    node: Pool, here: Path, tool: str
) -> None:
    notes = {side: node.told(here, side, tool) for side in ("native", "ours")}
    assert notes["ours"] == notes["native"] == ["start", "SIGTERM"]


def test_the_node_wraps_every_job(node: Pool, here: Path) -> None:
    with node.wrapping():
        job = node.submit(here, node.plain("hello", "", "wrapped"))
        assert ends(job) == GOOD, job.explain()
    assert (here / "wrapped.out").read_text().startswith("hello from ")
