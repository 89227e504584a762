# SPDX-License-Identifier: GPL-2.0-or-later
"""Bounds of what we accept from bytes that nobody vouches for, in bytes.

Source: names and targets: the kernel's NAME_MAX and PATH_MAX.
"""

from __future__ import annotations

from interpose.errors import FormatError

MANIFEST_BYTES = 64 << 10
WHITELIST_BYTES = 1 << 20
CERTIFICATE_BYTES = 1 << 20
HISTORY_BYTES = 256 << 20
CATALOG_BYTES = 2 << 30
METAINFO_BYTES = 64 << 10
# How many times its stored size an object may have whose size nobody promises, beyond
# some bytes that are free. zlib reaches 1030; the official tools' catalogs stay below
# 15, for each row has two hashes, which nothing packs.
INFLATION_RATIO = 256
INFLATION_FREE_BYTES = 8 << 20
# A catalog is refused before this, a single value of it long before.
SQLITE_VALUE_BYTES = 16 << 20
NAME_BYTES = 255
TARGET_BYTES = 64 << 10
PATH_BYTES = 64 << 10


def check_size(data: bytes, limit: int, what: str) -> None:
    """Errors: FormatError if `data` is longer than `limit` bytes."""
    if len(data) > limit:
        raise FormatError(f"{what} of more than {limit} bytes")
