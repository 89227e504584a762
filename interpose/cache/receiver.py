# SPDX-License-Identifier: GPL-2.0-or-later
"""One file on its way into a cache: it gets its final name when it is whole.

It has no name before, where the file system can do that (O_TMPFILE), and is published
from its descriptor: whoever may write the directory can exchange names, not this file.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, final

from interpose import courtesy, owned
from interpose.cache import layout, unfinished
from interpose.cache.identity import FileIdentity
from interpose.errors import CacheError

if TYPE_CHECKING:
    from interpose.cache.guarded import Directory
    from interpose.cache.sharedturns import Lent
    from interpose.formats.hashes import ContentHash

_TRIES = 5
_BLOCK_BYTES = 256 * 1024
_NO_LINKS = frozenset(
    {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EXDEV, errno.EMLINK, errno.EINVAL}
)
# What file systems and old kernels say that know no files without a name.
_NAMED_ONLY = frozenset(
    {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOSYS, errno.ENXIO}
)
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


class Destination(Protocol):
    """The cache that a file is on its way to."""

    top: Path
    durable: bool
    option: str
    seals: bool

    def path(self, content_hash: ContentHash) -> Path:
        """Where the object of this hash is or would be."""

    def above(self, path: Path) -> AbstractContextManager[Directory]:
        """The directory that holds a path of the cache. Errors: OSError."""

    def make_parents(self, path: Path) -> None:
        """Make the directories above this path. Errors: OSError."""

    def may_stay(self, status: os.stat_result, mode: int) -> bool:
        """Whether a file with the right bytes can stand for a new one of this mode."""

    def may_replace(self, directory: Directory, name: str) -> bool:
        """Whether a file can take this name over; what is in its way may be removed."""

    def has_stored(self, descriptor: int) -> None:
        """A file that can be got again has its name now."""


@final
class Receiver:
    """A temporary file. Ends with one of `commit`, `commit_as`, `abort`.

    Whatever fails, nothing stays behind. Errors of all methods: CacheFull,
    CacheReadOnly, CacheError. Get it from `CacheDirectory.receive`.
    """

    nameless = True  # False: as where every file needs a name

    def __init__(
        self,
        cache: Destination,
        descriptor: int,
        name: str = "",
        lent: Lent | None = None,
    ) -> None:
        self._cache = cache
        self._descriptor = descriptor
        self._name = name  # in `txn`, if it needs one that is ours to take away
        self._lent = lent
        if name:
            unfinished.hold(self._drop_name)
        self._is_yielding = False
        self._had_name = False  # and lost it: the kernel gives such a file no other
        self.size_bytes = 0
        self.is_guarded = False  # published where nobody can exchange it

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *_: object) -> None:
        self.abort()

    @property
    def where(self) -> str:
        """The cache's directory, for messages."""
        return os.fspath(self._cache.top)

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
            raise layout.cache_error(error, self.where, self._cache.option) from error

    def commit(self, content_hash: ContentHash, *, yielding: bool = False) -> Path:
        """Publish as the object of this hash; the path that it has now.

        The caller has verified the bytes. An equal object that is there already stays,
        a different one (damaged, planted) is replaced, unless this one is `yielding`.
        """
        self._is_yielding = yielding
        return self.commit_as(self._cache.path(content_hash))

    def commit_as(
        self, path: Path, *, mode: int = layout.OBJECT_MODE, replace: bool = False
    ) -> Path:
        """Publish under this path inside the cache; `replace` without a look at it."""
        try:
            if self._lent is None or self._lent.mode != mode:
                owned.finish(self._descriptor, mode, sealed=self._cache.seals)
            if self._cache.durable:
                # A node that crashes must not leave an empty object to all others.
                os.fsync(self._descriptor)
            self._stop_writing()
            self._publish(path, mode, replace=replace)
            if not replace:
                self._cache.has_stored(self._descriptor)
        except OSError as error:
            raise layout.cache_error(error, path, self._cache.option) from error
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
        self._drop_name()

    def _drop_name(self) -> None:
        if self._name:
            with contextlib.suppress(OSError), self._workshop() as txn:
                os.unlink(self._name, dir_fd=txn.descriptor)
            self._name = ""
            unfinished.let_go(self._drop_name)

    def _workshop(self) -> AbstractContextManager[Directory]:
        return self._cache.above(self._cache.top / layout.TXN / "x")

    @property
    def _itself(self) -> str:
        """A path that always leads to the open file."""
        return f"/proc/self/fd/{self._descriptor}"

    def _stop_writing(self) -> None:
        if self._lent is not None:
            self._lent.finished()
        writing, self._descriptor = self._descriptor, -1
        self._descriptor = owned.reopened(writing)

    def _publish(self, path: Path, mode: int, *, replace: bool) -> None:
        for left in reversed(range(_TRIES)):
            try:
                with self._cache.above(path) as directory:
                    self._publish_in(directory, path.name, mode, replace=replace)
            except OSError as error:
                # The directory is missing, or a file server lost track of it.
                if error.errno not in layout.PASSING or left == 0:
                    raise
                self._cache.make_parents(path)
            else:
                return

    def _publish_in(
        self, directory: Directory, name: str, mode: int, *, replace: bool
    ) -> None:
        if not replace:
            try:
                # link, not rename: an object in use keeps its inode.
                self._link(directory, name)
            except FileExistsError:
                if self._is_yielding or self._is_same(directory, name, mode):
                    return
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                if self._had_name and self._is_there(directory, name, mode):
                    return
            else:
                self.is_guarded = directory.is_guarded
                self._drop_name()
                return
        self._replace(directory, name, mode)
        self._drop_name()

    def _link(self, directory: Directory, name: str) -> None:
        if self._had_name:
            raise OSError(errno.EMLINK, os.strerror(errno.EMLINK))
        where = directory.descriptor
        try:
            with courtesy.queue.waiting():
                os.link(self._itself, name, dst_dir_fd=where, follow_symlinks=True)
        except FileNotFoundError:
            # Our turn may have been taken for that of a dead one.
            if self._lent is None or os.fstat(self._descriptor).st_nlink:
                raise
            self._had_name = True
            raise OSError(errno.EMLINK, os.strerror(errno.EMLINK)) from None

    def _replace(self, directory: Directory, name: str, mode: int) -> None:
        """Let the file take over a name, at once."""
        with self._workshop() as txn:
            # Where others can exchange names, they must not gain one elsewhere.
            workshop = txn if txn.is_guarded else directory
            fresh = layout.temporary_name()
            where = workshop.descriptor
            try:
                self._link(workshop, fresh)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                self._copy_to(workshop, fresh, mode)
            try:
                target = directory.descriptor
                if not self._cache.may_replace(directory, name):
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
                os.rename(fresh, name, src_dir_fd=where, dst_dir_fd=target)
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(fresh, dir_fd=where)
                    self._had_name = True
                raise

    def _copy_to(self, directory: Directory, name: str, mode: int) -> None:
        """Give the bytes a file with a name, where no file can get a second one."""
        copy = os.open(name, _NEW, 0o600, dir_fd=directory.descriptor)
        try:
            offset = 0
            with self._reading() as ours:
                while block := os.pread(ours, _BLOCK_BYTES, offset):
                    offset += os.write(copy, block)
            owned.finish(copy, mode, sealed=self._cache.seals)
            os.fsync(copy)
            # From now on this one is the file.
            naming = os.open(f"/proc/self/fd/{copy}", os.O_PATH | os.O_CLOEXEC)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=directory.descriptor)
            raise
        finally:
            os.close(copy)
        former, self._descriptor = self._descriptor, naming
        os.close(former)

    def _is_there(self, directory: Directory, name: str, mode: int) -> bool:
        """As `_is_same`; False if there is nothing."""
        try:
            return self._is_same(directory, name, mode)
        except FileNotFoundError:
            return False

    def _is_same(self, directory: Directory, name: str, mode: int) -> bool:
        """Whether a file with our bytes and usable by us is published already."""
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            if not stat.S_ISREG(directory.status(name).st_mode):
                return False
            other = os.open(name, flags, dir_fd=directory.descriptor)
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
        if not stat.S_ISREG(before.st_mode) or not self._cache.may_stay(before, mode):
            return False
        same = self._equals(other, before.st_size)
        return same and FileIdentity.of(os.fstat(other)) == FileIdentity.of(before)

    def _equals(self, other: int, size: int) -> bool:
        if size != os.fstat(self._descriptor).st_size:
            return False
        offset = 0
        with self._reading() as ours:
            while offset < size:
                block = os.pread(other, _BLOCK_BYTES, offset)
                if not block or block != os.pread(ours, len(block), offset):
                    return False
                offset += len(block)
        return True

    @contextlib.contextmanager
    def _reading(self) -> Iterator[int]:
        """The file for reading. Errors: OSError."""
        reading = os.open(self._itself, os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield reading
        finally:
            os.close(reading)


def open_temporary(cache: Destination) -> Receiver:
    """A receiver with a fresh file in the cache's `txn`, which is made if need be.

    Errors: CacheFull, CacheReadOnly, CacheError.
    """
    inside = cache.top / layout.TXN / "x"
    last: OSError | None = None
    for _ in range(_TRIES):
        try:
            with cache.above(inside) as txn:
                return _fresh(cache, txn)
        except OSError as error:
            last = error
            if error.errno not in layout.PASSING and error.errno != errno.EEXIST:
                break
        try:
            cache.make_parents(inside)
        except OSError as error:
            last = error
            break
    if last is None:
        raise CacheError("no temporary file can be made", os.fspath(inside.parent))
    raise layout.cache_error(last, cache.top, cache.option) from last


def _fresh(cache: Destination, txn: Directory) -> Receiver:
    if Receiver.nameless:
        try:
            flags = os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC
            with courtesy.queue.waiting():
                made = os.open(".", flags, 0o600, dir_fd=txn.descriptor)
            return Receiver(cache, made)
        except OSError as error:
            if not os.fstat(txn.descriptor).st_nlink:
                # Removed since it was opened; some file systems say EPERM then.
                raise FileNotFoundError(
                    errno.ENOENT, "It is gone", layout.TXN
                ) from error
            if error.errno not in _NAMED_ONLY:
                raise
    name = layout.temporary_name()
    return Receiver(cache, os.open(name, _NEW, 0o600, dir_fd=txn.descriptor), name)
