# SPDX-License-Identifier: GPL-2.0-or-later
"""Which names and paths a catalog may hold.

Source: the kernel's own rules.
"""

from __future__ import annotations

import re

from interpose.errors import FormatError
from interpose.formats.limits import NAME_BYTES, PATH_BYTES

# Compiled once: catalog rows are checked by the hundred thousand.
NAME = re.compile(rb"(?!\.\.?\Z)[^/\0]{1,%d}\Z" % NAME_BYTES)


def check_name(name: bytes) -> None:
    """Errors: FormatError if no directory entry can have this name."""
    if NAME.match(name) is None:
        raise FormatError("impossible name in a catalog", repr(name[:300]))


def check_path(path: bytes) -> None:
    """Errors: FormatError unless `path` is absolute and made of possible names."""
    if len(path) > PATH_BYTES or path[:1] != b"/":
        raise FormatError("impossible path in a catalog", repr(path[:300]))
    for name in path[1:].split(b"/"):
        check_name(name)


def is_below(path: bytes, directory: bytes) -> bool:
    """Whether `path` lies properly below `directory` (b"" is the root)."""
    return path.startswith(directory + b"/") and len(path) > len(directory) + 1
