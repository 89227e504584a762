# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees out of a repository into a directory, of which every part is held open.

Somebody else may write into the target, and the publisher may be hostile: a link that
was copied a moment ago must not lead the next file elsewhere. So everything is done
relative to an open directory, none is entered through a link, and what gets a name has
been complete before (a temporary file, then a rename): nothing is ever written into a
link, a FIFO, a device or a file with other names that is in the way.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import threading
from collections.abc import Callable, Iterator

from interpose.commands.options import complain
from interpose.errors import InterposeError
from interpose.repository.store import blocks
from interpose.repository.tree import Node, Tree
from interpose.workers import Workers

# As many as a job's questions have: most of the time each waits for a server.
AT_ONCE = 16
_AHEAD = 4 * AT_ONCE
# What will not be better with the next file.
_FINAL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
_LONGEST_PATH = 4096
_ENTER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Folder:
    """An open directory of the target; closed when the last who holds it lets go.

    `finish(descriptor)` is called then: all that is in it is there.
    """

    def __init__(
        self,
        descriptor: int,
        above: Folder | None = None,
        finish: Callable[[int], None] | None = None,
    ) -> None:
        self.descriptor = descriptor
        self._above = above.hold() if above is not None else None
        self._finish = finish
        self._holders = 1
        self._lock = threading.Lock()

    def hold(self) -> Folder:
        """Itself, for one holder more."""
        with self._lock:
            self._holders += 1
        return self

    def release(self) -> None:
        """One holder less."""
        with self._lock:
            self._holders -= 1
            is_last = self._holders == 0
        if not is_last:
            return
        try:
            if self._finish is not None:
                self._finish(self.descriptor)
        finally:
            os.close(self.descriptor)
            if self._above is not None:
                self._above.release()


