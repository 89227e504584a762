# SPDX-License-Identifier: GPL-2.0-or-later
"""Which interpose_run the engines are given: said here and nowhere else."""

from __future__ import annotations

from pathlib import Path

from tests.support.bundle import made_bundle


def subject() -> Path:
    """The bundle: one file for any node."""
    return made_bundle()
