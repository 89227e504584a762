# SPDX-License-Identifier: GPL-2.0-or-later
"""Names under a domain's configuration for which every server said 404.

Remembered for one minute with the servers that said so: a job array does not ask
thousands of times, and whoever corrects an address asks at once.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from interpose.cache import Learned
from interpose.config import Configuration, ServerSettings
from interpose.formats.fqrn import Fqrn
from interpose.repository.caches import Caches

REMEMBERED_S = 60.0


class AbsentNames:
    """What is remembered of one name, if there is a place for it."""

    def __init__(
        self, fqrn: Fqrn, configuration: Configuration, scratch: Path | None
    ) -> None:
        self._learned = Learned(Caches.of(fqrn, configuration, scratch).workspace)
        settings = ServerSettings.of(configuration)
        asked = repr((settings.servers, settings.proxies)).encode("utf-8", "replace")
        self._name = f"absent {fqrn} {hashlib.sha256(asked).hexdigest()[:32]}"

    def is_remembered(self) -> bool:
        """Whether these servers said so within the last minute."""
        return self._learned.recall(self._name, REMEMBERED_S) is not None

    def remember(self) -> None:
        """The servers just said so. Nothing is made where no cache exists yet."""
        self._learned.note(self._name, "")
