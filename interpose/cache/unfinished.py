# SPDX-License-Identifier: GPL-2.0-or-later
"""Names in a cache that are there only while something is under way.

A process that ends with threads at work takes them away: a file on its way that needs a
name, a turn that is a file. Others would wait for that turn, and a later run would have
to sweep.
"""

from __future__ import annotations

from collections.abc import Callable

Drop = Callable[[], object]

_held: dict[Drop, None] = {}


def hold(drop: Drop) -> None:
    """`drop` is called if the process ends before `let_go`. It raises nothing."""
    _held[drop] = None


def let_go(drop: Drop) -> None:
    """The name is gone, or is no longer ours."""
    _held.pop(drop, None)


def drop_all() -> None:
    """Take away every name that is still held. The process ends after this."""
    for drop in list(_held):
        drop()
