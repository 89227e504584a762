# SPDX-License-Identifier: GPL-2.0-or-later
"""Differences between a mount and interpose_run that are right to keep.

Each is told in docs/compatibility.md. A line whose text matches is not compared.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kept:
    """Lines of one program that are not compared."""

    program: str
    pattern: str
    reason: str


KEPT: tuple[Kept, ...] = ()
