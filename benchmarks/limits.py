# SPDX-License-Identifier: GPL-2.0-or-later
"""What a row must reach and aims at, and whether a figure does."""

from __future__ import annotations

import re
from dataclasses import dataclass

RATIO, FLOOR = "ratio", "floor"
# A floor is measured as often as we are: what is within this of it is as good.
FLOOR_NOISE = 1.05


@dataclass(frozen=True)
class Limit:
    """A most that is allowed: a ratio to native or to a floor, or ms or MiB."""

    value: float
    kind: str = RATIO
    text: str = ""

    @classmethod
    def parse(cls, text: str) -> Limit | None:
        """`1.2`, `4 ms`, `30 MiB`, `bare filter`; nothing where there is no limit.

        Errors: ValueError for anything else.
        """
        if not text:
            return None
        if text == "bare filter":
            return cls(FLOOR_NOISE, FLOOR, text)
        found = re.fullmatch(r"(\d+(?:\.\d+)?)(?: (ms|MiB))?", text)
        if found is None:
            raise ValueError(f"not a limit: {text!r}")
        return cls(float(found[1]), found[2] or RATIO, text)


def verdict(value: float, must: Limit | None, aim: Limit | None) -> str:
    """In one word what a figure reaches; as it is printed, with two digits."""
    shown = round(value, 2)
    if must is None:
        return ""
    if shown > must.value:
        return "missed"
    return "aim" if aim is not None and shown <= aim.value else "must"
