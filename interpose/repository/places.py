# SPDX-License-Identifier: GPL-2.0-or-later
"""The directories that one repository uses on this node.

Source: decisions 16, 17, 20, 21.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from interpose.cache import AlienCache, PrivateCache
from interpose.config import CacheSettings, Configuration
from interpose.config.environment import variables
from interpose.errors import CacheError
from interpose.formats.fqrn import Fqrn

LITTLE_BYTES = 64 << 20


@dataclass(frozen=True)
class Places:
    """Caches and scratch."""

    private: PrivateCache
    alien: AlienCache | None
    scratch: Path | None
    trust_cache: bool
    offline: bool
    uid: int
    gid: int

    @classmethod
    def of(
        cls, fqrn: Fqrn, configuration: Configuration, scratch: Path | None
    ) -> Places:
        """The places that a configuration names; makes none of them.

        Errors: CacheError if there is nowhere to write.
        """
        settings = CacheSettings.of(configuration)
        ours = variables(configuration.environment)
        alien = None
        if settings.alien is not None:
            top = _absolute(settings.alien)
            alien = AlienCache(
                top, writable=_may_be_made(top), trusted=settings.trusted.uids
            )
        return cls(
            private=PrivateCache(_private_top(fqrn, settings, ours.cache, scratch)),
            alien=alien,
            scratch=scratch,
            trust_cache=ours.trust_cache,
            offline=ours.offline,
            uid=os.getuid(),
            gid=os.getgid(),
        )

    def is_noexec(self) -> bool:
        """Whether the kernel refuses to execute files of the private cache."""
        try:
            return bool(os.statvfs(self.private.top).f_flag & os.ST_NOEXEC)
        except OSError:
            return False

    def is_for_this_run(self) -> bool:
        """Whether the private cache ends with the run, because no other can be had."""
        return self.scratch is not None and self.scratch in self.private.top.parents

    def has_little_room(self) -> bool:
        """Whether the private cache's disk may be full before the job ends."""
        try:
            found = os.statvfs(self.private.top)
        except OSError:
            return False
        return found.f_bavail * found.f_frsize < LITTLE_BYTES


def _private_top(
    fqrn: Fqrn, settings: CacheSettings, ours: Path | None, scratch: Path | None
) -> Path:
    for candidate in settings.private:
        top = _absolute(candidate)
        if ours is None and candidate == settings.base:
            # The official client's names, so that caches can be exchanged.
            top = top / ("shared" if settings.shared else fqrn)
        if _may_be_made(top):
            return top
        if ours is not None:
            raise CacheError("the cache cannot be written", str(top), "see --cache")
    if scratch is None:
        raise CacheError("no cache can be written", "", "give one with --cache")
    return scratch / "c"


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))


def _may_be_made(path: Path) -> bool:
    """Whether the directory is writable, or the nearest one above it that exists.

    What another user's directory hides does not exist for this one.
    """
    while not os.path.exists(path):  # Path.exists() raises where it may not look
        if path == path.parent:
            return False
        path = path.parent
    return os.path.isdir(path) and os.access(
        path, os.W_OK | os.X_OK, effective_ids=True
    )
