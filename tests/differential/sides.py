# SPDX-License-Identifier: GPL-2.0-or-later
"""A script on both sides, what differs, and the shortest script that still does."""

from __future__ import annotations

import errno
import itertools
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.differential import shapes
from tests.differential.conftest import FQRN, ROOT, World
from tests.differential.scripts import Step
from tests.support.fast import fast, traced
from tests.support.run import Runner

IDENTITY = re.compile(r"(<[0-9a-fm.]+>|(?:socket|pipe):\[\d+\])")
# Where the program's buffer ended within it.
CUT_IDENTITY = re.compile(r"(socket|pipe):\[\d+(?![\d\]])")
# A process is another one on each side; so may be the length of what names it.
PID = re.compile(r"(?:\d+ ')?/proc/\d+(?:/task/\d+)?")
UNNAMED = re.compile(r"\d+ ('[^']*/#)\d+(?=\\x20\(deleted)")
# The program itself is of the mounts that its process has left.
ITSELF = re.compile(r"\d+ '[^']*/programs/steps(?=')")
# So may be its working directory, which then has the path that it has there.
LEFT = re.compile(r"\d+ '\(unreachable\)[^']*(?=/of/steps)")
ERROR = re.compile(r" E(\d+)")
SHRINKING_RUNS = 150


@dataclass(frozen=True)
class Difference:
    """A step, and what it gave on each side."""

    number: int
    mounted: str
    interposed: str


