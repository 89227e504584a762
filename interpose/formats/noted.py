# SPDX-License-Identifier: GPL-2.0-or-later
"""Short texts by name, each with the time (seconds since 1970) of its note."""

from __future__ import annotations

Noted = dict[str, tuple[float, str]]


def recalled(noted: Noted, name: str, now: float, within_s: float) -> str | None:
    """The text, if it was noted within the last seconds; never from the future."""
    found = noted.get(name)
    if found is None or not 0 <= now - found[0] < within_s:
        return None
    return found[1]
