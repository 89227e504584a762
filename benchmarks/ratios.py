# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of interleaved rounds: each is compared with native of its own round."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

BASE = "native"


@dataclass
class Ratios:
    """One question: values per contender, one for each round.

    `floor` is a contender that nobody can beat; the others are compared with it, too.
    """

    title: str
    unit: str
    values: dict[str, list[float]] = field(default_factory=dict)
    floor: str = ""

    def add(self, contender: str, value: float) -> None:
        """Keep the value of one more round."""
        self.values.setdefault(contender, []).append(value)

    def summary(self, contender: str) -> dict[str, float]:
        """Median and least value, and the ratio to native where there is one."""
        mine = self.values[contender]
        row = {"median": statistics.median(mine), "min": min(mine)}
        for name, key in ((BASE, "ratio"), (self.floor, "floor_ratio")):
            base = self.values.get(name)
            if base and contender != name:
                row[key] = statistics.median(a / b for a, b in zip(mine, base) if b)
                row[f"{key}_of_min"] = min(mine) / min(base)
        return row

    def to_json(self) -> dict[str, Any]:
        """What the results file keeps."""
        rows = {name: self.summary(name) for name in self.values}
        return {
            "title": self.title,
            "unit": self.unit,
            "contenders": rows,
            "values": self.values,
        }


def table(results: Sequence[Ratios]) -> str:
    """One line per question and contender."""
    lines = [f"{'question':42}{'contender':24}{'median':>12}{'min':>12}  ratio (min)"]
    for result in results:
        title = f"{result.title} [{result.unit}]"
        for name in result.values:
            row = result.summary(name)
            lines.append(_line(title, name, row))
            title = ""
    return "\n".join(lines)


def _line(title: str, name: str, row: Mapping[str, float]) -> str:
    text = f"{title:42}{name:24}{row['median']:12.1f}{row['min']:12.1f}"
    if "ratio" in row:
        text += f"{row['ratio']:7.2f} ({row['ratio_of_min']:.2f})"
    if "floor_ratio" in row:
        text += f"  of the floor {row['floor_ratio']:.2f}"
        text += f" ({row['floor_ratio_of_min']:.2f})"
    return text


class Clock:
    """`with Clock() as clock: ...`, then `clock.ms`."""

    ms = 0.0

    def __enter__(self) -> Clock:  # noqa: PYI034  typing.Self is too young
        self._start = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.ms = (time.perf_counter() - self._start) * 1000
