# SPDX-License-Identifier: GPL-2.0-or-later
"""What the parameters of caches mean together.

Source: docs/parameters.md; docs/format.md 10.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from interpose.config.configuration import Configuration
from interpose.config.environment import cache_home, variables
from interpose.config.files import BUILT_IN
from interpose.config.parameters import read_number, read_switch
from interpose.config.trusted import PARAMETER, TrustedOwners

_MOST_MAPPINGS = Path("/proc/sys/vm/max_map_count")


def catalog_watermark(configuration: Configuration) -> int:
    """With so many catalogs loaded those are let go that are not in use; 0: never.

    Unset: a quarter of the mappings that the kernel lets a process have. (Officially a
    quarter of the descriptors, of which a catalog takes none here.)
    """
    if configuration.get("CVMFS_CATALOG_WATERMARK"):
        return min(max(0, configuration.number("CVMFS_CATALOG_WATERMARK")), 0xFFFFFFFF)
    try:
        return read_number(_MOST_MAPPINGS.read_text(encoding="ascii")) // 4
    except OSError:
        return 0


class CacheSettings(NamedTuple):
    """Where objects are kept.

    `private`: directories to try in this order, the scratch after them. `directory`
    is CVMFS_CACHE_DIR. `quota_mb` is what statfs tells, 0: unmanaged;
    `limit_bytes` and `limit_files` are those of the private cache, 0: none. `trusted`
    are owners of files in an alien cache. `workspace`: CVMFS_WORKSPACE. `notices` are
    lines for the user.
    """

    private: tuple[Path, ...]
    base: Path
    directory: Path | None
    shared: bool
    alien: Path | None
    workspace: Path | None
    quota_mb: int
    limit_bytes: int
    limit_files: int
    trusted: TrustedOwners
    notices: tuple[str, ...] = ()

    @classmethod
    def of(cls, configuration: Configuration) -> CacheSettings:
        """Cache settings; combinations that stop the official client give notices."""
        ours = variables(configuration.environment)
        alien = ours.alien_cache or _optional_path(
            _instance(configuration, "ALIEN", "CVMFS_ALIEN_CACHE")
        )
        quota = read_number(
            _instance(configuration, "QUOTA_LIMIT", "CVMFS_QUOTA_LIMIT")
        )
        trusted = TrustedOwners.parse(
            configuration.text(PARAMETER)
            if ours.trusted_owners is None
            else ours.trusted_owners
        )
        sharing = _instance(configuration, "SHARED", "CVMFS_SHARED_CACHE")
        shared = bool(read_switch(sharing))
        directory = _optional_path(configuration.text("CVMFS_CACHE_DIR"))
        return cls(
            private=_private(configuration, ours.cache, directory),
            base=Path(configuration.text("CVMFS_CACHE_BASE")),
            directory=directory,
            shared=shared and alien is None,
            alien=alien,
            workspace=_optional_path(
                _instance(configuration, "WORKSPACE", "CVMFS_WORKSPACE")
            ),
            quota_mb=0 if alien is not None else max(0, quota),
            limit_bytes=max(0, quota) << 20,
            limit_files=max(0, configuration.number("INTERPOSE_QUOTA_FILES")),
            trusted=trusted,
            notices=(
                *_notices(configuration, alien=alien is not None),
                *trusted.notices,
            ),
        )


def _optional_path(text: str) -> Path | None:
    return Path(text) if text else None


def _instance(configuration: Configuration, short: str, old: str) -> str:
    """A parameter of the cache instance in use, else its old name."""
    name = configuration.text("CVMFS_CACHE_PRIMARY")
    middle = "" if name == "default" else f"{name}_"
    return configuration.get(f"CVMFS_CACHE_{middle}{short}") or configuration.text(old)


def _is_users(configuration: Configuration, name: str) -> bool:
    """Whether somebody set a parameter that default.conf sets anyway."""
    origin = configuration.origin(name)
    return origin != BUILT_IN and Path(origin.file).name != "default.conf"


def _private(
    configuration: Configuration, ours: Path | None, directory: Path | None
) -> tuple[Path, ...]:
    """Candidates for the private cache."""
    if ours is not None:
        return (ours,)
    if directory is not None:
        return (directory,)
    base = Path(configuration.text("CVMFS_CACHE_BASE"))
    found: tuple[Path, ...] = ()
    if _is_users(configuration, "CVMFS_CACHE_BASE") or os.access(base, os.W_OK):
        found = (base,)
    return found + cache_home(configuration.environment)


def _notices(configuration: Configuration, *, alien: bool) -> tuple[str, ...]:
    """What the official client would refuse and we do not."""
    found: list[str] = []
    cases = (("CVMFS_SHARED_CACHE", "no"), ("CVMFS_QUOTA_LIMIT", "-1"))
    for name, instead in cases:
        used = configuration.flag(name) or configuration.number(name) > 0
        if alien and used and _is_users(configuration, name):
            found.append(
                f"{name} has no effect on an alien cache: "
                f"{configuration.origin(name)} (set {name}={instead})"
            )
    kind = _instance(configuration, "TYPE", "CVMFS_CACHE_TYPE")
    if kind != "posix":
        found.append(f"caches of type {kind} are not supported: CVMFS_CACHE_TYPE")
    return tuple(found)
