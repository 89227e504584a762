# SPDX-License-Identifier: GPL-2.0-or-later
"""Which files root alone can have written."""

from __future__ import annotations

import os
from pathlib import Path

SYSTEM_DIRECTORY = Path("/etc/cvmfs")


def is_system_file(path: Path) -> bool:
    """Whether only root can change the file, and it really lies in /etc/cvmfs."""
    real = Path(os.path.realpath(path))
    if SYSTEM_DIRECTORY not in real.parents:
        return False
    up = list(real.parents)
    chain = [real, *up[: up.index(SYSTEM_DIRECTORY) + 1]]
    try:
        states = [os.lstat(path) for path in chain]
    except OSError:
        return False
    return all(state.st_uid == 0 and not state.st_mode & 0o022 for state in states)
