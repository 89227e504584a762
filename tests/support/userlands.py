# SPDX-License-Identifier: GPL-2.0-or-later
"""Who gets a stub, and how much it answers, by C library and by kind of program.

    python -m tests.support.userlands [TREE...]

prints the rows of docs/compatibility.md. TREE: of a Debian release, with gcc, as
debootstrap makes it; each is used through its own loader. Needs root for those.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.fast import fast, figures, traced
from tests.support.fasttree import TOP, made_options, publish
from tests.support.places import need_tool
from tests.support.run import Runner

SOURCES = Path(__file__).with_name("userland")
ROUNDS = 200
LEAST_FAST = 0.9
LOADER = "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
LIBRARIES = "lib/x86_64-linux-gnu"


@dataclass(frozen=True)
class Userland:
    """A program of one, by the words that start it; TOP and rounds follow."""

    name: str
    words: tuple[str, ...]
    more: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """What came of it."""

    name: str
    stops: int
    answered: int

    @property
    def rate(self) -> float:
        """Of all calls that would stop: which part did not."""
        return self.answered / (self.answered + self.stops)

    @property
    def verdict(self) -> str:
        """In a word."""
        if self.rate > LEAST_FAST:
            return "fast"
        return "traced" if self.rate < 1 - LEAST_FAST else "in part"

    def __str__(self) -> str:
        return f"| {self.name} | {self.verdict}: {self.rate:.1%} | the same |"


def _built(place: Path, name: str, *words: str) -> tuple[str, ...]:
    target = place / name
    command = [*words, str(SOURCES / "workload.c"), "-o", str(target)]
    subprocess.run(command, check=True)
    return (str(target),)


def _of_library(
    name: str, words: tuple[str, ...], static: tuple[str, ...]
) -> Iterator[Userland]:
    """A program of one thread, and with another one: from the start, or later."""
    yield Userland(name, words)
    yield Userland(f"{name}, static", static)
    yield Userland(f"{name}, a thread from the start", words, (str(ROUNDS),))
    yield Userland(f"{name}, a thread later", words, (str(ROUNDS - 1),))


def of_this_machine(place: Path) -> Iterator[Userland]:
    """What compilers of this machine make, those that are here."""
    gcc = [need_tool("gcc"), "-O1", "-pthread"]
    version = subprocess.check_output(["getconf", "GNU_LIBC_VERSION"], text=True)
    here = version.strip()
    plain = _built(place, "plain", *gcc, "-pie", "-fPIE")
    yield from _of_library(here, plain, _built(place, "static", *gcc, "-static"))
    yield Userland(f"{here}, not PIE", _built(place, "no-pie", *gcc, "-no-pie"))
    yield Userland("musl", _built(place, "musl", need_tool("musl-gcc", "musl-tools")))
    go = need_tool("go", "golang-go")
    made = str(place / "go")
    env = {"PATH": "/usr/bin:/bin", "HOME": str(place), "CGO_ENABLED": "0"}
    words = [go, "build", "-o", made, str(SOURCES / "workload.go")]
    subprocess.run(words, check=True, env=env)
    yield Userland("Go", (made,))


def of_a_tree(tree: Path) -> Iterator[Userland]:
    """What the compiler of a tree makes, with the tree's C library."""
    (tree / "workload.c").write_bytes((SOURCES / "workload.c").read_bytes())
    for flag, name in (("-pie", "workload"), ("-static", "workload-static")):
        words = ["gcc", "-O1", "-pthread", flag, "/workload.c", "-o", f"/{name}"]
        subprocess.run(["chroot", str(tree), *words], check=True)
    said = subprocess.check_output(["chroot", str(tree), "ldd", "--version"], text=True)
    found = re.search(r"(\d+\.\d+)\n", said)
    assert found
    name = f"glibc {found[1]}"
    start = (str(tree / LOADER), "--library-path", str(tree / LIBRARIES))
    dynamic = (*start, str(tree / "workload"))
    yield from _of_library(name, dynamic, (str(tree / "workload-static"),))


def measured(run: Runner, userland: Userland, options: list[Any]) -> Found:
    """Run it with and without stubs: the same comes of it."""
    words = (*userland.words, TOP, str(ROUNDS), *userland.more)
    plain = traced(run, *words, options=options, timeout_s=300)
    result = fast(run, *words, after=16, options=options, timeout_s=300)
    assert result.ok().text == plain.text, (userland.name, result.text, plain.text)
    stops, answered = figures(result)
    return Found(userland.name, stops, answered)


def main(trees: list[str]) -> None:
    """Print the rows."""
    with tempfile.TemporaryDirectory(prefix="interpose-userlands-") as name:
        place = Path(name)
        place.chmod(0o755)
        (place / "published").mkdir()
        options = made_options(publish(place / "published"))
        run = Runner(place, place / "cache")
        for tree in trees:
            for userland in of_a_tree(Path(tree)):
                print(measured(run, userland, options), flush=True)
        for userland in of_this_machine(place):
            print(measured(run, userland, options), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
