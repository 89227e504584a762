# SPDX-License-Identifier: GPL-2.0-or-later
"""Users whose files in a shared cache are believed: names and numbers.

Root and the user of the job always are (interpose/cache/guarded.py).
"""

from __future__ import annotations

import pwd
import re
from typing import NamedTuple

PARAMETER = "INTERPOSE_TRUSTED_OWNERS"
_SEPARATORS = re.compile(r"[\s,:;]+")
_MAX_ID = (1 << 32) - 2


class TrustedOwners(NamedTuple):
    """User numbers, and names that this node does not know."""

    uids: frozenset[int] = frozenset()
    unknown: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> TrustedOwners:
        """Owners separated by commas, blanks or colons; a number is a user number."""
        uids: set[int] = set()
        unknown: list[str] = []
        for word in filter(None, _SEPARATORS.split(text)):
            number = _number(word)
            if number is None:
                unknown.append(word)
            else:
                uids.add(number)
        return cls(frozenset(uids), tuple(unknown))

    @property
    def notices(self) -> tuple[str, ...]:
        """A line for each name that means nobody here."""
        return tuple(
            f"no such user on this node: {name} ({PARAMETER})" for name in self.unknown
        )


def _number(word: str) -> int | None:
    if word.isdigit() and word.isascii():
        return int(word) if int(word) <= _MAX_ID else None
    try:
        return pwd.getpwnam(word).pw_uid
    except (KeyError, ValueError):
        return None
