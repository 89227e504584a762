# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows of docs/compatibility.md about what a run has for itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.published import Publisher
from tests.support.run import Runner
from tests.support.web import Server

FQRN = "shared.example.org"
ROOT = f"/cvmfs/{FQRN}"
PYTHON = ("/usr/bin/python3", "-I", "-c")


class Shared:
    """A repository of the test, which grows."""

    def __init__(self, place: Path) -> None:
        self.tree = place / "tree"
        self.tree.mkdir()
        self.publisher = Publisher(place)
        self.options: list[Any] = []

    def publish(self, text: str) -> None:
        """The next revision: the file has another text, and a new one is there."""
        (self.tree / "file").write_text(text)
        (self.tree / text).touch()
        self.publisher.publish(self.tree, FQRN)


@pytest.fixture
def repository(place: Path, serve: Callable[[Path], Server]) -> Shared:
    shared = Shared(place)
    os.mkfifo(shared.tree / "fifo", 0o600)
    shared.publish("one")
    url = serve(shared.publisher.storage).url
    shared.options = shared.publisher.options(FQRN, url)
    return shared


# The kernel knows no reader of the same FIFO in another run: ENXIO.
MEETS = """
import errno, os, sys
path = sys.argv[1] + '/fifo'
reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
if os.fork() == 0:
    os.write(os.open(path, os.O_WRONLY | os.O_NONBLOCK), b'text')
    os._exit(0)
os.wait()
print(os.read(reader, 9).decode(), flush=True)
sys.stdin.read()
"""
ALONE = """
import errno, os, sys
try:
    os.open(sys.argv[1] + '/fifo', os.O_WRONLY | os.O_NONBLOCK)
except OSError as error:
    print(errno.errorcode[error.errno])
"""


def test_a_fifo_is_for_the_processes_of_one_run(
    run: Runner, repository: Shared
) -> None:
    options = repository.options
    reader = run.start(*PYTHON, MEETS, ROOT, options=options)
    assert reader.stdout
    assert reader.stdout.readline() == b"text\n", reader.communicate()[1]
    other = run.start(*PYTHON, ALONE, ROOT, options=options)
    assert other.communicate() == (b"ENXIO\n", b"")
    reader.communicate()


LOOKS = """
import os, sys
def look():
    names = sorted(name for name in os.listdir(sys.argv[1]) if len(name) == 3)
    text = open(sys.argv[1] + '/file').read()
    print(*names, text, os.getxattr(sys.argv[1], 'user.revision').decode(), flush=True)
def look_twice():
    look()
    if os.fork() == 0:
        look()
        os._exit(0)
    os.wait()
look_twice()
sys.stdin.readline()
look_twice()
"""


def test_a_job_keeps_the_revision_that_it_began_with(
    run: Runner, repository: Shared, cache_dir: Path
) -> None:
    """Its later children, too; a new job that asks the servers has the newest."""
    options = repository.options
    job = run.start(*PYTHON, LOOKS, ROOT, options=options)
    assert job.stdin
    assert job.stdout
    first = job.stdout.readline() + job.stdout.readline()
    assert first == b"one one 1\n" * 2
    repository.publish("two")
    run.cache = run.place / "another"
    run.base[1] = run.cache
    newer = run.start(*PYTHON, LOOKS, ROOT, options=options).communicate(b"")
    assert newer == (b"one two two 2\n" * 4, b"")
    assert job.communicate(b"\n") == (first, b"")