class Copier:
    """Copies nodes of one tree, files side by side.

    Links stay links, their variables filled in. A context, whose end waits for what is
    under way. `is_complete` is False where something could not be copied as what it is;
    its line was written.
    """

    def __init__(self, tree: Tree, *, preserve: bool) -> None:
        self._tree = tree
        self._preserve = preserve
        self._umask = os.umask(0)
        os.umask(self._umask)
        self._workers = Workers(AT_ONCE - 1)
        self._lock = threading.Lock()
        self._failure: BaseException | None = None
        self.is_complete = True

    def __enter__(self) -> Copier:  # noqa: PYI034 (Self is younger than 3.9)
        return self

    def __exit__(
        self, kind: object, error: BaseException | None, trace: object
    ) -> None:
        del kind, trace
        with self._lock:
            self._failure = self._failure or error
        with self._workers:
            pass  # what has not begun lets go of its directory
        if error is None and self._failure is not None:
            raise self._failure

    def copy(self, node: Node, folder: Folder, name: bytes) -> None:
        """Put `node` and all below it into `folder` as `name`.

        Errors: what getting content or writing can raise, perhaps of an earlier file.
        """
        waiting: list[tuple[Iterator[Node], Folder]] = []
        try:
            self._begin(node, folder, name, waiting)
            while waiting:
                children, inside = waiting[-1]
                child = next(children, None)
                if child is None:
                    waiting.pop()
                    inside.release()
                    continue
                name = child.path.rpartition(b"/")[2]
                self._begin(child, inside, name, waiting)
        finally:
            for _, inside in waiting:
                inside.release()

    def write_into(self, node: Node, descriptor: int) -> None:
        """Write a file's content where a descriptor leads. Errors: as `copy`."""
        with self._telling(node):
            for block in blocks(self._tree.repository.content(node.subject)):
                _write_all(descriptor, block)

    def _begin(
        self,
        node: Node,
        folder: Folder,
        name: bytes,
        waiting: list[tuple[Iterator[Node], Folder]],
    ) -> None:
        if self._failure is not None:
            raise self._failure
        if name in (b"", b".", b"..") or b"/" in name or b"\0" in name:
            self._lacks(node, "a name that no file can have")
            return
        if len(node.path) > _LONGEST_PATH:
            self._lacks(node, "a path that is too long")
            return
        kind = stat.S_IFMT(node.entry.mode)
        with self._telling(node):
            if kind == stat.S_IFDIR:
                inside = self._directory(node, folder, name)
                waiting.append((iter(self._tree.children(node)), inside))
            elif kind == stat.S_IFREG:
                self._submit(node, folder.hold(), name)
            elif kind == stat.S_IFLNK:
                target = self._tree.target(node)
                make = lambda new, fd: os.symlink(target, new, dir_fd=fd)  # noqa: E731
                self._nameless(node, folder, name, make)
            elif kind == stat.S_IFIFO:
                mode = self._mode(node)
                make = lambda new, fd: os.mkfifo(new, mode, dir_fd=fd)  # noqa: E731
                self._nameless(node, folder, name, make)
            else:
                self._lacks(node, "a device or socket is not copied")

    def _directory(self, node: Node, folder: Folder, name: bytes) -> Folder:
        is_new = True
        try:
            os.mkdir(name, 0o700, dir_fd=folder.descriptor)
        except FileExistsError:
            is_new = False
        try:
            is_changed = is_new or self._preserve
            flags = _ENTER | (os.O_RDONLY if is_changed else os.O_PATH)
            descriptor = os.open(name, flags, dir_fd=folder.descriptor)
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP):
                message = "something that is no directory is in the way"
                raise FileExistsError(errno.EEXIST, message) from None
            raise
        if is_new and os.fstat(descriptor).st_uid != os.geteuid():
            os.close(descriptor)
            message = "somebody else exchanges directories of the target"
            raise PermissionError(errno.EPERM, message)
        return Folder(descriptor, folder, self._finisher(node) if is_changed else None)

    def _finisher(self, node: Node) -> Callable[[int], None]:
        def finish(descriptor: int) -> None:
            with self._telling(node):
                kept = os.fstat(descriptor).st_mode & stat.S_ISGID
                os.fchmod(descriptor, self._mode(node) | kept)
                self._keep_time(node, descriptor)

        return finish

    def _submit(self, node: Node, folder: Folder, name: bytes) -> None:
        def copy() -> None:
            with self._failing(), self._telling(node):
                self._file(node, folder, name)

        def work() -> None:
            try:
                if self._failure is None:
                    copy()
            finally:
                with self._failing():
                    folder.release()

        self._workers.submit(work)
        self._workers.work_until(_AHEAD)

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        """What goes wrong in here ends it all."""
        try:
            yield
        except (OSError, InterposeError) as error:
            with self._lock:
                self._failure = self._failure or error

    def _file(self, node: Node, folder: Folder, name: bytes) -> None:
        source = self._tree.repository.content(node.subject)
        temporary = _temporary_name()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o600, dir_fd=folder.descriptor)
        try:
            for block in blocks(source):
                _write_all(descriptor, block)
            os.fchmod(descriptor, self._mode(node))
            self._keep_time(node, descriptor)
            _rename(temporary, name, folder)
        except BaseException:
            _forget(temporary, folder)
            raise
        finally:
            os.close(descriptor)

    def _nameless(
        self,
        node: Node,
        folder: Folder,
        name: bytes,
        make: Callable[[bytes, int], None],
    ) -> None:
        """Make what has no content, and then give it its name."""
        temporary = _temporary_name()
        make(temporary, folder.descriptor)
        try:
            self._keep_time(node, temporary, folder.descriptor)
            _rename(temporary, name, folder)
        except BaseException:
            _forget(temporary, folder)
            raise

    def _keep_time(
        self, node: Node, what: bytes | int, directory: int | None = None
    ) -> None:
        if not self._preserve:
            return
        when = node.entry.mtime * 10**9 + node.entry.mtime_ns
        try:
            if isinstance(what, int):
                os.utime(what, ns=(when, when))
            else:
                os.utime(what, ns=(when, when), dir_fd=directory, follow_symlinks=False)
        except (OSError, OverflowError) as error:
            self._lacks(node, f"the time cannot be kept, {_reason(error)}")

    def _mode(self, node: Node) -> int:
        mode = stat.S_IMODE(node.entry.mode)
        # Nobody becomes the owner of a set-uid program by copying it.
        return mode & 0o777 if self._preserve else mode & 0o777 & ~self._umask

    @contextlib.contextmanager
    def _telling(self, node: Node) -> Iterator[None]:
        """One line for what cannot be written; the others are copied nevertheless."""
        try:
            yield
        except OSError as error:
            what = f"cannot be copied, {_reason(error)}"
            if error.errno in _FINAL:
                where = self._tree.shown(node.path)
                raise InterposeError(what, where) from error
            self._lacks(node, what)

    def _lacks(self, node: Node, what: str) -> None:
        with self._lock:
            self.is_complete = False
            complain(InterposeError(what, self._tree.shown(node.path)))


def _temporary_name() -> bytes:
    return b".interpose-" + secrets.token_hex(8).encode()


def _rename(temporary: bytes, name: bytes, folder: Folder) -> None:
    directory = folder.descriptor
    os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)


def _forget(temporary: bytes, folder: Folder) -> None:
    with contextlib.suppress(OSError):
        os.unlink(temporary, dir_fd=folder.descriptor)


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return f"{text[:1].lower()}{text[1:]}"


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
