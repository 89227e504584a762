# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that are looked for, and processes that are made, by who has the stub."""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fast import fast, figures, same, traced
from tests.support.fasttree import TOP, made_options, publish
from tests.support.keeper import own_directory
from tests.support.published import Publisher
from tests.support.run import Runner

Options = list[Any]
TURNS = 20

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the stub is x86_64's"
)


@pytest.fixture(scope="module")
def publisher() -> Iterator[Publisher]:
    with own_directory("interpose-programs-") as top:
        yield publish(top)


@pytest.fixture
def options(publisher: Publisher) -> Options:
    return made_options(publisher)


@pytest.fixture
def folder(place: Path) -> Path:
    """A directory of the host for programs that fill it."""
    folder = place / "folder"
    folder.mkdir()
    return folder


def empty(folder: Path) -> None:
    """As it was made; the programs take a directory of theirs the rights to it."""
    for one in folder.iterdir():
        if one.is_dir() and not one.is_symlink():
            one.chmod(0o755)
            shutil.rmtree(one)
        else:
            one.unlink()


def test_what_is_not_there_fails_as_natively(
    run: Runner, compiled: Path, folder: Path
) -> None:
    """The order of errors too: bad pointers, long lists, directories that are shut."""
    words = [compiled / "missing_programs", folder, "/usr/share"]
    native = subprocess.run(
        words, check=True, capture_output=True, text=True, env=run.environment()
    ).stdout
    assert len({line.split()[-1] for line in native.splitlines()}) > 7
    empty(folder)
    result = fast(run, *words)
    assert result.text.splitlines() == native.splitlines()
    assert figures(result)[1] > 100


def test_what_cvmfs_has_not_fails_as_without_the_stub(
    run: Runner, compiled: Path, folder: Path, options: Options
) -> None:
    words = [compiled / "missing_programs", folder, TOP]
    expected = traced(run, *words, options=options)
    empty(folder)
    result = fast(run, *words, options=options)
    assert result.text.splitlines() == expected.text.splitlines()
    assert figures(result)[1] > figures(fast(run, *words[:2], "/usr/share"))[1]


SEARCH = """
import os, subprocess, sys
path = os.pathsep.join(f"{sys.argv[1]}/{name}" for name in "abcdefghij")
path += os.pathsep + sys.argv[2]
os.environ["PATH"] = path
for _ in range(int(sys.argv[4])):
    if sys.argv[3] == "vfork":
        subprocess.run(["seeker"], check=True)
    elif sys.argv[3] == "posix_spawn":
        os.waitpid(os.posix_spawnp(os.fsencode("seeker"), ["seeker"], os.environ), 0)
    else:
        child = os.fork()
        if not child:
            os.execvp("seeker", ["seeker"])
        os.waitpid(child, 0)
"""


def programs(run: Runner, words: list[Any], options: Options) -> tuple[float, float]:
    """Stops for each program, found in the eleventh directory: without, with."""
    spent = []
    for way in (traced, fast):
        few, many = (
            figures(way(run, *words, count, options=options))[0]
            for count in (1, 1 + TURNS)
        )
        spent.append((many - few) / TURNS)
    return spent[0], spent[1]


@pytest.mark.parametrize("way", ["vfork", "posix_spawn", "fork"])
@pytest.mark.parametrize("where", ["host", "cvmfs"])
def test_a_search_along_path_stops_where_the_program_is(
    run: Runner, folder: Path, options: Options, where: str, way: str
) -> None:
    """Not for each directory that has none."""
    for name in "abcdefghij":
        (folder / name).mkdir()
    (folder / "bin").mkdir()
    shutil.copy("/bin/true", folder / "bin/seeker")
    before = folder if where == "host" else Path(TOP)
    script = SEARCH.replace('/{name}"', '/dir/{name}"') if where == "cvmfs" else SEARCH
    words: list[Any] = ["/usr/bin/python3", "-I", "-c", script, before]
    words += [folder / "bin", way]
    slow, quick = programs(run, words, options)
    # Each child of fork is told of /cvmfs at its first.
    assert slow - quick >= (9 if (where, way) == ("cvmfs", "fork") else 10)


def test_a_program_whose_library_others_have_read_searches_without_stops(
    run: Runner, folder: Path, options: Options
) -> None:
    """It has not used the page of execve(2) when it gets the stub."""
    (folder / "bin").mkdir()
    shutil.copy("/bin/true", folder / "bin/seeker")
    words = ["/usr/bin/python3", "-I", "-c", SEARCH, folder, folder / "bin", "vfork"]
    spent = []
    for count in (1, 1 + TURNS):
        inner = " ".join(f"'{word}'" for word in [*words, count])
        inner = f"ls -R /etc/ssl > /dev/null; {inner}"
        spent.append(figures(fast(run, "bash", "-c", inner, options=options))[0])
    slow, _ = programs(run, words, options)
    assert (spent[1] - spent[0]) / TURNS <= slow - 10


def test_programs_of_cvmfs_are_found_behind_what_is_missing(
    run: Runner, options: Options
) -> None:
    script = f"PATH={TOP}/nowhere:/nowhere:{TOP}/dir/nested; exe; nobody; exec exe"
    same(run, "bash", "-c", f"{{ {script}; }} 2>&1", options=options)
