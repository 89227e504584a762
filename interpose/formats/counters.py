# SPDX-License-Identifier: GPL-2.0-or-later
"""The statistics of catalogs: what counts as what.

Source: docs/format.md 4.10.
"""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from interpose.formats import flags as bits
from interpose.formats.schema import COUNTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from interpose.formats.rows import CatalogRow

SELF = "self_"
SUBTREE = "subtree_"


class Counters:
    """The twelve counters of one catalog or of several together, without prefix."""

    def __init__(self, values: Mapping[str, int] | None = None) -> None:
        self.values = dict.fromkeys(COUNTERS, 0)
        for name, value in (values or {}).items():
            self.values[name] += value

    def count(self, mode: int, flags: int, size: int, *, has_xattr: bool) -> None:
        """Add one entry (its chunks and its being a nested catalog come apart)."""
        values = self.values
        values["xattr"] += has_xattr
        if stat.S_ISDIR(mode):
            values["dir"] += 1
        elif stat.S_ISLNK(mode):
            values["symlink"] += 1
        elif not stat.S_ISREG(mode):
            values["special"] += 1
        else:
            values["regular"] += 1
            values["file_size"] += size
            if flags & bits.CHUNKED:
                values["chunked"] += 1
                values["chunked_size"] += size
            if flags & bits.EXTERNAL:
                values["external"] += 1
                values["external_file_size"] += size

    def with_prefix(self, prefix: str) -> dict[str, int]:
        """The counters as rows of `statistics`."""
        return {prefix + name: value for name, value in self.values.items()}

    @classmethod
    def from_statistics(cls, statistics: Mapping[str, int], prefix: str) -> Counters:
        """The counters in `CatalogFile.counters()` that have this prefix."""
        return cls({name: statistics[prefix + name] for name in COUNTERS})

    def __add__(self, other: Counters) -> Counters:
        together = Counters(self.values)
        for name, value in other.values.items():
            together.values[name] += value
        return together

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Counters) and self.values == other.values

    def __hash__(self) -> int:
        return hash(tuple(self.values.items()))

    def __repr__(self) -> str:
        return f"Counters({self.values})"


def count_catalog(
    rows: Iterable[CatalogRow], chunk_count: int, nested_count: int
) -> Counters:
    """The `self_` counters that a catalog with these contents must have.

    Bind mountpoints are no nested catalogs.
    """
    found = Counters({"chunks": chunk_count, "nested": nested_count})
    for row in rows:
        found.count(row.mode, row.flags, row.size, has_xattr=row.xattr is not None)
    return found
