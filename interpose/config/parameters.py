# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of client parameters: one row per parameter.

Source: docs/parameters.md (rows: table.py).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from interpose.config.table import ROWS


class Kind(enum.Enum):
    """How the text of a value is read."""

    TEXT = "text"
    SWITCH = "switch"
    NUMBER = "number"
    PATH = "path"
    PATHS = "paths"
    NAMES = "names"
    SERVERS = "servers"
    PROXIES = "proxies"


class Parameter(NamedTuple):
    """One row.

    `default` holds where nothing sets the parameter, `shipped` is what the official
    default.conf sets it to. `weight`: A must, B should, C accepted, N ignored.
    `source` is the section of docs/parameters.md.
    """

    name: str
    kind: Kind
    default: str
    shipped: str
    unit: str
    help: str
    weight: str
    source: str

    @property
    def is_without_effect(self) -> bool:
        """Whether it is accepted, and nothing here depends on it."""
        return self.weight in ("C", "N") and self.name not in _LITTLE_EFFECT


def _read(rows: str) -> dict[str, Parameter]:
    found: dict[str, Parameter] = {}
    section = ""
    for row in re.sub(r"\n {4}", " ", rows.strip()).split("\n"):
        if row.startswith("# "):
            section = row[2:]
            continue
        name, weight, kind, default, shipped, unit, text = row.split("|")
        found[name] = Parameter(
            name, Kind(kind), default, shipped, unit, text, weight, section
        )
    return found


PARAMETERS: Mapping[str, Parameter] = MappingProxyType(_read(ROWS))

_UNKNOWN = Parameter("", Kind.TEXT, "", "", "", "unknown, kept", "C", "")


# Of weight C, and yet something depends on them.
_LITTLE_EFFECT = frozenset(
    {
        "CVMFS_CACHE_PRIMARY",
        "CVMFS_CACHE_TYPE",
        "CVMFS_CACHE_WORKSPACE",
        "CVMFS_PROXY_TEMPLATE",
        "CVMFS_SYSLOG_PREFIX",
    }
)
# A row NAME* stands for all names that begin so, and a cache has a name of its own.
_FAMILIES = tuple(name[:-1] for name in PARAMETERS if name.endswith("*"))
_INSTANCE = re.compile(r"CVMFS_CACHE_[A-Za-z0-9_]{1,24}?_([A-Z_]+)")
_ALIKE = 0.84
_SURELY = 0.9


def parameter(name: str) -> Parameter:
    """The row of a name; unknown names have one that says nothing."""
    if name in PARAMETERS:
        return PARAMETERS[name]
    for family in _FAMILIES:
        if name.startswith(family):
            return PARAMETERS[family + "*"]
    instance = _INSTANCE.fullmatch(name)
    return PARAMETERS.get(f"CVMFS_CACHE_{instance[1]}" if instance else "", _UNKNOWN)


def nearest(name: str) -> str | None:
    """The parameter that an unknown CVMFS_ name looks like, if there is one."""
    import difflib  # noqa: PLC0415 - only commands ask

    if not name.startswith("CVMFS_"):
        return None
    known = [row.name for row in PARAMETERS.values() if not row.name.endswith("*")]
    found = difflib.get_close_matches(name, known, 1, _ALIKE)
    # A word too few is no slip of the finger, but as frequent.
    found += [one for one in known if one.endswith(name[len("CVMFS") :])]
    found += [one for one in known if one.startswith(name + "_")]
    return found[0] if found else None


def misspelt(name: str) -> str | None:
    """The parameter of which this is all but certainly a misspelling."""
    import difflib  # noqa: PLC0415 - only unknown names ask

    meant = nearest(name)
    if meant is None:
        return None
    ratio = difflib.SequenceMatcher(None, name, meant).ratio()
    return meant if ratio >= _SURELY else None


def shipped_values() -> dict[str, str]:
    """What the official default.conf sets, for machines without one."""
    return {row.name: row.shipped for row in PARAMETERS.values() if row.shipped}


_NUMBER = re.compile(r"\s*([-+]?[0-9]+)")
_ON = frozenset({"yes", "on", "1", "true"})
_OFF = frozenset({"no", "off", "0", "false"})


def read_number(text: str) -> int:
    """The number at the start of a text, as sscanf reads it; rubbish is 0."""
    match = _NUMBER.match(text)
    return int(match.group(1)[:20]) if match else 0


def read_switch(text: str) -> bool | None:
    """On, off, or None for anything else."""
    word = text.lower()
    return True if word in _ON else False if word in _OFF else None
