# SPDX-License-Identifier: GPL-2.0-or-later
"""The record of an opened repository that the tracer maps: SCRATCH/m/FQRN."""

from __future__ import annotations

import hashlib
import os
import struct
import time
from collections.abc import Iterable
from pathlib import Path

from interpose import native, owned
from interpose.config import CacheSettings, ViewSettings, catalog_watermark
from interpose.formats.fqrn import Fqrn
from interpose.formats.hashes import Algorithm, ContentHash
from interpose.repository.finding import Root
from interpose.repository.repository import Repository
from interpose.repository.shelves import MemoryShelf, make_folder
from interpose.resolver import kept

# The beginning of struct interpose_mount of native/interpose.h.
_HEAD = struct.Struct("<IIQQqq20sI")
_SUMMED_FROM = 16
_SEED_BITS = 53
_UNIT_BYTES = 512
_ENTRIES = ("regular", "symlink", "special", "dir")


def write(record: native.Mount, scratch: Path) -> Path:
    """The path of the record: in the scratch, or in memory where that is full.

    Errors: CacheError and below.
    """
    try:
        return _write(record, scratch)
    except OSError:
        shelf = MemoryShelf()
        parcel = shelf.receive()
        parcel.write(native.pack_mount(record))
        return shelf.put(parcel, record.fqrn)


def _write(record: native.Mount, scratch: Path) -> Path:
    """Write it atomically. Errors: OSError."""
    directory = scratch / "m"
    make_folder(directory)
    final = directory / record.fqrn
    temporary = directory / f".{record.fqrn}.{os.getpid()}"
    temporary.write_bytes(native.pack_mount(record))
    temporary.rename(final)
    return final


def record(repository: Repository) -> native.Mount:
    """The record of a repository."""
    root, view, caches = repository.root, repository.view, repository.caches
    blocks, files = _capacity(repository)
    # What is trusted without a look at its owner has other rules (docs/trust.md).
    alien = None if caches.trust_cache else caches.alien
    return native.Mount(
        fqrn=repository.fqrn,
        revision=root.revision,
        made_at=int(time.time()),
        valid_until=root.valid_until,
        root_digest=root.hash.digest,
        root_algorithm=root.hash.algorithm.flag,
        index_dir=os.fsencode(repository.index_files.directory),
        cache_dir=os.fsencode(caches.private.top),
        alien_dir=b"" if alien is None else os.fsencode(alien.top),
        owners=() if alien is None else tuple(sorted(alien.owners.uids)),
        inode_seed=seed(repository.fqrn),
        view=_flags(view),
        uid=caches.uid,
        gid=caches.gid,
        uid_default=view.uid_map.default or 0,
        gid_default=view.gid_map.default or 0,
        catalog_watermark=catalog_watermark(repository.configuration),
        blocks=blocks,
        blocks_free=_free(repository, blocks),
        files=files,
        variables=tuple(_variables(view)),
        uid_map=view.uid_map.pairs,
        gid_map=view.gid_map.pairs,
        dependencies=kept.dependencies(repository.configuration),
    )


def root_of_run(directories: Iterable[Path | None], fqrn: Fqrn) -> Root | None:
    """The root catalog that the tracer has opened: the first that a mount file names.

    No manifest is known of it, so it is no proof of anything.
    """
    for directory in directories:
        path = None if directory is None else directory / fqrn
        if path is None or owned.not_ours(path) is not None:
            continue
        try:
            data = path.read_bytes()
            magic, version, checksum, revision, _, _, digest, algorithm = _HEAD.unpack(
                data[: _HEAD.size]
            )
        except (OSError, struct.error):
            continue
        found = native.checksum(data[_SUMMED_FROM:])
        if (magic, version, checksum) == (*native.MOUNT_MARK, found):
            catalog = ContentHash(Algorithm.of_flag(algorithm), digest)
            return Root(catalog, revision, is_fixed=True, is_proven=False)
    return None


def seed(fqrn: str) -> int:
    """Where the inode numbers of a repository start: the same on all nodes."""
    digest = hashlib.sha256(fqrn.encode()).digest()
    return int.from_bytes(digest[:8], "little") >> (64 - _SEED_BITS)


def _variables(view: ViewSettings) -> list[tuple[bytes, bytes]]:
    """What variant symlinks can use; no value can hold a NUL."""
    return [
        (os.fsencode(name), os.fsencode(value))
        for name, value in sorted(view.variables.items())
        if "\0" not in value
    ]


def _flags(view: ViewSettings) -> int:
    flags = {
        native.VIEW_CLAIM: view.claim_ownership,
        native.VIEW_CHECK_PERMISSIONS: view.check_permissions,
        native.VIEW_WORLD_READABLE: view.world_readable,
        native.VIEW_XATTR_ALWAYS: view.xattr_visibility == "always",
        native.VIEW_XATTR_NEVER: view.xattr_visibility == "never",
        native.VIEW_UID_DEFAULT: view.uid_map.default is not None,
        native.VIEW_GID_DEFAULT: view.gid_map.default is not None,
    }
    return sum(flag for flag, is_on in flags.items() if is_on)


def _capacity(repository: Repository) -> tuple[int, int]:
    """Blocks and files that statfs shows: all 0 without a quota, as officially."""
    quota_mb = CacheSettings.of(repository.configuration).quota_mb
    if quota_mb <= 0:
        return 0, 0
    counters = repository.counters(repository.root.hash)
    files = sum(counters.get(name, 0) for name in _ENTRIES)
    return (quota_mb << 20) // _UNIT_BYTES, files


def _free(repository: Repository, blocks: int) -> int:
    """What is left of the quota, at most: the root catalog is there in any case.

    A file system of which nothing is used would be an empty one to who looks.
    """
    private = repository.caches.private
    index = repository.index_files.path(repository.root.hash)
    usage = private.quota.usage()
    try:
        used = index.stat().st_size
        found = os.statvfs(private.top)
    except OSError:
        return blocks
    if usage is not None:
        used = max(used, usage.room.size_bytes)
    left = blocks - -(-used // _UNIT_BYTES)
    return max(0, min(left, found.f_bavail * found.f_frsize // _UNIT_BYTES))
