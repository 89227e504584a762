# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that are looked for, and processes that are made, by who has the stub."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fast import NEEDS_STUB, Options, fast, figures, same, traced
from tests.support.fasttree import TOP, made_options, publish
from tests.support.keeper import own_directory
from tests.support.places import NUMBERS, need_tool
from tests.support.published import Publisher
from tests.support.run import Runner

SOURCES = Path(__file__).with_name("fast_programs")
TURNS = 20

pytestmark = NEEDS_STUB


@pytest.fixture(scope="module")
def publisher() -> Iterator[Publisher]:
    with own_directory("interpose-programs-") as top:
        yield publish(top)


@pytest.fixture
def options(publisher: Publisher) -> Options:
    return made_options(publisher)


def build(folder: Path, *more: str) -> Path:
    """The programs of fast_programs/, which are x86_64's."""
    folder.chmod(0o755)
    for source in SOURCES.glob("*.c"):
        words = [need_tool("cc", "gcc"), "-std=gnu11", "-O1", NUMBERS, *more]
        words += ["-pthread", "-o", str(folder / source.stem), str(source)]
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        if done.returncode and "-lc" in done.stderr:
            pytest.skip("no static C library (libc6-dev, glibc-static)")
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def dynamic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("dynamic"))


@pytest.fixture(scope="module")
def static(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their own places are near enough to those of the C library to be patched."""
    return build(tmp_path_factory.mktemp("static"), "-static")


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


BORN = ["registers", "interrupted", "threads", "filtered", "taken"]


@pytest.mark.parametrize("kind", BORN)
def test_children_of_clone3_are_born_as_natively(
    run: Runner, static: Path, options: Options, kind: str
) -> None:
    """Registers, stacks and flags; signals, threads, filters; memory that goes away.

    Each child looks at a name of /cvmfs, which an untraced one could not.
    """
    program = static / "led_births"
    native = subprocess.run(
        [program, "/etc/passwd", kind],
        check=True,
        capture_output=True,
        text=True,
        env=run.environment(),
    ).stdout
    assert native
    for after in (1, 16):
        words = (program, f"{TOP}/README", kind)
        result = fast(run, *words, after=after, options=options)
        assert result.text.splitlines() == native.splitlines()


@pytest.mark.parametrize("kind", ["threads", "missing", "spawned"])
def test_births_by_clone3_stop_no_more_than_an_execution(
    run: Runner, dynamic: Path, kind: str
) -> None:
    """The C library's; before glibc 2.34 it makes clone(2), which never stopped."""
    words = [dynamic / "births_by_library", kind]
    spent = []
    for way in (fast, traced):
        # What is spawned makes few calls, and has no stub.
        how: dict[str, Any] = {"after": 16} if way is fast else {"options": []}
        few, many = (
            figures(way(run, *words, count, **how))[0] for count in (1, 1 + TURNS)
        )
        spent.append((many - few) / TURNS)
    quick, slow = spent
    assert slow - quick in ((1, 2) if kind == "missing" else (0, 1))
    assert kind == "spawned" or quick == 0


@pytest.mark.parametrize(("kind", "stops"), [("untraced", 2), ("traced", 0)])
def test_births_that_nobody_may_miss_stop(
    run: Runner, static: Path, kind: str, stops: int
) -> None:
    """CLONE_UNTRACED is taken away, and put back: at a place where others pass."""
    few, many = (
        figures(fast(run, static / "births_by_library", kind, count))[0]
        for count in (1, 1 + TURNS)
    )
    assert many - few == stops * TURNS
