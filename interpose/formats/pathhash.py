# SPDX-License-Identifier: GPL-2.0-or-later
"""The two integers by which a catalog knows a path.

Source: docs/format.md 4.3.
"""

from __future__ import annotations

import hashlib
import struct

_TWO_INTEGERS = struct.Struct("<qq")

ROOT_PATH_MD5 = "d41d8cd98f00b204e9800998ecf8427e"


def path_hash(path: bytes) -> tuple[int, int]:
    """md5path_1 and md5path_2 of `path`: b"" for the root, else b"/a/b"."""
    digest = hashlib.md5(path, usedforsecurity=False).digest()
    first, second = _TWO_INTEGERS.unpack(digest)
    return first, second


def parent_hash(path: bytes) -> tuple[int, int]:
    """parent_1 and parent_2 of `path`: 0, 0 for the root."""
    if not path:
        return 0, 0
    return path_hash(path[: path.rindex(b"/")])


ROOT_HASH = path_hash(b"")
