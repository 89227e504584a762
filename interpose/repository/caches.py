# SPDX-License-Identifier: GPL-2.0-or-later
"""The directories that one repository uses on this node."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

from interpose import owned
from interpose.cache import (
    NO_LIMIT,
    AlienCache,
    PrivateCache,
    Room,
    inventory,
)
from interpose.config import CacheSettings, Configuration
from interpose.config.environment import variables
from interpose.errors import CacheError, InterposeError
from interpose.formats.fqrn import Fqrn

LITTLE_BYTES = 64 << 20


class Caches(NamedTuple):
    """Caches and scratch; `refused` are directories that others could change.

    `workspace` has what is no content: turns, and what was learned of the network. As
    a rule it is the private cache.
    """

    private: PrivateCache
    workspace: PrivateCache
    alien: AlienCache | None
    scratch: Path | None
    trust_cache: bool
    offline: bool
    uid: int
    gid: int
    refused: tuple[InterposeError, ...] = ()

    @classmethod
    def of(
        cls, fqrn: Fqrn, configuration: Configuration, scratch: Path | None
    ) -> Caches:
        """The directories that a configuration names; makes none of them.

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
        top, refused = _private_top(fqrn, settings, ours.cache, scratch)
        is_of_run = top == _of_run(scratch)
        limit = (
            NO_LIMIT if is_of_run else Room(settings.limit_bytes, settings.limit_files)
        )
        private = PrivateCache(top, is_of_run=is_of_run, limit=limit)
        workspace, more = _workspace(fqrn, settings.workspace, private)
        return cls(
            private=private,
            workspace=workspace,
            refused=refused + more,
            alien=alien,
            scratch=scratch,
            trust_cache=ours.trust_cache,
            offline=ours.offline,
            uid=os.getuid(),
            gid=os.getgid(),
        )

    @property
    def filled(self) -> AlienCache | None:
        """The shared cache that gets what is fetched here, if there is one."""
        return self.alien if self.alien is not None and self.alien.writable else None

    def make_workspace(self) -> None:
        """Have it there, where it is not the cache: others may wait for a turn."""
        workspace = self.workspace
        if workspace is self.private or workspace.top.is_dir():
            return
        with contextlib.suppress(OSError):
            workspace.make_workshop()

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
) -> tuple[Path, tuple[InterposeError, ...]]:
    """The directory, and why better ones are not used: one line each."""
    refused: list[InterposeError] = []
    for candidate in settings.private:
        top = _absolute(candidate)
        if ours is None and candidate == settings.base:
            # The official client's names, so that caches can be exchanged.
            top = top / ("shared" if settings.shared else fqrn)
        problem = _distrust(top, fqrn)
        if problem is not None:
            refused.append(problem)
        elif _may_be_made(top):
            return top, tuple(refused)
        elif ours is not None:
            raise CacheError("the cache cannot be written", str(top), "see --cache")
    if scratch is None:
        raise (
            CacheError(refused[0].what, refused[0].where, refused[0].advice)
            if refused
            else CacheError("no cache can be written", "", "give one with --cache")
        )
    return _of_run(scratch), tuple(refused)


def _workspace(
    fqrn: Fqrn, wanted: Path | None, private: PrivateCache
) -> tuple[PrivateCache, tuple[InterposeError, ...]]:
    """The directory that is wanted; the private cache where that is of no use.

    A site may have meant it for the official client's daemon: no line then.
    """
    if wanted is None:
        return private, ()
    top = _absolute(wanted)
    problem = _distrust(top, fqrn, "workspace", "CVMFS_WORKSPACE")
    if problem is not None:
        return private, (problem,)
    return (PrivateCache(top) if _may_be_made(top) else private), ()


def _of_run(scratch: Path | None) -> Path:
    return Path() if scratch is None else scratch / "c"


def _distrust(
    top: Path, fqrn: Fqrn, kind: str = "private cache", setting: str = "--cache"
) -> InterposeError | None:
    """What keeps a directory from being of such a kind, if it is there already."""
    of_repository = inventory.TRUST.below(Path(), fqrn=fqrn).parent
    parts = (".", *PrivateCache.STATE_DIRECTORIES, str(of_repository))
    for part in parts:
        found = owned.not_ours(top / part)
        if found is None or found[0] == owned.CANNOT_BE_SEEN:
            continue  # Whether it can be made is seen elsewhere.
        what, where = found
        advice = f"see {setting}"
        if owned.CAN_BE_WRITTEN in what:
            advice = f"chmod go-w it, and remove what others left, or see {setting}"
        if where != str(top):
            what = f"{where} {what}"
        return InterposeError(f"not used as {kind}, {what}", str(top), advice)
    return None


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
