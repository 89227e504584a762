# SPDX-License-Identifier: GPL-2.0-or-later
"""The next files of a directory that is read in order come before they are asked for.

Never more than was read, quietly, and not at all with --no-prefetch.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.faulty_server import NOT_FOUND, FaultyServer
from tests.support.published import Publisher
from tests.support.run import Result, Runner

FQRN = "ahead.example.org"
FILES = 60
READ = """
import sys
for number in range(*map(int, sys.argv[1:])):
    with open(f"/cvmfs/ahead.example.org/d/{number:02}") as file:
        assert file.read() == f"content {number}\\n"
"""


class Origin(FaultyServer):
    """Answers the third file's request when so many others have come."""

    awaited = 0

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.files: list[str] = []
        self._came = threading.Condition()
        self.waited_in_vain = False

    def body(self, path: str) -> bytes | None:
        is_file = "/data/" in path and path[-1] not in "CX"
        if is_file:
            with self._came:
                self.files.append(path)
                self._came.notify_all()
                if len(self.files) == 3 and self.awaited:
                    enough = self._came.wait_for(
                        lambda: len(self.files) >= self.awaited, timeout=60
                    )
                    self.waited_in_vain = not enough
        return super().body(path)


@pytest.fixture
def origin(place: Path) -> Iterator[Origin]:
    tree = place / "tree"
    (tree / "d").mkdir(parents=True)
    for number in range(FILES):
        (tree / f"d/{number:02}").write_text(f"content {number}\n")
    publisher = Publisher(place)
    publisher.publish(tree, FQRN)
    with Origin(publisher.storage) as server:
        yield server


def job(run: Runner, origin: Origin, *how: int | str) -> Result:
    """Read `range(*how)`; words are options."""
    words = [word for word in how if isinstance(word, str)]
    numbers = [str(word) for word in how if isinstance(word, int)]
    options = Publisher(run.place).options(FQRN, origin.url)
    command = ["python3", "-c", READ, *numbers]
    return run(*command, options=[*options, *words], stats=True).ok()


def ahead(result: Result) -> int:
    (repository,) = result.stats["repositories"]
    return int(repository["objects_ahead"])


def test_they_come_while_the_job_waits_for_the_one_before(
    run: Runner, origin: Origin
) -> None:
    origin.awaited = 6
    result = job(run, origin, 6)
    assert not origin.waited_in_vain
    assert ahead(result) >= 3
    assert result.messages == []


def test_each_is_asked_for_once(run: Runner, origin: Origin) -> None:
    result = job(run, origin, FILES)
    assert len(origin.files) == len(set(origin.files)) == FILES
    (repository,) = result.stats["repositories"]
    assert repository["files_read"] <= FILES
    assert 0 < repository["objects_ahead"] < FILES
    assert job(run, origin, FILES).stats["network"]["requests"] == 0


def test_never_more_than_was_read(run: Runner, origin: Origin) -> None:
    result = job(run, origin, 10)
    assert 10 <= len(origin.files) <= 20
    assert ahead(result) <= 10


def test_another_order_is_left_alone(run: Runner, origin: Origin) -> None:
    assert ahead(job(run, origin, 0, FILES, 3)) == 0
    assert len(origin.files) == FILES // 3


@pytest.mark.parametrize("how", ["--no-prefetch", "INTERPOSE_PREFETCH=0"])
def test_nothing_before_it_is_asked_for(
    run: Runner, origin: Origin, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [how]
    if "=" in how:
        plain = run.environment
        monkeypatch.setattr(
            run, "environment", lambda: {**plain(), "INTERPOSE_PREFETCH": "0"}
        )
        words = []
    assert ahead(job(run, origin, 10, *words)) == 0
    assert len(origin.files) == 10


def test_what_cannot_be_got_is_nobodys_error(run: Runner, origin: Origin) -> None:
    job(run, origin, FILES, "--no-prefetch", "--cache", str(run.place / "other"))
    bad = origin.files[4]
    origin.files.clear()
    origin.script(bad, NOT_FOUND)
    origin.awaited = 5  # The fourth and sixth are asked for, and the fifth in vain.
    result = job(run, origin, 4)
    assert not origin.waited_in_vain
    assert origin.count(bad) >= 1
    assert result.errors == []
