# SPDX-License-Identifier: GPL-2.0-or-later
"""What a publication leaves out of its source: counted, and one line for each kind."""

from __future__ import annotations

import enum
import threading

from interpose.messages import counted


class Remark(enum.Enum):
    """What was left out."""

    LONG_XATTR = "of 256 bytes or more, which no catalog holds"
    TRUSTED_XATTR = "trusted.*, which no client shows"
    ACL = "of access control lists, which no client enforces"
    NO_MARKER = "named .cvmfscatalog that are no plain file: no nested catalog there"


_THINGS = {Remark.NO_MARKER: ("entry", "entries")}


class Remarks:
    """Counts. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._first: dict[Remark, str] = {}
        self._counts: dict[Remark, int] = {}

    def note(self, what: Remark, where: str) -> None:
        """One more; `where` is shown for the first."""
        with self._lock:
            self._first.setdefault(what, where)
            self._counts[what] = self._counts.get(what, 0) + 1

    def lines(self) -> tuple[str, ...]:
        """One line for each kind."""
        with self._lock:
            return tuple(
                f"{_number(what, count)} {what.value}: {self._first[what]}"
                for what, count in self._counts.items()
            )


def _number(what: Remark, count: int) -> str:
    if what in _THINGS:
        return counted(count, *_THINGS[what])
    return "left out " + counted(count, "extended attribute")
