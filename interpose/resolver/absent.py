# SPDX-License-Identifier: GPL-2.0-or-later
"""Names under a domain's configuration for which every server said 404.

Remembered for one minute, so that a job array does not ask thousands of times.
Source: decisions 23.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from interpose.config import Configuration
from interpose.errors import CacheError
from interpose.formats.fqrn import Fqrn
from interpose.repository.places import Places

REMEMBERED_S = 60.0


class AbsentNames:
    """What is remembered of one name in the private cache, if there is one."""

    def __init__(
        self, fqrn: Fqrn, configuration: Configuration, scratch: Path | None
    ) -> None:
        self._private = Places.of(fqrn, configuration, scratch).private
        self._path = self._private.top / "interpose" / "absent" / fqrn

    def is_remembered(self, now: float) -> bool:
        """Whether the servers said so within the last minute."""
        try:
            return 0 <= now - self._path.stat().st_mtime < REMEMBERED_S
        except OSError:
            return False

    def remember(self) -> None:
        """The servers just said so. Nothing is made where no cache exists yet."""
        if self._private.top.is_dir():
            with contextlib.suppress(CacheError):
                self._private.store_small(self._path, b"")
