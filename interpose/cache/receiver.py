# SPDX-License-Identifier: GPL-2.0-or-later
"""One file on its way into a cache: it gets its final name when it is whole."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, final

from interpose.cache import layout
from interpose.cache.identity import FileIdentity
from interpose.errors import CacheError

if TYPE_CHECKING:
    from interpose.formats.hashes import ContentHash

_TRIES = 5
_BLOCK_BYTES = 256 * 1024
_NO_LINKS = frozenset(
    {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EXDEV, errno.EMLINK, errno.EINVAL}
)


class Destination(Protocol):
    """The cache that a file is on its way to."""

    top: Path
    durable: bool

    def path(self, content_hash: ContentHash) -> Path:
        """Where the object of this hash is or would be."""

    def make_parents(self, path: Path) -> None:
        """Make the directories above this path. Errors: OSError."""


@final
class Receiver:
    """A temporary file in `txn`. Ends with one of `commit`, `commit_as`, `abort`.

    Whatever fails, nothing stays behind. Errors of all methods: CacheFull,
    CacheReadOnly, CacheError. Get it from `CacheDirectory.receive`.
    """

    def __init__(self, cache: Destination, path: Path, descriptor: int) -> None:
        self._cache = cache
        self.path = path
        self._descriptor = descriptor
        self.size_bytes = 0
        self.identity: FileIdentity | None = None

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *_: object) -> None:
        self.abort()

    @property
    def where(self) -> str:
        """The cache's directory, for messages."""
        return os.fspath(self.path.parent.parent)

    def fileno(self) -> int:
        """The descriptor, for those who write by themselves."""
        return self._descriptor

    def write(self, data: bytes) -> None:
        """Append."""
        view = memoryview(data)
        try:
            while view:
                written = os.write(self._descriptor, view)
                self.size_bytes += written
                view = view[written:]
        except OSError as error:
            self.abort()
            raise layout.cache_error(error, self.where) from error

    def commit(self, content_hash: ContentHash) -> Path:
        """Publish as the object of this hash; the path that it has now.

        The caller has verified the bytes. An equal object that is there already stays,
        a different one (damaged, planted) is replaced. `identity` is then that of the
        published file.
        """
        return self.commit_as(self._cache.path(content_hash))

    def commit_as(
        self, path: Path, *, mode: int = layout.OBJECT_MODE, replace: bool = False
    ) -> Path:
        """Publish under this path inside the cache; `replace` without a look at it."""
        try:
            os.fchmod(self._descriptor, mode)
            if self._cache.durable:
                # A node that crashes must not leave an empty object to all others.
                os.fsync(self._descriptor)
            self._stop_writing()
            self._publish(path, mode, replace=replace)
        except OSError as error:
            raise layout.cache_error(error, path) from error
        finally:
            self.abort()
        return path

    def abort(self) -> None:
        """Forget the file; harmless after the end."""
        if self._descriptor < 0:
            return
        with contextlib.suppress(OSError):
            os.close(self._descriptor)
        self._descriptor = -1
        with contextlib.suppress(OSError):
            os.unlink(self.path)

    def _stop_writing(self) -> None:
        # Nobody can execute a file that is open for writing (ETXTBSY).
        reading = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        writing, self._descriptor = self._descriptor, reading
        # Raises what a file server says only now, such as EDQUOT.
        os.close(writing)

    def _publish(self, path: Path, mode: int, *, replace: bool) -> None:
        for left in reversed(range(_TRIES)):
            try:
                self._publish_once(path, mode, replace=replace)
            except OSError as error:
                # The directory is missing, or a file server lost track of it.
                if error.errno not in layout.PASSING or left == 0:
                    raise
                self._cache.make_parents(path)
            else:
                return

    def _publish_once(self, path: Path, mode: int, *, replace: bool) -> None:
        if not replace:
            try:
                # link, not rename: an object in use keeps its inode.
                os.link(self.path, path)
            except FileExistsError:
                if self._is_same(path, mode):
                    return
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
            else:
                with contextlib.suppress(OSError):
                    os.unlink(self.path)
                self._note(os.fstat(self._descriptor))
                return
        os.rename(self.path, path)
        self._note(os.fstat(self._descriptor))

    def _is_same(self, path: Path, mode: int) -> bool:
        """Whether a file with our bytes and usable by us is published already."""
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            other = os.open(path, flags)
        except OSError as error:
            if error.errno in layout.PASSING:
                raise
            return False
        try:
            # Who has just published it takes its first name away: that changes it too.
            return any(self._is_same_now(other, mode) for _ in range(_TRIES))
        finally:
            os.close(other)

    def _is_same_now(self, other: int, mode: int) -> bool:
        before = os.fstat(other)
        if not stat.S_ISREG(before.st_mode) or before.st_mode & mode != mode:
            return False
        same = self._equals(other, before.st_size)
        self._note(os.fstat(other))
        return same and self.identity == FileIdentity.of(before)

    def _equals(self, other: int, size: int) -> bool:
        if size != os.fstat(self._descriptor).st_size:
            return False
        offset = 0
        while offset < size:
            block = os.pread(other, _BLOCK_BYTES, offset)
            ours = os.pread(self._descriptor, len(block) or 1, offset)
            if not block or block != ours:
                return False
            offset += len(block)
        return True

    def _note(self, status: os.stat_result) -> None:
        self.identity = FileIdentity.of(status)


def open_temporary(cache: Destination) -> Receiver:
    """A receiver with a fresh file in the cache's `txn`, which is made if need be.

    Errors: CacheFull, CacheReadOnly, CacheError.
    """
    txn = cache.top / layout.TXN
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    last: OSError | None = None
    for _ in range(_TRIES):
        path = txn / layout.temporary_name()
        try:
            return Receiver(cache, path, os.open(path, flags, 0o600))
        except OSError as error:
            last = error
            if error.errno not in layout.PASSING and error.errno != errno.EEXIST:
                break
        try:
            cache.make_parents(path)
        except OSError as error:
            last = error
            break
    if last is None:
        raise CacheError("no temporary file can be made", os.fspath(txn))
    raise layout.cache_error(last, cache.top) from last
