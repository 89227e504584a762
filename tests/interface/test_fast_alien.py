# SPDX-License-Identifier: GPL-2.0-or-later
"""Objects of an alien cache are opened without a question, and without a stop.

As far as owners, modes and names say that they may be used where they are; all else is
looked at by the resolver, as in a run without stubs (docs/trust.md).
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fast import NEEDS_STUB, PYTHON, Options, fast, figures, same, traced
from tests.support.fasttree import FQRN, TOP, publish
from tests.support.keeper import own_directory
from tests.support.places import need_user
from tests.support.published import Publisher
from tests.support.run import Result, Runner

FILES = 400
THEM = 1002
NEED_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
READ = f"""
import os, sys
for number in range(int(sys.argv[1]), int(sys.argv[2])):
    fd = os.open("{TOP}/files/%04d" % number, os.O_RDONLY)
    print(number, tuple(os.fstat(fd)), os.read(fd, 1000))
    os.close(fd)
"""

pytestmark = NEEDS_STUB


def content(number: int) -> bytes:
    return b"content %d\n" % number * (number % 7 + 1)


@pytest.fixture(scope="module")
def publisher() -> Iterator[Publisher]:
    with own_directory("interpose-alien-") as top:
        (top / "tree/files").mkdir(parents=True)
        (top / "tree/files/.cvmfscatalog").touch()
        for number in range(FILES):
            (top / f"tree/files/{number:04}").write_bytes(content(number))
        yield publish(top)


@pytest.fixture
def alien(run: Runner) -> Path:
    run.place.chmod(0o755)
    above = run.place / "shared"
    above.mkdir()
    return above / "alien"


@pytest.fixture
def options(run: Runner, publisher: Publisher, alien: Path) -> Options:
    """Of a node with a private cache of its own, which has the catalogs alone."""
    alien.mkdir()
    found = publisher.options(FQRN, f"file://{publisher.storage}")
    more = ["-o", "CVMFS_QUOTA_LIMIT=-1", "--alien-cache", alien]
    filled = [*found, *more]
    traced(run, *PYTHON, READ, "0", str(FILES), options=filled)
    assert len(list(alien.glob("??/*"))) > FILES
    run.base = ["--cache", run.place / "other-cache", "--scratch", run.scratch]
    traced(run, "/bin/ls", f"{TOP}/files", options=filled)
    return filled


def object_of(alien: Path, number: int) -> Path:
    wanted = content(number)
    (found,) = (p for p in alien.glob("??/*") if p.read_bytes() == wanted)
    return found


def copied(result: Result) -> int:
    (repository,) = result.stats["repositories"]
    return int(repository["objects_copied"])


def test_what_nobody_has_opened_costs_neither_stop_nor_question(
    run: Runner, options: Options
) -> None:
    """But the first ones, with which its directories are looked at."""
    result = same(run, *PYTHON, READ, "0", str(FILES), options=options)
    assert result.stats["tracer"]["questions"] == 1  # to open it
    again = [*PYTHON, f"for _ in range(40):\n  exec({READ!r})", "0", str(FILES)]
    stops, spared = figures(fast(run, *again, options=options))
    assert stops < FILES
    assert spared > 40 * 2 * FILES  # open and fstat of each


def test_traced_no_question_is_asked_either(run: Runner, options: Options) -> None:
    result = traced(run, *PYTHON, READ, "0", str(FILES), options=options)
    assert result.stats["tracer"]["questions"] == 1  # to open it


# What somebody does to an object at `path`, as a program.
HARMS = {
    "of a group": "os.chmod(path, 0o575)",
    "of everybody": "os.chmod(path, 0o557)",
    "with another user's rights": "os.chmod(path, 0o4555)",
    "not executable": "os.chmod(path, 0o444)",
    "shorter": "os.chmod(path, 0o755); os.truncate(path, 3); os.chmod(path, 0o555)",
    "gone": "os.unlink(path)",
    "a link": "os.rename(path, path + '~'); os.symlink(path + '~', path)",
    "a FIFO": "os.unlink(path); os.mkfifo(path, 0o555)",
    # The very bytes that pack to it, as another repository stores them raw.
    "raw": """
packed = zlib.compress(open(path, 'rb').read())
os.unlink(path)
open(path, 'wb').write(packed)
os.chmod(path, 0o555)
""",
    # Others than trusted ones may have done it.
    "spoilt": """
text = open(path, 'rb').read().upper()
os.chmod(os.path.dirname(path), 0o777)
os.unlink(path)
open(path, 'wb').write(text)
os.chmod(path, 0o555)
""",
}
HURT = """
import zlib
for path in sys.argv[3:]:
    exec(HARM)
"""


@pytest.mark.parametrize("harm", list(HARMS))
def test_what_may_not_be_used_there_has_the_right_bytes(
    run: Runner, options: Options, alien: Path, harm: str
) -> None:
    whole = [*PYTHON, READ, "0", str(FILES)]
    expected = fast(run, *whole, options=options).ok()
    for path in [str(object_of(alien, number)) for number in (7, 200, FILES - 1)]:
        exec(HARMS[harm], {"os": os, "zlib": zlib, "path": path})
    found = same(run, *whole, options=options)
    assert found.stdout == expected.stdout


# A directory is looked at once in a process, and whoever is believed may make a program
# of his own wait for a FIFO.
@pytest.mark.parametrize("harm", sorted(set(HARMS) - {"spoilt", "a FIFO"}))
def test_what_becomes_so_while_stubs_open_it_has_them_too(
    run: Runner, options: Options, alien: Path, harm: str
) -> None:
    """After each file has been opened, by a stub and for the second time."""
    expected = fast(run, *PYTHON, READ, "0", str(FILES), options=options).ok()
    paths = [object_of(alien, number) for number in (7, 200, FILES - 1)]
    script = READ + READ + f"HARM = {HARMS[harm]!r}" + HURT + READ
    found = fast(run, *PYTHON, script, "0", str(FILES), *paths, options=options).ok()
    assert found.stdout == expected.stdout * 3


def test_in_a_directory_of_all_nothing_is_opened_unasked(
    run: Runner, options: Options, alien: Path
) -> None:
    for folder in alien.glob("??"):
        folder.chmod(0o777)
    result = fast(run, *PYTHON, READ, "0", str(FILES), options=options)
    assert figures(result)[0] > FILES
    assert copied(result) == FILES


@NEED_ROOT
def test_a_file_of_another_user_is_copied(
    run: Runner, options: Options, alien: Path
) -> None:
    need_user(THEM)
    os.chown(object_of(alien, 5), THEM, THEM)
    result = fast(run, *PYTHON, READ, "0", "20", options=options)
    assert copied(result) == 1
