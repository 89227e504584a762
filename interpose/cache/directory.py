# SPDX-License-Identifier: GPL-2.0-or-later
"""What private and alien caches have in common."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from interpose.cache import layout
from interpose.cache.identity import FileIdentity
from interpose.cache.receiver import Receiver, open_temporary
from interpose.errors import CacheReadOnly

if TYPE_CHECKING:
    from interpose.formats.hashes import ContentHash

STALE_AFTER_S = 24 * 3600
_TRIES = 3
_MAX_BREADCRUMB_BYTES = 164


class CacheDirectory:
    """Objects below one directory. Thread-safe; safe between processes and nodes.

    Nothing is made before the first `receive`. No lock, no scan of objects: what is
    published appears whole, by link or rename.
    """

    subdirectory_mode = layout.PRIVATE_MODE
    breadcrumb_mode = 0o600

    def __init__(self, top: Path, *, writable: bool, durable: bool) -> None:
        self.top = Path(top)
        self.writable = writable
        self.durable = durable
        self._swept = False
        self._sweep_lock = threading.Lock()

    def path(self, content_hash: ContentHash) -> Path:
        """Where the object of this hash is or would be."""
        return self.top / content_hash.cache_path()

    def find(
        self, content_hash: ContentHash, size_bytes: int | None = None
    ) -> Path | None:
        """The path of the object, if a regular file (of this size) is there.

        Says nothing about its content: see `vouches_for`.
        """
        path = self.path(content_hash)
        status = self.status(path)
        if status is None:
            return None
        if size_bytes is not None and status.st_size != size_bytes:
            return None
        return path

    def vouches_for(self, path: Path) -> bool:
        """Whether a file of this cache needs no proof."""
        raise NotImplementedError

    def is_usable(self, path: Path) -> bool:
        """Whether this process may read and execute the file, as every object can be.

        False on a file system that is mounted noexec, too.
        """
        return os.access(path, os.R_OK | os.X_OK, effective_ids=True)

    def identity(self, path: Path) -> FileIdentity | None:
        """Which file this is now, or None."""
        status = self.status(path)
        return None if status is None else FileIdentity.of(status)

    def receive(self) -> Receiver:
        """A fresh temporary file. Errors: CacheFull, CacheReadOnly, CacheError."""
        if not self.writable:
            raise CacheReadOnly("the cache is not to be written", os.fspath(self.top))
        receiver = open_temporary(self)
        self._sweep(receiver)
        return receiver

    def breadcrumb(self, fqrn: str) -> bytes | None:
        """The bytes of `cvmfschecksum.<fqrn>`, or None."""
        return read_small(self._breadcrumb_path(fqrn), _MAX_BREADCRUMB_BYTES)

    def store_breadcrumb(self, fqrn: str, data: bytes) -> None:
        """Write `cvmfschecksum.<fqrn>` atomically. Errors: CacheError and below."""
        path = self._breadcrumb_path(fqrn)
        self.store_small(path, data, self.breadcrumb_mode)

    def store_small(self, path: Path, data: bytes, mode: int = 0o600) -> None:
        """Replace a small file atomically. Errors: CacheError and below."""
        receiver = self.receive()
        receiver.write(data)
        receiver.commit_as(path, mode=mode, replace=True)

    def status(self, path: Path) -> os.stat_result | None:
        """The status of a regular file; links are not followed."""
        for _ in range(_TRIES):
            try:
                status = path.lstat()
            except OSError as error:
                if error.errno not in layout.PASSING:
                    return None
                if isinstance(error, FileNotFoundError):
                    return None
                continue  # ESTALE: the file server wants to be asked again.
            return status if stat.S_ISREG(status.st_mode) else None
        return None

    def make_parents(self, path: Path) -> None:
        """Make the directories above this path, which is ours. Errors: OSError."""
        layout.make_top(self.top)
        layout.make_skeleton(self.top, self.subdirectory_mode)
        directory = self.top
        for name in path.parent.relative_to(self.top).parts:
            directory = directory / name
            layout.make_directory(directory, self.subdirectory_mode)

    def _breadcrumb_path(self, fqrn: str) -> Path:
        return self.top / f"cvmfschecksum.{plain_name(fqrn)}"

    def _sweep(self, receiver: Receiver) -> None:
        with self._sweep_lock:
            if self._swept:
                return
            self._swept = True
        with contextlib.suppress(OSError):
            now = os.fstat(receiver.fileno()).st_mtime
            layout.remove_stale(self.top / layout.TXN, now, STALE_AFTER_S)


def plain_name(name: str) -> str:
    """The name, if it can be one component of a path. Errors: ValueError."""
    if not name or name.startswith(".") or "/" in name or "\0" in name:
        raise ValueError(f"not a plain name: {name!r}")
    return name


def read_small(path: Path, limit_bytes: int) -> bytes | None:
    """The bytes of a small regular file, None if it is missing, odd or too long."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    for _ in range(_TRIES):
        try:
            with open(os.open(path, flags), "rb") as stream:
                if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                    return None
                data = stream.read(limit_bytes + 1)
        except OSError as error:
            if error.errno in layout.PASSING and not isinstance(
                error, FileNotFoundError
            ):
                continue
            return None
        return data if len(data) <= limit_bytes else None
    return None
