# SPDX-License-Identifier: GPL-2.0-or-later
"""Random scripts for programs/random: which calls, and by which thread or process.

A word of a step is a letter and a value: i number, d descriptor in a slot, p path, u
path without an end, x bad pointer, o output of so many bytes, h struct open_how, a
address of a socket and l its length, t times, n NULL. In a path %XX is a byte, {K} the
number of the descriptor in slot K, {pK} the process of actor K and {tK} its thread,
<C*N> the text C, N times.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.differential.calls import CHANGES, OTHERS, READS
from tests.differential.shapes import Shape

ACTORS = 6
SLOTS = 10
LONGEST_NAME_BEHIND_A_LINK = 30
# Actors that share neither descriptors nor working directory with one another.
APART = (0, 3)
SAFE = frozenset(
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,=:@"
)


@dataclass(frozen=True)
class Step:
    """One line of a script; steps of one group overlap."""

    group: int
    actor: int
    slot: int
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.group} {self.actor} {self.slot} {' '.join(self.words)}"


def quote(path: bytes) -> str:
    return "".join(chr(one) if one in SAFE else f"%{one:02x}" for one in path)


class Writer:
    """Writes scripts about one tree; all by chance comes from `rng`."""

    words: type[Words]

    def __init__(
        self,
        rng: random.Random,
        shape: Shape,
        tree: str,
        work: str,
        *,
        owns_objects: bool,
    ) -> None:
        self.rng = rng
        # Only the owner may ask for O_NOATIME, of objects in the cache, too; a user who
        # mounts owns / besides, on one side alone.
        self.owns_objects = owns_objects
        self.shape = shape
        self.tree = tree
        self.work = work
        self.names = [quote(path) for path in shape.all]
        self.likely = [0] * ACTORS  # the slot that an actor filled last

    def script(self, count: int) -> list[Step]:
        """About `count` steps."""
        steps: list[Step] = []
        group = 0
        while len(steps) < count:
            if self.rng.random() < 0.1:
                steps += self._together(group)
            else:
                steps.append(self._alone(group))
            group += 1
        return steps

    def _alone(self, group: int) -> Step:
        rng = self.rng
        actor = rng.randrange(ACTORS)
        kinds = rng.choices((READS, CHANGES, OTHERS), (5, 3, 4))[0]
        slot = rng.randrange(SLOTS)
        words = self._call(kinds, actor)
        if words[0] in {"open", "openat", "openat2", "dup", "socket"}:
            self.likely[actor] = slot
        return Step(group, actor, slot, words)

    def _together(self, group: int) -> list[Step]:
        actors = self.rng.sample(range(ACTORS), self.rng.randint(2, 4))
        return [
            Step(group, actor, 0, self._call(READS, actor))
            for actor in actors
            for _ in range(self.rng.randint(1, 2))
        ]

    def _call(
        self, kinds: dict[str, tuple[int, Callable[[Words], list[str]]]], actor: int
    ) -> tuple[str, ...]:
        names = list(kinds)
        weights = [kinds[name][0] for name in names]
        name = self.rng.choices(names, weights)[0]
        return (name.split(":")[0], *kinds[name][1](self.words(self, actor)))


class Words:
    """Arguments of one call."""

    def __init__(self, writer: Writer, actor: int) -> None:
        self.writer = writer
        self.rng = writer.rng
        self.actor = actor

    def slot(self) -> int:
        if self.rng.random() < 0.5:
            return self.writer.likely[self.actor]
        return self.rng.randrange(SLOTS)

    def fd(self) -> str:
        return f"d:{self.slot()}"

    def dirfd(self) -> str:
        return self.rng.choice(("i:-100", "i:-100", self.fd(), self.fd(), "i:-1"))

    def number(self, *choices: int) -> str:
        return f"i:{self.rng.choice(choices)}"

    def bits(self, *choices: int) -> str:
        """Each of these bits, rather not."""
        value = 0
        for bit in choices:
            if self.rng.random() < 0.25:
                value |= bit
        return f"i:{value}"

    def out(self, *sizes: int) -> str:
        """An output of one of these sizes, or no place for one."""
        if self.rng.random() < 0.03:
            return self.bad()
        return f"o:{self.rng.choice(sizes)}"

    def bad(self) -> str:
        return self.rng.choice(("n:", "x:0", "x:1", "x:2", "x:3"))

    def path(self) -> str:
        chance = self.rng.random()
        if chance < 0.02:
            return self.bad()
        if chance < 0.03:
            return f"u:{self._path()}"
        return f"p:{self._path()}"

    def text(self) -> str:
        """A path that can be read again: without numbers of processes."""
        path = self.path()
        while "{p" in path or "{t" in path:
            path = self.path()
        return path

    def work_path(self) -> str:
        """A name on the host that steps make and remove."""
        names = ("new", "new2", "file", "dir", "dir/new", "dir/file", "here/new", "in")
        name = self.rng.choice((*names, *names, "up/new", "in0", "none/new", ""))
        start = self.writer.work + "/" if self.rng.random() < 0.8 else ""
        return f"p:{start}{name}{self.rng.choice(('', '', '', '', '/'))}"

    def tree_path(self) -> str:
        return f"p:{self.writer.tree}/{self._entry()}"

    def any_path(self) -> str:
        return self.work_path() if self.rng.random() < 0.4 else self.path()

    def address(self) -> list[str]:
        path = self.work_path() if self.rng.random() < 0.3 else f"p:{self._path()}"
        # Where a link leads to the host, the whole host path has to have room: a
        # documented limit.
        while len(path) > LONGEST_NAME_BEHIND_A_LINK and self._has_link(path):
            path = f"p:{self._path()}"
        return [f"a:{path[2:]}", "l:"]

    def _has_link(self, path: str) -> bool:
        return any(quote(link) in path for link in self.writer.shape.links)

    def _entry(self) -> str:
        rng = self.rng
        name = rng.choice(self.writer.names)
        if rng.random() < 0.3:
            name = quote(rng.choice([*self.writer.shape.directories, b""]))
        chance = rng.random()
        if chance < 0.55:
            return name
        ends = ("/", "/.", "/..", "/none", "//", "/../none", "/./", "/" + "n" * 256)
        if chance < 0.8:
            return name + rng.choice(ends)
        if chance < 0.9:
            return name + "/../" * rng.randint(1, 3) + rng.choice(self.writer.names)
        return rng.choice(("none", "", "none/none", "<n*256>", "<n*255>", "./" + name))

    def _start(self) -> str:
        rng = self.rng
        tree, work, slot = self.writer.tree, self.writer.work, self.slot()
        top = tree.rsplit("/", 1)[0]
        starts = (
            *(tree,) * 8,
            f"/{tree}",
            f"/.{tree}",
            f"/usr/..{tree}",
            f"{top}/..{tree}",
            f"{work}/in",
            f"{work}/up",
            f"{work}/{'../' * work.count('/')}{tree}",
            f"/proc/self/fd/{{{slot}}}",
            f"/proc/self/fd/{{{slot}}}",
            f"/dev/fd/{{{slot}}}",
            f"/proc/thread-self/fd/{{{slot}}}",
            self._somebody(),
            "/proc/self/cwd",
            f"/proc/self/root{tree}",
            f"{tree}/<./*{rng.choice((1, 100, 1900, 2030, 2040, 2050))}>",
        )
        return rng.choice(starts)

    def _somebody(self) -> str:
        """A directory of /proc that leads somewhere, of one of the actors."""
        rng = self.rng
        process, thread = rng.randrange(ACTORS), rng.randrange(ACTORS)
        who = rng.choice(
            (f"/proc/{{p{process}}}", f"/proc/{{t{thread}}}", "/proc/self/task/{t0}")
        )
        # Numbers of descriptors are small: of others too there is one, or none.
        where = rng.choice(("cwd", "root", "fd", "fd", f"fd/{rng.randrange(3, 9)}"))
        inside = f"{where}{self.writer.tree}" if where == "root" else where
        return f"{who}/{inside}"

    def _path(self) -> str:
        rng = self.rng
        chance = rng.random()
        if chance < 0.45:
            return f"{self._start()}/{self._entry()}"
        if chance < 0.65:
            return self._entry()
        if chance < 0.72:
            return self._start()
        if chance < 0.80:
            return "../" * rng.randint(1, 5) + rng.choice(("", "cvmfs", "usr", "a"))
        if chance < 0.88:
            return self.work_path()[2:]
        if chance < 0.92:
            return f"{self.writer.work}/in{rng.randrange(12)}"
        fixed = ("", "/", ".", "..", "/cvmfs", "/cvmfs/", "/cvmfs/..", "/cvmfs/none")
        more = ("/cvmfs/a.b", "/etc/passwd", "/usr/bin", "/none", "/proc/self/exe")
        return rng.choice((*fixed, *more, f"<a*{rng.choice((4094, 4095, 4096))}>"))


Writer.words = Words


def load(path: os.PathLike[str], work: str) -> list[Step]:
    """The steps of a file; @W@ stands for the directory that they may change."""
    steps = []
    with open(path, encoding="ascii") as lines:
        for line in lines:
            group, actor, slot, *words = line.replace("@W@", work).split()
            steps.append(Step(int(group), int(actor), int(slot), tuple(words)))
    return steps
