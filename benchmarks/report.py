# SPDX-License-Identifier: GPL-2.0-or-later
"""From figures to lines of the table: each title of a row at its worst condition."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.calls import FLOORS
from benchmarks.limits import FLOOR, RATIO, verdict
from benchmarks.ratios import BASE, OURS, Ratios
from benchmarks.rows import ROWS, Row

WORDS = {"missed": "**missed**", "must": "must", "aim": "aim", "": ""}
_ORDER = ("missed", "must", "aim", "")


@dataclass
class Measured:
    """What came of a row: figures, or why there are none."""

    row: Row
    results: list[Ratios] = field(default_factory=list)
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """What the results file keeps."""
        figures = [one.to_json() for one in self.results]
        return {"row": self.row.name, "reason": self.reason, "figures": figures}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Measured:
        """As it was before `to_json`."""
        row = next(row for row in ROWS if row.name == kept["row"])
        results = [Ratios.from_json(one) for one in kept["figures"]]
        return cls(row, results, kept["reason"])


@dataclass(frozen=True)
class Line:
    """One title of a row: our median in the worst condition, and the best one."""

    title: str
    kind: str
    value: float
    least: float
    best: float
    condition: str
    reached: str
    contenders: dict[str, float]

    @property
    def absolute(self) -> bool:
        """Milliseconds or MiB, no ratio."""
        return self.kind not in (RATIO, FLOOR)


def kind_of(row: Row) -> str:
    """What the figures of a row are."""
    return row.must_limit.kind if row.must_limit else RATIO


def lines(measured: Measured) -> list[Line]:
    """A line for each title, in the order in which they were measured."""
    row, kind = measured.row, kind_of(measured.row)
    by_title: dict[str, list[Ratios]] = {}
    for one in measured.results:
        if one.figures(OURS, kind):
            by_title.setdefault(one.title, []).append(one)
    found = []
    for title, results in by_title.items():
        medians = {
            at: statistics.median(one.figures(OURS, kind))
            for at, one in enumerate(results)
        }
        worst = max(medians, key=lambda at: medians[at])
        found.append(
            Line(
                title,
                kind,
                medians[worst],
                min(results[worst].figures(OURS, kind)),
                min(medians.values()),
                results[worst].condition,
                verdict(medians[worst], row.must_limit, row.aim_limit),
                contenders(results, kind),
            )
        )
    return found


def contenders(results: Sequence[Ratios], kind: str) -> dict[str, float]:
    """The others' medians, each in the worst condition that it was measured in."""
    found: dict[str, float] = {}
    for one in results:
        for name in one.values:
            theirs = name not in (BASE, OURS, *FLOORS) and kind != "MiB"
            if theirs and (figures := one.figures(name, kind)):
                found[name] = max(found.get(name, 0), statistics.median(figures))
    return found


def number(value: float) -> str:
    """Three digits, or two behind the point."""
    return (
        f"{value:.0f}"
        if value >= 100
        else f"{value:.1f}"
        if value >= 10
        else f"{value:.2f}"
    )


def table(all_measured: Sequence[Measured]) -> str:
    """Markdown: the rows and their lines, with the contenders in columns."""
    found = [(one, lines(one)) for one in all_measured]
    found = [(one, ls) for one, ls in found if ls or one.reason]
    names = list(
        dict.fromkeys(n for _, ls in found for one in ls for n in one.contenders)
    )
    head = [
        "work",
        "must",
        "aim",
        "median",
        "least",
        "reached",
        "worst condition",
        *names,
    ]
    rows = [head, ["---"] * len(head)]
    for one, ls in found:
        row, blanks = one.row, [""] * len(names)
        said = f"not measured: {one.reason}" if one.reason else ""
        whole = min((line.reached for line in ls), key=_ORDER.index, default="")
        first = [f"**{row.work}**", row.must, row.aim, "", ""]
        rows.append([*first, WORDS[whole], said, *blanks])
        for line in ls:
            figures = [number(line.value), number(line.least), WORDS[line.reached]]
            others = [
                number(line.contenders[n]) if n in line.contenders else ""
                for n in names
            ]
            rows.append([line.title, "", "", *figures, line.condition, *others])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def conditions(all_measured: Iterable[Measured]) -> str:
    """Markdown: calls by condition, where there are more than two."""
    shown: dict[str, None] = {}
    rows: list[tuple[str, dict[str, float]]] = []
    for one in all_measured:
        kind = kind_of(one.row)
        by_title: dict[str, dict[str, float]] = {}
        for result in one.results:
            if figures := result.figures(OURS, kind):
                by_title.setdefault(result.title, {})[result.condition] = (
                    statistics.median(figures)
                )
        for title, figures_of in by_title.items():
            if len(figures_of) > 2:
                shown.update(dict.fromkeys(figures_of))
                rows.append((f"{one.row.work}: {title}", figures_of))
    if not rows:
        return ""
    head = ["median ratio of", *shown]
    cells = [
        [title, *(number(of[name]) if name in of else "" for name in shown)]
        for title, of in rows
    ]
    whole = [head, ["---"] * len(head), *cells]
    return "\n".join(f"| {' | '.join(each)} |" for each in whole)


def counts(all_measured: Iterable[Measured]) -> str:
    """How many lines reach what."""
    words = [line.reached for one in all_measured for line in lines(one)]
    aim, must, less = (words.count(word) for word in ("aim", "must", "missed"))
    text = f"Of {aim + must + less} lines {aim} reach the aim"
    return f"{text}, {must} what they must, {less} miss it"


def missed(all_measured: Sequence[Measured]) -> str:
    """The same, and which lines miss it; a line for each row."""
    rows = []
    for one in all_measured:
        names = [
            f"{line.title} {number(line.value)}"
            for line in lines(one)
            if line.reached == "missed"
        ]
        if names:
            rows.append(f"- {one.row.name}, must {one.row.must}: {', '.join(names)}")
    said = f"{counts(all_measured)}."
    return "\n".join([said, "", *rows]) if rows else said
