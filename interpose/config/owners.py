# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that map owners and groups: lines `from to`, `* default`, `#` comments.

Source: docs/parameters.md (one bad line fails).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from interpose.config.streams import read_text
from interpose.errors import ConfigurationError

_LINE = re.compile(r"(\*|[0-9]{1,10})\s+([0-9]{1,10})")
_MAX_ID = (1 << 32) - 2


class OwnerMap(NamedTuple):
    """Pairs of ids; `default` holds for all others, None leaves them."""

    pairs: tuple[tuple[int, int], ...] = ()
    default: int | None = None

    def apply(self, number: int) -> int:
        """What an id of a catalog becomes."""
        found = dict(self.pairs).get(number)
        if found is not None:
            return found
        return number if self.default is None else self.default


def read_owner_map(path: Path, name: str) -> OwnerMap:
    """The map in a file that the parameter `name` names.

    Errors: ConfigurationError with the line.
    """
    try:
        text = read_text(path)
    except OSError as problem:
        raise ConfigurationError(
            f"{name} names a file that cannot be read", str(path)
        ) from problem
    return parse_owner_map(text, str(path))


def parse_owner_map(text: str, where: str) -> OwnerMap:
    """The map in a text. Errors: ConfigurationError with the line."""
    pairs: dict[int, int] = {}
    default: int | None = None
    for number, line in enumerate(text.split("\n"), 1):
        content = line.partition("#")[0].strip()
        if not content:
            continue
        match = _LINE.fullmatch(content)
        if not match or int(match.group(2)) > _MAX_ID:
            raise ConfigurationError(
                "a line of an owner map is not `from to`", f"{where} line {number}"
            )
        if match.group(1) == "*":
            default = int(match.group(2))
        else:
            pairs[int(match.group(1))] = int(match.group(2))
    return OwnerMap(tuple(sorted(pairs.items())), default)
