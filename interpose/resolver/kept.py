# SPDX-License-Identifier: GPL-2.0-or-later
"""Mount files that outlive their run: the next job with the same settings starts warm.

The launcher names a directory, which stands for its options and environment; here the
record is left in it, with the files that the configuration was made of. The tracer
takes it, without a resolver, while none of these has changed and the catalog's TTL
lasts. Source: docs/decisions/0009.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterable
from pathlib import Path

from interpose import native
from interpose.config import Configuration, KeySettings
from interpose.repository import blacklist
from interpose.repository.repository import Repository

# struct interpose_dependency of native/interpose.h.
_DEPENDENCY = struct.Struct("<q3Q")
_OWNER_MAPS = ("CVMFS_UID_MAP", "CVMFS_GID_MAP")
_STALE_S = 86400.0
_STARTED_NS = time.time_ns()


def may_be_kept(repository: Repository, record: native.Mount) -> bool:
    """Whether the next job may do without asking: proven, and nothing of it moves.

    What a configuration repository says changes with its revisions.
    """
    caches = repository.caches
    in_cache = repository.index_files.directory == caches.private.index_directory
    in_scratch = (
        caches.scratch is not None and caches.scratch in caches.private.top.parents
    )
    is_own = repository.configuration.repository_tree is None
    root = repository.root
    is_sure = root.is_proven and not root.remark and bool(record.dependencies)
    return is_sure and in_cache and is_own and not in_scratch


def dependencies(configuration: Configuration) -> bytes:
    """The files behind a configuration, packed for the tracer.

    Empty if one has changed since this process began: which state was read then?
    """
    paths: dict[Path, None] = dict.fromkeys(configuration.consulted)
    paths.update(dict.fromkeys(KeySettings.of(configuration).files))
    paths[configuration.path(configuration.text("CVMFS_KEYS_DIR"))] = None
    for name in _OWNER_MAPS:
        if configuration.text(name):
            paths[configuration.path(configuration.text(name))] = None
    paths.update(dict.fromkeys(blacklist.files(configuration)))
    packed = b""
    for path in paths:
        # A relative one was meant so: the next job may have another directory.
        text = os.fsencode(path) + b"\0"
        ctime_ns, size, inode = _state(path)
        if ctime_ns >= _STARTED_NS:
            return b""
        packed += _DEPENDENCY.pack(ctime_ns, size, inode, len(text)) + text
    return packed


def _state(path: Path) -> tuple[int, int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return -1, 0, 0
    return found.st_ctime_ns, found.st_size, found.st_ino


def keep(record: native.Mount, directory: Path) -> None:
    """Leave the record for the next job. A cache that takes nothing is no error."""
    try:
        directory.parent.mkdir(mode=0o700, exist_ok=True)
        _forget_stale(directory.parent.iterdir())
        directory.mkdir(mode=0o700, exist_ok=True)
        # Homes are shared between nodes: the number of a process is not enough.
        name = f".{record.fqrn}.{os.getpid()}.{time.time_ns()}"
        temporary = directory / name
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:
            file.write(native.pack_mount(record))
        temporary.rename(directory / record.fqrn)
    except OSError:
        return


def _forget_stale(directories: Iterable[Path]) -> None:
    """Settings that nobody has used for a day: each costs a directory."""
    now = time.time()
    for path in directories:
        if abs(now - path.stat().st_mtime) > _STALE_S:
            import shutil  # noqa: PLC0415

            shutil.rmtree(path, ignore_errors=True)
