# SPDX-License-Identifier: GPL-2.0-or-later
"""How the files of one directory are asked for, and which will be asked for next."""

from __future__ import annotations

from collections.abc import Callable

MOST_AHEAD = 32
# So many of them, one after the other, are an order and not a coincidence.
IN_ORDER = 3
_LOOK_BACK = 8


class Course:
    """One way through the files of a directory, by positions from 0 to `count` - 1.

    `is_silent(position)`: nobody would ask for it (no file, or it is there already).
    Never more is expected than was asked for in a row, so most of what was expected is
    asked for, whatever comes.
    """

    def __init__(self, count: int, is_silent: Callable[[int], bool]) -> None:
        self._count = count
        self._is_silent = is_silent
        self._known: set[int] = set()  # asked for, or expected
        self._row = 0  # how many were asked for in order
        self._end = 0  # of this row and what is expected after it
        self.is_followed = False

    def note(self, position: int) -> None:
        """One was asked for before anybody thought of this way."""
        self._known.add(position)

    def asked(self, position: int) -> range:
        """One is asked for; the positions to expect from now on.

        `is_followed` says afterwards whether it came in order.
        """
        self._known.add(position)
        self.is_followed = self._is_next(position)
        if not self.is_followed:
            return range(0)
        if not -2 * MOST_AHEAD <= position - self._end <= _LOOK_BACK:
            self._row = 0
        if self._row == 0:
            self._row, self._end = IN_ORDER - 1, position
        self._row += 1
        ahead = min(self._row, MOST_AHEAD)
        begin = max(self._end, position + 1)
        if begin > position + 1 + ahead // 2:
            return range(0)
        self._end = max(begin, min(self._count, position + 1 + ahead))
        self._known.update(range(begin, self._end))
        return range(begin, self._end)

    def _is_next(self, position: int) -> bool:
        """Whether the ones before it were asked for, too."""
        found = 1
        lately = range(position - 1, max(-1, position - 1 - _LOOK_BACK), -1)
        if sum(before in self._known for before in lately) < IN_ORDER - 1:
            return False
        for before in lately:
            if before in self._known:
                found += 1
            elif not self._is_silent(before):
                return False
            if found == IN_ORDER:
                return True
        return False
