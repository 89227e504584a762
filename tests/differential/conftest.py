# SPDX-License-Identifier: GPL-2.0-or-later
"""The same program on a real read-only mount and under interpose_run.

The tree is mounted at /cvmfs/FQRN in a mount namespace of the run's own, so that paths
are equal to the last byte (namespaces.py). Where the kernel lets nobody but root mount,
it is a plain copy for an ordinary user, and only reading by descriptors, threads and
handlers is compared: a copy has other paths, and refuses changes with EACCES where a
mount says EROFS.
"""

from __future__ import annotations

import difflib
import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.conftest import DOCROOT
from tests.differential.differences import KEPT
from tests.differential.namespaces import IS_ROOT, forbidden, guarded, owning
from tests.differential.namespaces import mounted as mount
from tests.differential.tree import build, build_host
from tests.support.keeper import own_directory
from tests.support.once import made_once
from tests.support.places import NUMBERS, need_tool
from tests.support.published import Publisher
from tests.support.run import Runner
from tests.support.web import Server

FQRN = "differential.example.org"
ROOT = f"/cvmfs/{FQRN}"
PROGRAMS = Path(__file__).parent / "programs"
SHARED_SOURCES = ("probe.c", "names.c", "waiting.c")
I386_PROGRAMS = Path(__file__).parent / "programs_i386"
FLAGS = ("-std=gnu11", "-O1", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", NUMBERS)
# Debian's package with <asm/errno.h> for i386 and its cross compilers exclude each
# other; the headers are the same.
NO_I386 = "gcc -m32 does not work (Debian: lib32gcc-12-dev libc6-dev-i386)"
LOADER = "ld-linux.so.2"
M32 = ("-m32", "-idirafter", "/usr/include/x86_64-linux-gnu")
# Structures as the calls of 64 bits have them; programs_i386 look at the others.
I386_FLAGS = (*M32, "-D_FILE_OFFSET_BITS=64")
MOST_LINES = 60
TIMEOUT_S = 120.0
NATIVE_RUNS = 5
BY_CHANCE = re.compile(rb"chain_.*: ELOOP$")
# /cvmfs belongs to root: nobody in a user namespace, where the user mounts it.
TOP_OF_A_USER = re.compile(
    rb"(mode (?:40555|416d)) uid [0-9a-f]+ gid [0-9a-f]+(?= mtime 0\b)"
)
TEMPORARY = Path(tempfile.gettempdir())


@dataclass(frozen=True)
class World:
    """The tree in both shapes, and the compiled programs."""

    place: Path
    programs: Path
    publisher: Publisher
    url: str
    enter: tuple[str, ...]  # words before a command that is to see the mount

    @property
    def host(self) -> Path:
        return self.place / "host"

    def options(self, **more: str) -> list[str | Path]:
        """Options of interpose_run: ownership and permissions as on a mount."""
        values = {"CVMFS_CHECK_PERMISSIONS": "yes", **more}
        words = self.publisher.options(FQRN, self.url)
        return [
            *words,
            *[w for name in values for w in ("-o", f"{name}={values[name]}")],
        ]

    def native(self, *command: str | Path) -> bytes:
        """What the command prints where the tree is really mounted (or copied)."""
        words = [*self.enter, *map(str, command)]
        done = subprocess.run(
            words,
            cwd="/",
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"},
        )
        assert done.returncode == 0, (words, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout + done.stderr


@dataclass(frozen=True)
class Pair:
    """Runs a program both ways."""

    world: World
    run: Runner
    programs: Path
    unmounted: bool = False  # compare with the tree where it was made

    def same(self, program: str, *words: str, **more: str) -> None:
        """Fail unless both runs of programs/`program`.c print the same.

        more: parameters of the client, on our side only.
        """
        world = self.world
        binary = self.programs / program
        shown: str | Path = ROOT if world.enter else world.place / "plain"
        host = world.host if world.enter else world.place / "plain-host"
        if self.unmounted:
            world, shown = replace(world, enter=()), world.place / "tree"
        self.run.before = guarded(TEMPORARY)
        result = self.run(
            binary,
            ROOT,
            world.host,
            *words,
            options=world.options(**more),
            env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"},
            timeout_s=TIMEOUT_S,
        ).ok()
        found = result.stdout + result.stderr
        lines = ["not compared yet"]
        wanted = b""
        for _ in range(NATIVE_RUNS):
            text = world.native(binary, shown, host, *words)
            text = text.replace(str(host).encode(), str(world.host).encode())
            text = text.replace(str(shown).encode(), ROOT.encode())
            if not IS_ROOT:
                text = TOP_OF_A_USER.sub(rb"\1 uid 0 gid 0", text)
            wanted = with_links_once(wanted, text) if wanted else text
            lines = compare(program, wanted, found)
            if not lines or not any("chain_" in line for line in lines):
                break
        for name, text in (("mounted", wanted), ("interposed", found)):
            (self.run.place / f"{program}.{name}").write_bytes(text)
        assert not lines, "\n".join([*lines[:MOST_LINES], result.repeat])


def with_links_once(one: bytes, other: bytes) -> bytes:
    """Of two native outputs the parts where ELOOP did not come by chance.

    A walk that the kernel has to begin again counts its links twice (set_nameidata() of
    fs/namei.c): 20 of them may be ELOOP while the machine mounts or renames.
    """
    sides = one.splitlines(True), other.splitlines(True)
    kept: list[bytes] = []
    for _, *spans in difflib.SequenceMatcher(None, *sides, False).get_opcodes():
        parts = sides[0][spans[0] : spans[1]], sides[1][spans[2] : spans[3]]
        kept += min(parts, key=loops)
    return b"".join(kept)


def loops(lines: list[bytes]) -> int:
    """How many of them tell of too many links, on a way of not too many."""
    return sum(bool(BY_CHANCE.search(line)) for line in lines)


def compare(program: str, wanted: bytes, found: bytes) -> list[str]:
    """Lines that differ, those of differences.py left out."""
    texts = [both.decode("utf-8", "replace").splitlines() for both in (wanted, found)]
    kept = [re.compile(one.pattern) for one in KEPT if one.program == program]
    left = [
        [line for line in lines if not any(one.search(line) for one in kept)]
        for lines in texts
    ]
    assert left[0], "the program printed nothing"
    return list(difflib.unified_diff(*left, "mounted", "interposed", "", "", 1, ""))


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """One tree, published and served, for a worker's tests."""
    with own_directory("interpose-diff-") as place:
        programs = made_once(Path(os.environ[DOCROOT]) / "programs", _compile)
        build_host(place / "host", ROOT)
        build(place / "tree", ROOT, place / "host", programs)
        publisher = Publisher(place, before=owning())
        publisher.publish(place / "tree", FQRN)
        if forbidden():
            _copy(place, programs)
        server = Server(publisher.storage, place / "server")
        server.start()
        with mount(place / "tree", FQRN, programs / "enter", TEMPORARY) as enter:
            yield World(place, programs, publisher, server.url, enter)
        server.stop()
        subprocess.run(["chmod", "-R", "u+rwx", place], check=False)


@dataclass(frozen=True)
class Compiling:
    """One program, linked with the sources that all share."""

    source: Path
    target: Path
    flags: tuple[str, ...] = ()

    @property
    def shared_flags(self) -> tuple[str, ...]:
        """What the shared sources have to be compiled with."""
        linking = ("-static", "-Wl,", "-I")
        return tuple(flag for flag in self.flags if not flag.startswith(linking))


def compile_all(wanted: list[Compiling]) -> None:
    """Compile several at once, and what they share once."""
    with tempfile.TemporaryDirectory() as name:
        shared: dict[tuple[str, ...], list[Path]] = {}
        begun = []
        for flags in {one.shared_flags for one in wanted}:
            shared[flags] = []
            for source in SHARED_SOURCES:
                made = Path(name) / f"{len(shared)}-{source}.o"
                shared[flags].append(made)
                begun.append(_gcc(*flags, "-c", PROGRAMS / source, "-o", made))
        _finish(begun)
        _finish(
            [
                _gcc(
                    *one.flags,
                    one.source,
                    *shared[one.shared_flags],
                    *("-o", one.target, "-lpthread"),
                )
                for one in wanted
            ]
        )


def _gcc(*words: str | Path) -> subprocess.Popen[bytes]:
    command = [need_tool("gcc"), *FLAGS, *words]
    return subprocess.Popen([str(word) for word in command])


def _finish(running: list[subprocess.Popen[bytes]]) -> None:
    for process in running:
        assert process.wait() == 0, process.args


def sources(folder: Path) -> list[Path]:
    """The programs of a folder."""
    return [p for p in sorted(folder.glob("*.c")) if p.name not in SHARED_SOURCES]


@functools.cache
def compiles_i386() -> bool:
    """Whether the compiler makes i386 programs, and the kernel runs them."""
    with tempfile.TemporaryDirectory() as name:
        program = Path(name) / "program"
        words = [need_tool("gcc"), *M32, "-static", "-x", "c", "-", "-o", program]
        text = b"#include <errno.h>\nint main(void) { return 0; }"
        made = subprocess.run(words, input=text, check=False, capture_output=True)
        if made.returncode != 0:
            return False
        try:
            return subprocess.run([program], check=False).returncode == 0
        except OSError:
            return False


def _compile(programs: Path) -> None:
    wanted = [Compiling(one, programs / one.stem) for one in sources(PROGRAMS)]
    if compiles_i386():
        show = PROGRAMS / "show.c"
        wanted.append(Compiling(show, programs / "show_i386", I386_FLAGS))
        static = (*I386_FLAGS, "-static")
        wanted.append(Compiling(show, programs / "static_i386", static))
        # Its loader and C library come from the tree, too.
        (programs / "lib32").mkdir()
        for name in (LOADER, "libc.so.6"):
            words = [need_tool("gcc"), "-m32", f"-print-file-name={name}"]
            found = subprocess.run(words, check=True, capture_output=True, text=True)
            # Where gcc does not look for it, Debian has it here.
            path = Path("/lib32") / found.stdout.strip()
            shutil.copy(path, programs / "lib32" / name)
        linked = f"-Wl,--dynamic-linker={ROOT}/lib32/{LOADER},-rpath,{ROOT}/lib32"
        own = (*I386_FLAGS, linked)
        wanted.append(Compiling(show, programs / "own_i386", own))
    compile_all(wanted)


def _copy(place: Path, programs: Path) -> None:
    """A plain tree of an ordinary user; links lead to its own names."""
    build_host(place / "plain-host", str(place / "plain"))
    build(place / "plain", str(place / "plain"), place / "plain-host", programs)


@pytest.fixture
def pair(world: World, run: Runner) -> Pair:
    return Pair(world, run, world.programs)


@pytest.fixture
def mounted(pair: Pair) -> Pair:
    """As `pair`, for what only a real mount can be compared with."""
    if forbidden():
        pytest.skip(f"a copy has other paths and errors, and {forbidden()}")
    return pair


@pytest.fixture
def claimed(mounted: Pair) -> Iterator[Pair]:
    """As `mounted`, where all belongs to whoever runs interpose_run."""
    world = mounted.world
    owner = f"{os.geteuid()}:{os.getegid()}"
    program = world.programs / "enter"
    with mount(world.place / "tree", FQRN, program, TEMPORARY, owner) as enter:
        yield replace(mounted, world=replace(world, enter=enter))
