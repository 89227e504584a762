# SPDX-License-Identifier: GPL-2.0-or-later
"""How a path of a repository is written in a URL or a header."""

from __future__ import annotations

_LITERAL = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/:.@+-_~[],"
_WRITTEN = [chr(b) if b in _LITERAL else f"%{b:02X}" for b in range(256)]


def escape(path: str | bytes) -> str:
    """The path with each byte that is not literal as `%XX`.

    Text is taken as UTF-8 with surrogate escapes. Source: docs/format.md 12.
    """
    raw = path.encode("utf-8", "surrogateescape") if isinstance(path, str) else path
    if not raw.translate(None, _LITERAL):
        return raw.decode("ascii")  # As nearly always: paths of objects.
    return "".join([_WRITTEN[byte] for byte in raw])