@dataclass
class Sides:
    """Runs scripts about one random tree."""

    world: World
    shape: shapes.Shape
    run: Runner
    coverage: Counter[tuple[str, str]] = field(default_factory=Counter)
    steps: int = 0
    uid: int | None = None  # whom the program becomes

    @property
    def work(self) -> Path:
        return self.changing / "of" / "steps"

    @property
    def changing(self) -> Path:
        """All that scripts can change, wherever `..` may lead."""
        return self.world.place / "work"

    @property
    def program(self) -> Path:
        return self.world.programs / "steps"

    def compare(self, steps: Sequence[Step]) -> Difference | None:
        """The first step that differs; counts what both did before it."""
        both = self._both(steps)
        for number, lines in enumerate(zip(*both)):
            if lines[0] != lines[1]:
                return Difference(number, *lines)
        # Both have lost a process: the script proves nothing after that.
        ends = [number for number, line in enumerate(both[0]) if "not reached" in line]
        assert not ends, [str(step) for step in steps[ends[0] - 1 : ends[0] + 4]]
        if len(both[0]) != len(both[1]):
            ends = [lines[-1] if lines else "nothing" for lines in both]
            return Difference(min(map(len, both)), *ends)
        self._count(both[0])
        return None

    def shrink(self, steps: list[Step], found: Difference) -> list[Step]:
        """As few steps as still differ, found by leaving out ever smaller parts."""
        steps = self._end(steps[: found.number + 1])
        runs, size = 0, max(1, len(steps) // 2)
        while size and runs < SHRINKING_RUNS:
            at = 0
            while at < len(steps) and runs < SHRINKING_RUNS:
                fewer = steps[:at] + steps[at + size :]
                runs += 1
                if fewer and self._differs(fewer):
                    steps = fewer
                else:
                    at += size
            size //= 2
        return steps

    def _end(self, steps: list[Step]) -> list[Step]:
        """The last steps, as many as it takes: mostly few."""
        count = 1
        while count < len(steps):
            if self._differs(steps[-count:]):
                return steps[-count:]
            count *= 4
        return steps

    def explain(self, steps: Sequence[Step], kept: Path) -> str:
        """A short script, what both sides said, and how to do it again."""
        both = self._both(steps)
        kept.write_text("".join(f"{step}\n" for step in steps), encoding="ascii")
        lines = [f"{len(steps)} steps differ ({kept}):"]
        for number, step in enumerate(steps):
            texts = [lines[number] if number < len(lines) else "-" for lines in both]
            lines.append(f"  {step}")
            lines.append(f"      mounted    {texts[0]}")
            if texts[0] != texts[1]:
                lines.append(f"  !!  interposed {texts[1]}")
        return "\n".join([*lines, *self.run.repeats[-1:]])

    def _differs(self, steps: Sequence[Step]) -> bool:
        both = self._both(steps)
        return both[0] != both[1]

    def _both(self, steps: Sequence[Step]) -> tuple[list[str], list[str]]:
        with tempfile.NamedTemporaryFile(
            "w", suffix=".steps", encoding="ascii"
        ) as file:
            file.writelines(f"{step}\n" for step in steps)
            file.flush()
            Path(file.name).chmod(0o644)
            words = [file.name, ROOT, str(self.work)]
            if self.uid is not None:
                words.append(str(self.uid))
            self._furnish()
            mounted = self._native(words)
            self._furnish()
            interposed = self._interposed(words)
        return normal(mounted), normal(interposed)

    def _furnish(self) -> None:
        shapes.furnish(self.changing, self.work, ROOT, self.shape, self.uid)

    def _native(self, words: list[str]) -> bytes:
        try:
            return self.world.native(self.program, *words)
        except subprocess.TimeoutExpired as end:
            return (end.stdout or b"") + b"no end\n"

    def _interposed(self, words: list[str]) -> bytes:
        result = self.run(
            self.program,
            *words,
            options=self.world.options(),
            env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"},
        )
        return result.ok().stdout

    def _count(self, lines: list[str]) -> None:
        self.steps += len(lines)
        for line in lines:
            call = line.split(" ")[2]
            error = ERROR.match(line.split(call, 1)[1])
            name = errno.errorcode[int(error[1])] if error else "ok"
            self.coverage[call, name] += 1


@dataclass
class ThreeWays(Sides):
    """Sides of which the interposed one is traced, and once more with stubs."""

    stops: int = 0  # of the runs with stubs
    answered: int = 0  # by stubs

    @property
    def rate(self) -> float:
        """Which part of the calls that would stop did not."""
        return self.answered / (self.answered + self.stops)

    def add(self, other: ThreeWays) -> None:
        """Count what another one has found out, too."""
        self.steps += other.steps
        self.coverage += other.coverage
        self.stops += other.stops
        self.answered += other.answered

    def _interposed(self, words: list[str]) -> bytes:
        how: dict[str, Any] = {
            "options": self.world.options(),
            "env": {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"},
        }
        plain = traced(self.run, self.program, *words, **how).stdout
        self._furnish()
        result = fast(self.run, self.program, *words, **how)
        tracer = result.ok().stats["tracer"]
        self.stops += tracer["stops"]
        self.answered += tracer["fastpath_calls"]
        return _joined(plain.splitlines(), result.stdout.splitlines())


def _joined(plain: list[bytes], found: list[bytes]) -> bytes:
    """One output of both, to be compared with a third: what differs is told twice."""
    rows = itertools.zip_longest(plain, found, fillvalue=b"nothing")
    lines = [one if one == other else other + b" traced: " + one for one, other in rows]
    return b"".join(line + b"\n" for line in lines)


def normal(output: bytes) -> list[str]:
    """Lines in which a device or inode is a number by its first appearance."""
    known: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        return known.setdefault(found[1], f"#{len(known)}")

    text = CUT_IDENTITY.sub(r"\1:[", output.decode("utf-8", "replace"))
    text = LEFT.sub("N '(unreachable)", ITSELF.sub("N '/programs/steps", text))
    text = UNNAMED.sub(r"N \1", PID.sub("/proc/PID", text))
    return [IDENTITY.sub(number, line) for line in text.splitlines()]


def table(coverage: Counter[tuple[str, str]]) -> str:
    """How often each call gave each errno."""
    errors = sorted({error for _, error in coverage})
    calls = sorted({call for call, _ in coverage})
    width = max(map(len, calls))
    lines = []
    for call in calls:
        met = [f"{e} {coverage[call, e]}" for e in errors if coverage[call, e]]
        lines.append(f"{call:{width}}  {', '.join(met)}")
    lines.append(f"{len(calls)} calls, {len(set(errors) - {'ok'})} errnos: ")
    lines[-1] += " ".join(error for error in errors if error != "ok")
    return "\n".join(lines)


__all__ = ["FQRN", "Difference", "Sides", "ThreeWays", "normal", "table"]
