# SPDX-License-Identifier: GPL-2.0-or-later
"""Differences between a mount and interpose_run that are right to keep.

Each is told in docs/compatibility.md. A line whose text matches is not compared.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.differential.namespaces import IS_ROOT


@dataclass(frozen=True)
class Kept:
    """Lines of one program that are not compared."""

    program: str
    pattern: str
    reason: str


# A user namespace of an ordinary user has no root, to whom /cvmfs belongs.
OF_A_USER = Kept("opens", r"^open\w* 1[0-7]{6} \.\.: ", "O_NOATIME is the owner's")

KEPT: tuple[Kept, ...] = () if IS_ROOT else (OF_A_USER,)
