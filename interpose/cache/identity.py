# SPDX-License-Identifier: GPL-2.0-or-later
"""Which file it was, so that a file that changed since can be told."""

from __future__ import annotations

import os
from typing import NamedTuple


class FileIdentity(NamedTuple):
    """Device, inode, size and both times (ns) of a file.

    The change time cannot be set back by the file's owner.
    """

    dev: int
    ino: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileIdentity:
        """The identity in the result of a stat call."""
        return cls(
            status.st_dev,
            status.st_ino,
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
        )

    @classmethod
    def parse(cls, line: str) -> FileIdentity | None:
        """The identity that `text` gave, or None."""
        fields = line.split()
        if len(fields) != 5 or not all(f.lstrip("-").isdigit() for f in fields):
            return None
        return cls(*(int(field) for field in fields))

    @property
    def text(self) -> str:
        """One line without its newline."""
        return " ".join(str(number) for number in self)
