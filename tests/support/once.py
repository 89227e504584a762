# SPDX-License-Identifier: GPL-2.0-or-later
"""What all workers of a session use and one of them makes."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path


def made_once(place: Path, make: Callable[[Path], object]) -> Path:
    """The directory `place` with what `make(place)` puts there, if nobody has yet.

    Every user may use it.
    """
    place.parent.chmod(0o755)
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "made").exists():
            place.mkdir()
            make(place)
            (place / "made").touch()
    return place
