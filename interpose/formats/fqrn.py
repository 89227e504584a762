# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of repositories.

Source: docs/format.md 11.5 (the official mount helpers' rule).
"""

from __future__ import annotations

import re

from interpose.errors import FormatError

# Where the job sees repositories (PREFIX_REPOSITORIES in native/path/prefix.h).
REPOSITORIES = "/cvmfs"
MAXIMUM_CHARACTERS = 60
_SHAPE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?")


class Fqrn(str):
    """A fully qualified repository name, checked: `atlas.cern.ch`."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Fqrn:
        """The name in `text`.

        Errors: FormatError unless it has at most 60 characters, all of them letters,
        digits or one of `-_.`, the first a letter or digit, a dot within, none at
        the end and no two in a row.
        """
        fits = len(text) <= MAXIMUM_CHARACTERS and _SHAPE.fullmatch(text)
        if not fits or "." not in text or ".." in text:
            raise FormatError("no name of a repository", repr(text[:80]))
        return cls(text)

    @property
    def organisation(self) -> str:
        """What stands before the first dot: `atlas`."""
        return self.partition(".")[0]

    @property
    def domain(self) -> str:
        """What stands behind the first dot: `cern.ch`."""
        return self.partition(".")[2]
