# SPDX-License-Identifier: GPL-2.0-or-later
"""What private and alien caches have in common."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from interpose.cache import inventory, layout
from interpose.cache.found import Found, open_found
from interpose.cache.guarded import Directory, Owners, opened
from interpose.cache.identity import FileIdentity
from interpose.cache.receiver import Receiver, open_temporary
from interpose.errors import CacheReadOnly

if TYPE_CHECKING:
    from interpose.formats.hashes import ContentHash

T = TypeVar("T")
STALE_AFTER_S = 24 * 3600
_TRIES = 3
_MAX_BREADCRUMB_BYTES = 164
_SPECIAL_BITS = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX


class CacheDirectory:
    """Objects below one directory. Thread-safe; safe between processes and nodes.

    Nothing is made before the first `receive`. No lock, no scan of objects: what is
    published appears whole, by link or rename. What others may write is used by
    descriptor only (docs/trust.md).
    """

    breadcrumb_mode = 0o600
    top_mode = layout.PRIVATE_MODE
    option = "--cache"  # where a user names it, for messages
    seals = False  # objects are marked so that a later change shows

    def __init__(self, top: Path, *, writable: bool, durable: bool) -> None:
        self.top = Path(os.path.abspath(top))
        self.writable = writable
        self.durable = durable
        self.owners = Owners.with_us()
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

    def opened(self) -> AbstractContextManager[Directory]:
        """The cache's directory. Errors: OSError, when the block begins."""
        return opened(self.top, self.owners)

    def above(self, path: Path) -> AbstractContextManager[Directory]:
        """The directory that holds a path of this cache. Errors: OSError."""
        inside = path.relative_to(self.top).parts[:-1]
        return opened(self.top, self.owners, "/".join(inside))

    def look(self, path: Path) -> Found | None:
        """The regular file at a path of this cache, held open; None for all else."""
        if is_missing(path):
            return None

        def look() -> Found | None:
            with self.above(path) as directory:
                return open_found(directory, path.name, path)

        return _if_there(look)

    def read_small(self, path: Path, limit_bytes: int) -> bytes | None:
        """The bytes of a small file; None if it is missing, odd or too long."""
        found = self.look(path)
        if found is None:
            return None
        with found:
            try:
                data = b"".join(found.blocks(limit_bytes))
            except OSError:
                return None
        return data if len(data) <= limit_bytes else None

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
        return self.read_small(self._breadcrumb_path(fqrn), _MAX_BREADCRUMB_BYTES)

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

        def look() -> os.stat_result | None:
            with self.above(path) as directory:
                status = directory.status(path.name)
            return status if stat.S_ISREG(status.st_mode) else None

        return _if_there(look)

    def may_stay(self, status: os.stat_result, mode: int) -> bool:
        """Whether a file with the right bytes can stand for a new one of this mode.

        Special bits mean something in a private cache.
        """
        return status.st_mode & (mode | _SPECIAL_BITS) == mode

    def may_replace(self, directory: Directory, name: str) -> bool:
        """Whether a file can take this name over: others' directories stay."""
        return not layout.is_directory(directory, name)

    def has_stored(self, descriptor: int) -> None:
        """A file that can be got again has its name now."""

    def mode_below(self, top: Directory) -> int:  # noqa: ARG002
        """The mode of directories that we make in the cache's directory."""
        return layout.PRIVATE_MODE

    def make_parents(self, path: Path) -> None:
        """Make the directories above this path, which is ours. Errors: OSError."""
        for left in reversed(range(_TRIES)):
            try:
                self._make_parents_now(path)
            except OSError as error:
                # Others take away what is empty, or a file server lost track of it.
                if error.errno not in layout.PASSING or left == 0:
                    raise
            else:
                return

    def make_workshop(self) -> None:
        """Make `txn` alone, for turns. Errors: OSError."""
        layout.make_top(self.top, self.top_mode, self.owners)
        with self.opened() as top:
            layout.make_directory(top, layout.TXN, self.mode_below(top))

    def _make_parents_now(self, path: Path) -> None:
        layout.make_top(self.top, self.top_mode, self.owners)
        with self.opened() as top:
            mode = self.mode_below(top)
            self._make_skeleton(top, mode)
            self._make_chain(top, path.relative_to(self.top).parts[:-1], mode)

    def _make_skeleton(self, top: Directory, mode: int) -> None:
        """The directories that every cache has. Errors: OSError."""
        layout.make_skeleton(top, mode)

    def _make_chain(self, above: Directory, names: Sequence[str], mode: int) -> None:
        if not names:
            return
        layout.make_directory(above, names[0], mode)
        with above.below(names[0]) as directory:
            self._make_chain(directory, names[1:], mode)

    def _breadcrumb_path(self, fqrn: str) -> Path:
        return inventory.BREADCRUMB.below(self.top, fqrn=plain_name(fqrn))

    def _sweep(self, receiver: Receiver) -> None:
        with self._sweep_lock:
            if self._swept:
                return
            self._swept = True
        with contextlib.suppress(OSError), self.opened() as top:
            now = os.fstat(receiver.fileno()).st_mtime
            layout.remove_stale(top, now, STALE_AFTER_S)
            with top.below(layout.TXN) as txn:
                layout.remove_stale(txn, now, STALE_AFTER_S)


def plain_name(name: str) -> str:
    """The name, if it can be one component of a path. Errors: ValueError."""
    if not name or name.startswith(".") or "/" in name or "\0" in name:
        raise ValueError(f"not a plain name: {name!r}")
    return name


def is_missing(path: Path) -> bool:
    """Whether surely nothing is there.

    A look by name is enough to say no, at a tenth of what a walk with care costs: who
    is told so fetches what another may have put there meanwhile, and believes nothing.
    """
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        pass  # ESTALE and others: to be asked with care.
    return False


def _if_there(look: Callable[[], T | None]) -> T | None:
    """What `look` finds; None if nothing is there or nothing can be seen."""
    for _ in range(_TRIES):
        try:
            return look()
        except OSError as error:
            if error.errno not in layout.PASSING:
                return None
            if isinstance(error, FileNotFoundError):
                return None
            continue  # ESTALE: the file server wants to be asked again.
    return None


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
