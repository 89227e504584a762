# SPDX-License-Identifier: GPL-2.0-or-later
"""What jobs ask a shared file system that holds their alien cache, counted.

It counts below the kernel (tests/support/sharedfs.py): before it makes a name, the
kernel looks it up, which is not ours to save.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.fast import NEEDS_STUB, given
from tests.support.places import ROOT
from tests.support.published import Publisher, published_files
from tests.support.run import Job, Runner
from tests.support.web import Server

FQRN = "counted.example.org"
TOP = f"/cvmfs/{FQRN}"
FILES = 60
# A process for each file, so that all is asked of the tracer, and nothing is got before
# it is asked for; or one for all of them.
EACH = f"cd {TOP}/files; for name in $(ls -r); do cat $name >/dev/null; done"
ONE = f"cd {TOP}/files; cat * * >/dev/null"
STATS = f"find {TOP} | xargs ls -ld; ls {TOP}/none {TOP}/files/none {TOP}/0.*; :"


class Sharing(Runner):
    """Runs one of whose directories is a client's view of a shared file system."""

    def arguments(self, job: Job) -> list[str | bytes]:
        words = [self.place / "behind", self.place / "shared", self.place / "counts"]
        server = [sys.executable, "-m", "tests.support.sharedfs", *map(str, words), "0"]
        return [*server, *super().arguments(job)]

    def environment(self) -> dict[str, str]:
        # Programs with few calls stop, others have the stub, however the suite runs.
        ways = given(after=16)
        return {**super().environment(), **ways, "PYTHONPATH": str(ROOT)}

    def counts(self) -> dict[str, int]:
        """Of the last run, by operation and place."""
        found: dict[str, int] = json.loads((self.place / "counts").read_text())
        return found


@pytest.fixture(scope="module")
def publisher() -> Iterator[Publisher]:
    # What begins like a packed object is looked at by the resolver.
    files = {
        f"files/{number:03}": b"plain " + random.Random(number).randbytes(3000 + number)
        for number in range(FILES)
    }
    with published_files(FQRN, files) as publisher:
        yield publisher


@pytest.fixture
def job(
    run: Runner, publisher: Publisher, serve: Callable[[Path], Server]
) -> Callable[..., dict[str, int]]:
    """`job(SCRIPT, NODE)`: what it has asked, run on a node that has its own cache."""
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        pytest.skip("needs root and /dev/fuse, to mount what counts")
    for name in ("behind", "shared"):
        (run.place / name).mkdir()
    sharing = Sharing(run.place, run.cache)
    options = publisher.options(FQRN, serve(publisher.storage).url)
    options += ["-o", "CVMFS_QUOTA_LIMIT=-1"]
    options += ["--alien-cache", run.place / "shared/alien"]

    def counted(script: str, node: str) -> dict[str, int]:
        more = ["--cache", run.place / node]
        sharing("sh", "-c", script, options=[*options, *more]).ok()
        return sharing.counts()

    return counted


def asked(counts: dict[str, int], operation: str, *places: str) -> int:
    return sum(counts.get(f"{operation} {place}", 0) for place in places)


def changes(counts: dict[str, int]) -> int:
    """All that makes or takes away a name, or changes what it stands for."""
    kinds = {"CREATE", "LINK", "UNLINK", "MKDIR", "RENAME", "RENAME2", "SETATTR"}
    return sum(n for key, n in counts.items() if key.partition(" ")[0] in kinds)


def test_an_object_is_made_by_three_operations_and_two_looks(
    job: Callable[..., dict[str, int]],
) -> None:
    job(f"stat {TOP}", "one")  # makes the cache's directories
    counts = job(EACH, "one")
    # The turn, which becomes the object, and is given back.
    for operation, place in (("CREATE", "txn"), ("LINK", "folder"), ("UNLINK", "txn")):
        assert asked(counts, operation, place) == FILES, counts
    assert changes(counts) == 3 * FILES, counts
    # Before and after the turn was taken; and the kernel's own, before it links.
    assert asked(counts, "LOOKUP", "folder") <= 3 * FILES, counts
    # By the job.
    assert asked(counts, "OPEN", "txn", "object") == FILES, counts


@NEEDS_STUB
def test_who_finds_all_there_changes_nothing(
    job: Callable[..., dict[str, int]],
) -> None:
    job(ONE, "one")
    for node in ("another", "another"):
        counts = job(ONE, node)
        assert changes(counts) == 0, counts
        # Each as often as the job does, and by the tracer until the cache is known.
        opened = asked(counts, "OPEN", "object")
        assert 2 * FILES <= opened < 2 * FILES + 8, counts
        # No directory but those of the objects, and each once.
        assert asked(counts, "LOOKUP", "top") <= FILES + 8, counts
        assert asked(counts, "LOOKUP", "folder") <= FILES + 5, counts
        assert asked(counts, "GETATTR", "object") <= opened, counts


def test_names_and_missing_names_ask_it_nothing(
    job: Callable[..., dict[str, int]],
) -> None:
    job(STATS, "one")
    counts = job(STATS, "one")
    assert counts["operations"] <= 5, counts
