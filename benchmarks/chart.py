# SPDX-License-Identifier: GPL-2.0-or-later
"""Ratios at a glance: one bar for each line of the table, on a log axis.

A bar begins at 1, native; to its left is faster. What is no ratio has its own part.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.png import MIDDLE, RIGHT, Canvas, Colour, text_width
from benchmarks.report import Line, Measured, counts, lines, number
from benchmarks.rows import Row

INK, GREY, FAINT, BAND = (33, 37, 41), (120, 126, 133), (222, 226, 230), (246, 247, 249)
RED, GREEN = (214, 40, 40), (24, 150, 74)
FILL = {
    "aim": (72, 159, 110),
    "must": (90, 140, 200),
    "missed": (233, 138, 108),
    "": (173, 181, 189),
}
KINDS = ("aim", "must", "missed")
SAYS = ("reaches the aim", "reaches what it must", "misses what it must")
DOTS: tuple[Colour, ...] = (
    (130, 80, 190),
    (200, 150, 0),
    (0, 140, 150),
    (190, 60, 140),
    (110, 80, 50),
    (60, 60, 60),
)
WIDTH, MARGIN, LEFT, RIGHT_EDGE = 1000, 20, 282, 850
LINE, HEAD, GAP = 17, 22, 7
TOP, FOOT = 122, 34
SMALL, PLAIN, LARGE = 6.9, 7.4, 11.5
RATIO_RANGE, ABSOLUTE_RANGE = (0.1, 1000.0), (0.5, 100.0)


@dataclass(frozen=True)
class Axis:
    """From values to places between LEFT and RIGHT_EDGE."""

    low: float
    high: float

    def x(self, value: float) -> float:
        """Where a value is; what is beyond an end is at the end."""
        inside = min(max(value, self.low), self.high)
        part = math.log(inside / self.low) / math.log(self.high / self.low)
        return LEFT + part * (RIGHT_EDGE - LEFT)

    def ticks(self) -> list[float]:
        """1, 2 and 5 of each power of ten."""
        powers = range(math.floor(math.log10(self.low)), 4)
        all_ticks = [each * 10.0**power for power in powers for each in (1, 2, 5)]
        return [t for t in all_ticks if self.low * 0.999 <= t <= self.high * 1.001]


@dataclass(frozen=True)
class Block:
    """A row of the table with its lines, and how high it is."""

    row: Row
    lines: list[Line]
    reason: str

    @property
    def alone(self) -> bool:
        """One line, which needs no head above it."""
        return len(self.lines) <= 1

    @property
    def height(self) -> int:
        """In points, with the gap below."""
        return (LINE if self.alone else HEAD - 5 + LINE * len(self.lines)) + GAP


class Chart:
    """Draws from above to below."""

    def __init__(self, blocks: Sequence[Block], scale: int) -> None:
        absolute = [b for b in blocks if any(line.absolute for line in b.lines)]
        self.parts = [
            (Axis(*RATIO_RANGE), [b for b in blocks if b not in absolute]),
            (Axis(*ABSOLUTE_RANGE), absolute),
        ]
        high = sum(b.height for b in blocks) + TOP + FOOT + (62 if absolute else 0)
        self.canvas = Canvas(WIDTH, high, scale)
        names = dict.fromkeys(
            n for b in blocks for one in b.lines for n in one.contenders
        )
        self.colours = dict(zip(names, DOTS * 3))

    def draw(self, title: str, under: str) -> bytes:
        """PNG of all."""
        canvas = self.canvas
        canvas.text((MARGIN, 30), title, INK, LARGE)
        canvas.text((MARGIN, 48), under, GREY, SMALL)
        self._legend()
        y = float(TOP)
        for number_of, (axis, blocks) in enumerate(self.parts):
            if not blocks:
                continue
            if number_of:
                text = "no ratios: ms above native, MiB"
                y += 44
                canvas.text((MARGIN, y - 16), text, INK, PLAIN)
            self._bands(blocks, y)
            self._grid(axis, y, y + sum(b.height for b in blocks), ratio=not number_of)
            for block in blocks:
                self._block(axis, block, y)
                y += block.height
        return canvas.png()

    def _legend(self) -> None:
        canvas, y = self.canvas, 68.0
        x = float(MARGIN)
        for kind, says in zip(KINDS, SAYS):
            canvas.bar((x, y - 8), (x + 16, y), FILL[kind])
            x = self._said(x + 21, y, says)
        for colour, says in ((RED, "must"), (GREEN, "aim")):
            canvas.bar((x + 2, y - 10), (x + 4.5, y + 2), colour)
            x = self._said(x + 10, y, says)
        canvas.bar((x, y - 5), (x + 16, y - 3), INK)
        x = self._said(x + 21, y, "from the best condition to the worst")
        x, y = float(MARGIN), 86.0
        for name, colour in self.colours.items():
            self._ring(x + 5, y - 4, colour)
            x = self._said(x + 14, y, name)

    def _said(self, x: float, y: float, text: str) -> float:
        self.canvas.text((x, y), text, INK, SMALL)
        return x + text_width(text, SMALL) + 18

    def _ring(self, x: float, y: float, colour: Colour) -> None:
        self.canvas.dot((x, y), 4.2, (255, 255, 255))
        self.canvas.dot((x, y), 3.4, colour)

    def _bands(self, blocks: Sequence[Block], y: float) -> None:
        for at, block in enumerate(blocks):
            if at % 2 == 0:
                high = y + block.height - GAP
                self.canvas.bar(
                    (MARGIN - 8, y - 3), (WIDTH - MARGIN + 8, high + 3), BAND
                )
            y += block.height

    def _grid(self, axis: Axis, top: float, foot: float, *, ratio: bool) -> None:
        canvas = self.canvas
        for tick in axis.ticks():
            x, native = axis.x(tick), ratio and tick == 1
            thick = 1.5 if native else 0.5
            canvas.bar(
                (x - thick / 2, top - 6),
                (x + thick / 2, foot),
                GREY if native else FAINT,
            )
            canvas.text(
                (x, top - 10), f"{tick:g}", INK if native else GREY, SMALL, MIDDLE
            )
        for x, text in ((RIGHT_EDGE + 52, "median"), (WIDTH - MARGIN, "must / aim")):
            canvas.text((x, top - 10), text, GREY, SMALL, RIGHT)
        if ratio:
            canvas.text((axis.x(1), top - 22), "native", INK, SMALL, MIDDLE)
            canvas.text((axis.x(0.1), top - 22), "faster", GREY, SMALL)
            canvas.text((RIGHT_EDGE, top - 22), "slower", GREY, SMALL, RIGHT)

    def _block(self, axis: Axis, block: Block, y: float) -> None:
        row = block.row
        if not block.lines:
            self._label(y, row.work, GREY)
            said = f"not measured: {block.reason}"[:100]
            self.canvas.text((LEFT + 4, y + 11), said, GREY, SMALL)
            return
        if not block.alone:
            self._label(y, row.work, INK)
            y += HEAD - 5
        for line in block.lines:
            if block.alone:
                self._label(y, row.work, INK)
            else:
                self.canvas.text((MARGIN + 14, y + 11), line.title, GREY, SMALL)
            self._line(axis, row, line, y)
            y += LINE

    def _label(self, y: float, text: str, colour: Colour) -> None:
        self.canvas.text((MARGIN, y + 11), text, colour, PLAIN)

    def _line(self, axis: Axis, row: Row, line: Line, y: float) -> None:
        canvas, middle = self.canvas, y + 7.5
        start, end = axis.x(axis.low if line.absolute else 1), axis.x(line.value)
        left, right = min(start, end), max(start, end)
        canvas.bar((left, y + 2), (max(right, left + 2), y + 13), FILL[line.reached])
        canvas.bar((axis.x(line.best), middle - 0.6), (end, middle + 0.6), INK)
        for name, value in line.contenders.items():
            self._ring(axis.x(value), middle, self.colours[name])
        for limit, colour in ((row.must_limit, RED), (row.aim_limit, GREEN)):
            if limit is not None:
                x = axis.x(limit.value)
                canvas.bar((x - 1.25, y), (x + 1.25, y + 15), colour)
        self._value(row, line, y)

    def _value(self, row: Row, line: Line, y: float) -> None:
        unit = f" {line.kind}" if line.absolute else ""
        colour = RED if line.reached == "missed" else INK
        at = RIGHT_EDGE + 52
        self.canvas.text(
            (at, y + 11), f"{number(line.value)}{unit}", colour, PLAIN, RIGHT
        )
        limits = f"{row.must} / {row.aim}" if row.aim else row.must
        self.canvas.text((WIDTH - MARGIN, y + 11), limits, GREY, SMALL, RIGHT)


def picture(
    measured: Sequence[Measured], facts: Mapping[str, object], scale: int = 2
) -> bytes:
    """PNG of all rows that are in the table."""
    blocks = [Block(one.row, lines(one), one.reason) for one in measured]
    where = f"{facts.get('processor')}, {facts.get('cpus')} CPUs"
    under = f"{where}, Linux {facts.get('kernel')}, commit {facts.get('commit')}"
    under += f". {counts(measured)}."
    title = "interpose_run beside native: ratios at a glance"
    return Chart([b for b in blocks if b.lines or b.reason], scale).draw(title, under)
