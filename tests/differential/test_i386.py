# SPDX-License-Identifier: GPL-2.0-or-later
"""i386 programs, and i386 calls of 64-bit code, see what they see on a mount."""

from __future__ import annotations

import os
import platform
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import DOCROOT
from tests.differential.conftest import (
    I386_FLAGS,
    I386_PROGRAMS,
    M32,
    NO_I386,
    PROGRAMS,
    ROOT,
    Compiling,
    Pair,
    compile_all,
    compiles_i386,
    sources,
)
from tests.differential.namespaces import IS_ROOT
from tests.differential.test_users import SOMEBODY
from tests.support.once import made_once

# About x86_64's own instructions; and what makes the mounts.
NOT_I386 = {"registers", "enter"}
MOUNTED = [
    "changes",
    "changes_by_descriptor",
    "descriptors",
    "directories",
    "execs",
    "opens",
    "paths",
    "pointers",
    "systems",
]


@pytest.fixture(scope="session")
def programs() -> Path:
    """The programs of the other tests for i386, and those that are for it alone."""
    if platform.machine() != "x86_64":
        pytest.skip("i386 is served on x86_64 only")
    if not compiles_i386():
        pytest.skip(NO_I386)
    return made_once(Path(os.environ[DOCROOT]) / "programs-i386", _compile)


def _compile(folder: Path) -> None:
    wanted = [
        Compiling(one, folder / one.stem, I386_FLAGS)
        for one in sources(PROGRAMS)
        if one.stem not in NOT_I386
    ]
    for one in sources(I386_PROGRAMS):
        # `gate` is 64-bit code; the others have the short structures.
        flags = () if one.stem == "gate" else M32
        wanted.append(Compiling(one, folder / one.stem, (*flags, f"-I{PROGRAMS}")))
    wanted.append(Compiling(PROGRAMS / "paths.c", folder / "static", STATIC))
    compile_all(wanted)


STATIC = (*I386_FLAGS, "-static")


@pytest.fixture
def narrow(mounted: Pair, programs: Path) -> Pair:
    return replace(mounted, programs=programs)


@pytest.mark.parametrize("program", MOUNTED)
def test_an_i386_program_is_shown_what_a_mount_shows(
    narrow: Pair, program: str
) -> None:
    narrow.same(program)


@pytest.mark.parametrize(
    "program", ["threads", "signals", "ignored_signals", "limited_waits", "sharing"]
)
def test_threads_and_signals_of_an_i386_program(
    pair: Pair, programs: Path, program: str
) -> None:
    replace(pair, programs=programs).same(program)


def test_a_static_i386_program_is_shown_what_a_mount_shows(narrow: Pair) -> None:
    narrow.same("static")


@pytest.mark.parametrize("program", ["calls", "gate", "modes", "old_waits"])
def test_calls_that_only_i386_has_are_as_on_a_mount(narrow: Pair, program: str) -> None:
    narrow.same(program)


def test_the_oldest_listing_of_the_root_is_the_hosts_own(narrow: Pair) -> None:
    result = narrow.run(narrow.programs / "top", options=narrow.world.options()).ok()
    hosts = int(os.path.lexists("/cvmfs"))
    assert result.text == f"getdents64 1 getdents 1 readdir {hosts}\n"


@pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")
@pytest.mark.parametrize("program", ["mounts", "permissions"])
def test_another_user_of_an_i386_program_may_do_what_a_mount_allows(
    narrow: Pair, program: str
) -> None:
    narrow.same(program, SOMEBODY)


def test_without_a_word_of_the_kernel_the_filter_tells_the_abi(
    narrow: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERPOSE_FORCE_FALLBACK", "syscall_info")
    narrow.same("gate")


@pytest.mark.parametrize("program", ["show_i386", "static_i386", "own_i386"])
def test_an_i386_program_knows_its_name(narrow: Pair, program: str) -> None:
    path = f"{ROOT}/bin/{program}"
    result = narrow.run(path, "word", options=narrow.world.options())
    assert result.status == 7, result.explain()
    assert f"comm {program} execfn {path} argc 2 secure 0\n" in result.text
    assert f"exe: {path}\n" in result.text


def test_a_trace_names_the_calls_of_i386(narrow: Pair) -> None:
    world = narrow.world
    trace = narrow.run.place / "trace"
    program = f"{ROOT}/bin/static_i386"
    options = [*world.options(), "--trace", trace]
    result = narrow.run(narrow.programs / "gate", ROOT, world.host, options=options)
    narrow.run(program, options=[*world.options(), "--trace", f"{trace}-2"])
    lines = trace.read_text().splitlines()
    path = f'"{ROOT}/file"'
    assert [
        line for line in lines if f" stat64({path}, " in line and "answered" in line
    ]
    assert [line for line in lines if f" open({path}, O_RDONLY) = " in line]
    assert [line for line in lines if f' execve("{ROOT}/bin/show", ' in line]
    lines = Path(f"{trace}-2").read_text().splitlines()
    assert [line for line in lines if ' readlink("/proc/self/exe", ' in line]
    assert [line for line in lines if f" access({program!r}".replace("'", '"') in line]
    assert result.status == 0
