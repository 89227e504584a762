# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of interleaved rounds: each is compared with native of its own round."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.limits import FLOOR, RATIO

BASE, OURS = "native", "interpose"


@dataclass
class Ratios:
    """One question in one condition: values per contender, one for each round.

    `floor` is a contender that nobody can beat; the others are compared with it, too.
    """

    title: str
    unit: str
    condition: str = ""
    values: dict[str, list[float]] = field(default_factory=dict)
    floor: str = ""

    def add(self, contender: str, value: float) -> None:
        """Keep the value of one more round."""
        self.values.setdefault(contender, []).append(value)

    def figures(self, contender: str, kind: str = RATIO) -> list[float]:
        """One for each round: a ratio to native or to the floor, or what is above it.

        `kind` is that of a limit. Where nothing is native a value stands for itself.
        """
        mine = self.values.get(contender, [])
        base = self.values.get(self.floor if kind == FLOOR else BASE)
        if kind in (RATIO, FLOOR):
            return [a / b for a, b in zip(mine, base or []) if b]
        return [a - b for a, b in zip(mine, base)] if base else list(mine)

    def summary(self, contender: str) -> dict[str, float]:
        """Median and least value, and the ratios to native and to the floor."""
        mine = self.values[contender]
        row = {"median": statistics.median(mine), "min": min(mine)}
        for kind in (RATIO, FLOOR):
            name = BASE if kind == RATIO else self.floor
            found = self.figures(contender, kind) if contender != name else []
            if found:
                row[kind] = statistics.median(found)
                row[f"least_{kind}"] = min(found)
        return row

    def to_json(self) -> dict[str, Any]:
        """What the results file keeps."""
        return {
            "title": self.title,
            "unit": self.unit,
            "condition": self.condition,
            "floor": self.floor,
            "contenders": {name: self.summary(name) for name in self.values},
            "values": self.values,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Ratios:
        """As it was before `to_json`."""
        names = ("title", "unit", "condition", "values", "floor")
        return cls(**{name: kept[name] for name in names})


def listing(results: Sequence[Ratios]) -> str:
    """Every figure: one line per question, condition and contender."""
    lines = [f"{'question':56}{'contender':26}{'median':>12}{'min':>12}  ratio (least)"]
    for result in results:
        title = f"{result.title} [{result.unit}]"
        for name in result.values:
            lines.append(_line(title, name, result.summary(name)))
            title = f"  {result.condition}" if title.strip() else ""
    return "\n".join(lines)


def _line(title: str, name: str, row: Mapping[str, float]) -> str:
    text = f"{title:56}{name:26}{row['median']:12.1f}{row['min']:12.1f}"
    if RATIO in row:
        text += f"{row[RATIO]:8.2f} ({row['least_ratio']:.2f})"
    if FLOOR in row:
        text += f"  of the floor {row[FLOOR]:.2f} ({row['least_floor']:.2f})"
    return text


class Clock:
    """`with Clock() as clock: ...`, then `clock.ms`."""

    ms = 0.0

    def __enter__(self) -> Clock:  # noqa: PYI034  typing.Self is too young
        self._start = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.ms = (time.perf_counter() - self._start) * 1000
