# SPDX-License-Identifier: GPL-2.0-or-later
"""An entry of a repository that something is to be told of."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, NamedTuple

from interpose import native
from interpose.formats.hashes import Algorithm

if TYPE_CHECKING:
    from interpose.formats.hashes import ContentHash
    from interpose.native import Entry


class Subject(NamedTuple):
    """The entry that is asked about; `path` is b"" for the root, else b"/a/b"."""

    path: bytes
    entry: Entry
    number: int
    catalog: ContentHash

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.entry.mode)

    @property
    def is_chunked(self) -> bool:
        """Whether its content is in chunks."""
        return bool(self.entry.flags & native.ENTRY_CHUNKED)

    @property
    def algorithm(self) -> Algorithm:
        """Of its hash and its chunks."""
        return Algorithm.of_flag(self.entry.algorithm)
