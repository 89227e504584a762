# SPDX-License-Identifier: GPL-2.0-or-later
"""The column `flags` of a catalog row.

Source: docs/format.md 4.5.
"""

from __future__ import annotations

import enum
import stat

from interpose.errors import FormatError
from interpose.formats.hashes import Algorithm

DIRECTORY = 1
NESTED_MOUNTPOINT = 2
FILE = 4
SYMLINK = 8
SPECIAL = 16
NESTED_ROOT = 32
CHUNKED = 64
EXTERNAL = 128
ALGORITHM_SHIFT = 8
ALGORITHM_MASK = 0x700
COMPRESSION_SHIFT = 11
COMPRESSION_MASK = 0x3800
BIND_MOUNTPOINT = 0x4000
HIDDEN = 0x8000
DIRECT_IO = 0x10000


class Compression(enum.Enum):
    """How the object of a file (or of its chunks) is stored."""

    ZLIB = 0
    NONE = 1


def compression_of(flags: int) -> Compression:
    """Errors: FormatError if the three bits name no compression."""
    value = (flags & COMPRESSION_MASK) >> COMPRESSION_SHIFT
    try:
        return Compression(value)
    except ValueError:
        raise FormatError(f"unknown compression {value}") from None


def algorithm_of(flags: int) -> Algorithm:
    """The algorithm of the row's hash and of its chunks' hashes.

    Errors: FormatError if the three bits name no algorithm.
    """
    return Algorithm.of_flag((flags & ALGORITHM_MASK) >> ALGORITHM_SHIFT)


def flags_of_mode(mode: int) -> int:
    """The bits that follow from the type of `mode`: 1, 4, 12 or 20."""
    if stat.S_ISDIR(mode):
        return DIRECTORY
    if stat.S_ISREG(mode):
        return FILE
    return FILE | (SYMLINK if stat.S_ISLNK(mode) else SPECIAL)
