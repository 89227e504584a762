# SPDX-License-Identifier: GPL-2.0-or-later
"""Which catalog schemas we read, and what each of them lacks.

Source: docs/format.md 4.1.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from interpose.errors import FormatError

WRITTEN_SCHEMA = "2.5"
WRITTEN_REVISION = 7

_NUMBER = re.compile(r"[0-9]{1,4}(\.[0-9]{1,6})?")
_REVISION = re.compile(r"[0-9]{1,9}")
_EPSILON = 0.0005


class Schema(NamedTuple):
    """A schema's number and its revision."""

    number: float
    revision: int

    @classmethod
    def parse(cls, number: str, revision: str) -> Schema:
        """The schema that the two properties name.

        Errors: FormatError if it is none of those that the official client reads.
        """
        if not _NUMBER.fullmatch(number) or not _REVISION.fullmatch(revision):
            raise FormatError("catalog without a sensible schema")
        schema = cls(float(number), int(revision))
        if not (schema.is_legacy or schema.is_number(2.4) or schema.is_number(2.5)):
            raise FormatError(f"catalog of unknown schema {number}")
        return schema

    def is_number(self, number: float) -> bool:
        """Whether the number is `number`, as closely as the format defines it."""
        return abs(self.number - number) < _EPSILON

    @property
    def is_legacy(self) -> bool:
        """Below 2.0: no link counts, owners, attributes, chunks, statistics."""
        return self.number < 2.0 - _EPSILON

    def promised_counters(self) -> tuple[str, ...]:
        """Counters (without prefix) that must be rows of `statistics`."""
        if not self.is_number(2.5):
            return ()
        return tuple(
            counter for counter, since in COUNTERS.items() if since <= self.revision
        )


# Counter, and since which revision of schema 2.5 it has to be there.
COUNTERS = {
    "regular": 0,
    "symlink": 0,
    "special": 5,
    "dir": 0,
    "nested": 0,
    "chunked": 0,
    "chunks": 0,
    "file_size": 0,
    "chunked_size": 0,
    "xattr": 2,
    "external": 3,
    "external_file_size": 3,
}
