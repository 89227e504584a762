# SPDX-License-Identifier: GPL-2.0-or-later
"""The cache that only this user writes: objects, index files, state."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from interpose import owned
from interpose.cache import inventory, layout
from interpose.cache.directory import CacheDirectory, is_missing
from interpose.cache.eviction import NO_LIMIT, Room
from interpose.cache.quota import Quota

if TYPE_CHECKING:
    from interpose.cache.guarded import Directory
    from interpose.formats.hashes import ContentHash

_SECOND_NS = 10**9


class PrivateCache(CacheDirectory):
    """A cache of this user, perhaps on a home that several nodes share.

    Layout and modes of the official exclusive cache, so the official client can read
    it, plus `index/` and `interpose/`.
    """

    # Below `top`: what is in them is believed, so nobody else may write there.
    STATE_DIRECTORIES = (layout.INDEX, layout.OWN, layout.KEPT, layout.TXN)
    seals = True

    def __init__(
        self,
        top: Path,
        *,
        durable: bool = False,
        is_of_run: bool = False,
        limit: Room = NO_LIMIT,
    ) -> None:
        super().__init__(top, writable=True, durable=durable)
        self._is_of_run = is_of_run
        self.quota = Quota(self, limit)

    def has_stored(self, descriptor: int) -> None:
        """It counts; what was not used for long may go."""
        self.quota.added(os.fstat(descriptor).st_size)

    def is_ours(self, path: Path) -> bool:
        """Whether nobody else can have written what has this path, or is on its way.

        All that is in the scratch of this run is.
        """
        return self._is_of_run or owned.not_ours(path) is None

    @property
    def index_directory(self) -> Path:
        """Where index files are; perhaps not made yet."""
        return self.top / layout.INDEX

    def raw(self, content_hash: ContentHash) -> Path:
        """Where an object is that is stored as it is, not packed. For `commit_as`.

        One hash can name two contents: what packs to these bytes, and the bytes. The
        official name is that of the first here; native/run/objects.c knows both.
        """
        return inventory.RAW.below(self.top, object=content_hash.cache_path())

    def assembled(self, content_hash: ContentHash, *, raw: bool = False) -> Path:
        """Where a file that was put together from chunks (stored raw) is.

        A place of its own: an object of that hash may exist, too, and the official
        tools must not take it for one. native/run/objects.c knows it. For `commit_as`.
        """
        row = inventory.ASSEMBLED_RAW if raw else inventory.ASSEMBLED
        return row.below(self.top, object=content_hash.cache_path())

    def show_raw(self, path: Path) -> None:
        """Let the official client find a raw object by the name that it knows.

        Nothing of ours believes a file of that mode under that name.
        """
        official = self.top / path.relative_to(self.top / layout.RAW)
        try:
            self._link_raw(path, official)
        except OSError:
            pass  # It is there, or the file system has no links.

    def _link_raw(self, path: Path, official: Path) -> None:
        with self.above(path) as source, self.above(official) as target:
            mode = stat.S_IMODE(source.status(path.name).st_mode)
            if mode != layout.RAW_MODE:
                return  # A file system without the bit that tells us.
            os.link(
                path.name,
                official.name,
                src_dir_fd=source.descriptor,
                dst_dir_fd=target.descriptor,
                follow_symlinks=False,
            )

    def may_stay(self, status: os.stat_result, mode: int) -> bool:
        """Whether a file with the right bytes is as we would write it."""
        is_ours = status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) == mode
        has_seal = bool(mode & stat.S_IXUSR)
        return is_ours and (not has_seal or _is_sealed(status))

    def may_replace(self, directory: Directory, name: str) -> bool:
        """True: a directory that has the name of a file is damage, and removed."""
        if layout.is_directory(directory, name):
            shutil.rmtree(
                f"/proc/self/fd/{directory.descriptor}/{name}", ignore_errors=True
            )
        return True

    def read_small(self, path: Path, limit_bytes: int) -> bytes | None:
        """The bytes of a small file, None also if others could have written it."""
        return super().read_small(path, limit_bytes) if self.is_ours(path) else None

    def vouches_for(self, path: Path) -> bool:
        """True for a file that we wrote: ours, with our mode, where only we can write.

        The official client writes 0600 and may have filled this directory, too.
        """
        return self.size_of_ours(path) is not None

    def size_of_ours(
        self, path: Path, modes: Sequence[int] = (layout.OBJECT_MODE,)
    ) -> int | None:
        """The size of a file that the cache vouches for, None for any other."""
        if is_missing(path):
            return None
        try:
            with self.above(path) as directory:
                status = directory.status(path.name)
                above = layout.status_of(directory)
        except OSError:
            return None
        user = os.geteuid()
        is_ours = (
            stat.S_ISREG(status.st_mode)
            and stat.S_IMODE(status.st_mode) in modes
            and _is_sealed(status)
            and status.st_uid == user
            and above.st_uid == user
            and not above.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        )
        return status.st_size if is_ours and self.is_ours(path) else None


def _is_sealed(status: os.stat_result) -> bool:
    """Whether the file is as we left it; true where only seconds are kept."""
    second, ns = divmod(status.st_mtime_ns, _SECOND_NS)
    return ns in (0, owned.seal_ns(second, status.st_size))
