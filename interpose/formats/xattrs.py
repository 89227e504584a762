# SPDX-License-Identifier: GPL-2.0-or-later
"""Extended attributes as a catalog stores them.

Source: docs/format.md 4.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from interpose.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Mapping

_VERSION = 1
_MOST = 255
LARGEST_VALUE_BYTES = 255


def parse(blob: bytes) -> dict[bytes, bytes]:
    """Name (with its namespace) to value, in the order of the blob.

    Errors: FormatError if `blob` is malformed; the official client then shows a file
    without attributes, see `read`.
    """
    if len(blob) < 2 or blob[0] != _VERSION:
        raise FormatError("extended attributes of an unknown version")
    found: dict[bytes, bytes] = {}
    position = 2
    for _ in range(blob[1]):
        head = blob[position : position + 2]
        if len(head) < 2:
            raise FormatError("extended attributes that end too early")
        position += 2
        name = blob[position : position + head[0]]
        position += head[0]
        value = blob[position : position + head[1]]
        position += head[1]
        if position > len(blob) or not name or b"\0" in name or name in found:
            raise FormatError("malformed extended attributes")
        found[name] = value
    if position != len(blob):
        raise FormatError("extended attributes with bytes behind their end")
    return found


def read(blob: bytes | None) -> dict[bytes, bytes]:
    """The same for a row of a catalog: nothing for no blob and a malformed one."""
    try:
        return parse(blob) if blob is not None else {}
    except FormatError:
        return {}


def build(attributes: Mapping[bytes, bytes]) -> bytes | None:
    """The blob for `attributes`, sorted by name; None if there are none.

    Errors: FormatError for more than 255 of them, and for a name or a value that a
    blob cannot hold (the caller drops those: `fits`).
    """
    if not attributes:
        return None
    if len(attributes) > _MOST or not all(fits(*item) for item in attributes.items()):
        raise FormatError("extended attributes that a catalog cannot hold")
    parts = [bytes((_VERSION, len(attributes)))]
    for name, value in sorted(attributes.items()):
        parts += [bytes((len(name), len(value))), name, value]
    return b"".join(parts)


def fits(name: bytes, value: bytes) -> bool:
    """Whether a blob can hold this attribute."""
    named = 0 < len(name) <= _MOST and b"\0" not in name
    return named and len(value) <= LARGEST_VALUE_BYTES
