# SPDX-License-Identifier: GPL-2.0-or-later
"""The directory that a web server shows as one repository.

Objects appear whole or not at all (written below data/txn, then renamed), and nothing
that an older revision needs is ever touched: a crash leaves the old revision intact.
One publisher at a time (flock on data/txn, which the kernel drops with the process).

Others may write there, too: each directory is held open, none is entered through a
link, and what lies there in an object's place is compared unless only we can have
written it. The disk is asked once to keep what was written, before the new manifest
gets its name.

Source: docs/format.md 1 and 9.1 (names, order, modes).
"""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import shutil
import stat
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from interpose.errors import HashMismatch, InterposeError, NotThere
from interpose.formats.compression import deflate, inflate
from interpose.formats.hashes import Algorithm, ContentHash, hash_bytes
from interpose.formats.limits import CATALOG_BYTES
from interpose.publish.disk import write_to_disk

if TYPE_CHECKING:
    from typing_extensions import Self

MANIFEST = ".cvmfspublished"
WHITELIST = ".cvmfswhitelist"
REPLICA_MARKER = ".cvmfs_master_replica"
_ENTER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: a FIFO must not hold us.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_BLOCK_BYTES = 1 << 20
_WORKSHOP = "interpose-publish-"


class Storage:
    """One repository's directory, opened for writing by this process alone.

    `directory` is OUT/cvmfs/FQRN; OUT may be reached by links, what is below it not.
    `written` counts new objects, `written_bytes` their stored sizes. `store` may be
    called by several threads at once. Errors: InterposeError.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.written = 0
        self.written_bytes = 0
        self._numbers = itertools.count()
        self._begun: set[str] = set()
        self._lock = threading.Lock()
        self._top = self._data = self._transactions = -1
        self._workshop: Path | None = None
        self._is_ours = True  # nobody else can exchange one of the directories

    def __enter__(self) -> Self:
        try:
            self._open_all()
            try:
                fcntl.flock(self._transactions, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                message = "another publisher is at work"
                raise InterposeError(message, str(self.directory)) from None
            self._remove_leftovers()
            self._workshop = self._make_workshop()
        except BaseException:
            self._close_all()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._workshop is not None:
            shutil.rmtree(self._workshop, ignore_errors=True)
        self._remove_leftovers()
        self._close_all()

    def _open_all(self) -> None:
        cvmfs, fqrn = self.directory.parent.name, self.directory.name
        out = self.directory.parent.parent
        try:
            out.mkdir(parents=True, exist_ok=True)
            here = os.open(out, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise _unwritable(error, out) from error
        self._note_owner(here)
        try:
            above, here = here, self._enter(here, cvmfs, out)
            os.close(above)
            self._top = self._enter(here, fqrn, out / cvmfs)
        finally:
            os.close(here)
        self._data = self._enter(self._top, "data", self.directory)
        inside = self.directory / "data"
        self._transactions = self._enter(self._data, "txn", inside)
        for number in range(256):
            os.close(self._enter(self._data, f"{number:02x}", inside))

    def _close_all(self) -> None:
        for descriptor in (self._top, self._data, self._transactions):
            if descriptor >= 0:
                os.close(descriptor)
        self._top = self._data = self._transactions = -1

    def _enter(self, above: int, name: str, where: Path) -> int:
        """The directory `name` of the directory `above`, made if it is missing."""
        try:
            try:
                found = os.open(name, _ENTER, dir_fd=above)
            except FileNotFoundError:
                os.mkdir(name, dir_fd=above)
                found = os.open(name, _ENTER, dir_fd=above)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                advice = "links are not followed: put the directory itself there"
                raise InterposeError(
                    "no directory of a storage", str(where / name), advice
                ) from error
            raise _unwritable(error, where / name) from error
        self._note_owner(found)
        return found

    def _note_owner(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        is_shared = status.st_mode & _OTHERS_WRITE and not status.st_mode & stat.S_ISVTX
        if is_shared or status.st_uid not in (0, os.geteuid()):
            self._is_ours = False

    def _make_workshop(self) -> Path:
        """Where files are made by name: only where nobody else can exchange them."""
        above = self.directory / "data" / "txn" if self._is_ours else None
        if above is not None:
            # We hold the lock: whoever made these was killed.
            for left in above.glob(f"{_WORKSHOP}*"):
                shutil.rmtree(left, ignore_errors=True)
        try:
            return Path(tempfile.mkdtemp(prefix=_WORKSHOP, dir=above))
        except OSError as error:
            raise _unwritable(error, above or Path(tempfile.gettempdir())) from error

    def temporary(self, name: str = "") -> Path:
        """A path that nobody else uses; gone when the storage closes."""
        if self._workshop is None:
            raise ValueError("the storage is not open")
        return self._workshop / f"{next(self._numbers)}{name}"

    def store(self, stored: bytes, algorithm: Algorithm, kind: str = "") -> ContentHash:
        """Keep bytes as they are under the name that their hash gives.

        An object that is there is not written again.
        """
        content_hash = hash_bytes(algorithm, stored)
        path = content_hash.object_path(kind)
        _, folder, name = path.split("/")
        folder_fd = self._enter(self._data, folder, self.directory / "data")
        try:
            with self._lock:
                # Another thread may be at the same content just now.
                is_new = path not in self._begun and not _is_there(
                    folder_fd, name, stored
                )
                if is_new:
                    self._begun.add(path)
                    self.written += 1
                    self.written_bytes += len(stored)
            if is_new:
                self._replace((folder_fd, name), stored)
                with self._lock:
                    self._begun.remove(path)
        finally:
            os.close(folder_fd)
        return content_hash

    def store_compressed(
        self, data: bytes, algorithm: Algorithm, kind: str = ""
    ) -> ContentHash:
        """As `store`, of the zlib stream of `data`."""
        return self.store(deflate(data), algorithm, kind)

    def load(self, content_hash: ContentHash, kind: str) -> bytes:
        """The unpacked content of a compressed object.

        Errors: NotThere, HashMismatch naming the object's file; FormatError.
        """
        name = content_hash.object_path(kind)
        where = str(self.directory / name)
        stored = self._read(name)
        if stored is None:
            raise NotThere("an object of the last revision is missing", where)
        if hash_bytes(content_hash.algorithm, stored) != content_hash:
            raise HashMismatch("an object of the last revision is damaged", where)
        return inflate(stored, CATALOG_BYTES)

    def read_top(self, name: str) -> bytes | None:
        """Manifest or whitelist; None if there is none."""
        return self._read(name)

    def write_tops(self, contents: dict[str, bytes]) -> None:
        """Replace manifest, whitelist and the like in this order, and durably.

        One request to the disk for everything: what a crash leaves is the old revision
        or the new one.
        """
        prepared = [
            (name, self._prepare(data, name)) for name, data in contents.items()
        ]
        try:
            write_to_disk(self._transactions)
            for name, temporary in prepared:
                self._rename(temporary, (self._top, name))
        except OSError as error:
            raise _unwritable(error, self.directory) from error

    def _read(self, path: str) -> bytes | None:
        """A file below the top; None if there is none or no regular one."""
        here = os.dup(self._top)
        try:
            *folders, name = path.split("/")
            for folder in folders:
                above, here = here, os.open(folder, _ENTER, dir_fd=here)
                os.close(above)
            return _content(here, name)
        except FileNotFoundError:
            return None
        except OSError as error:
            what = f"cannot read the repository ({error.strerror})"
            raise InterposeError(what, str(self.directory / path)) from error
        finally:
            os.close(here)

    def _replace(self, where: tuple[int, str], content: bytes) -> None:
        temporary = self._prepare(content, where[1])
        try:
            self._rename(temporary, where)
        except OSError as error:
            raise _unwritable(error, self.directory / where[1]) from error

    def _prepare(self, content: bytes, name: str) -> str:
        """A file of this content below data/txn."""
        temporary = f"{next(self._numbers)}.{os.urandom(4).hex()}"
        try:
            descriptor = os.open(temporary, _CREATE, 0o666, dir_fd=self._transactions)
            with open(descriptor, "wb", buffering=0) as stream:
                rest = memoryview(content)
                while rest:
                    rest = rest[stream.write(rest) :]
        except OSError as error:
            raise _unwritable(error, self.directory / name) from error
        return temporary

    def _rename(self, temporary: str, where: tuple[int, str]) -> None:
        os.rename(
            temporary, where[1], src_dir_fd=self._transactions, dst_dir_fd=where[0]
        )

    def _remove_leftovers(self) -> None:
        if self._transactions < 0:
            return
        for name in os.listdir(self._transactions):
            try:
                os.unlink(name, dir_fd=self._transactions)
            except IsADirectoryError:
                self._remove_workshop(name)
            except OSError:
                continue  # Somebody else's, in a directory with a sticky bit.

    def _remove_workshop(self, name: str) -> None:
        """What a publisher that was killed left: a directory of files."""
        try:
            folder_fd = os.open(name, _ENTER, dir_fd=self._transactions)
        except OSError:
            return
        try:
            for inner in os.listdir(folder_fd):
                os.unlink(inner, dir_fd=folder_fd)
            os.rmdir(name, dir_fd=self._transactions)
        except OSError:
            return
        finally:
            os.close(folder_fd)


def _is_there(folder_fd: int, name: str, stored: bytes) -> bool:
    """Whether the object is there; its bytes are compared where others may write."""
    try:
        status = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode) or status.st_size != len(stored):
            return False
        above = os.fstat(folder_fd)
        users = {status.st_uid, above.st_uid}
        shared = (status.st_mode | above.st_mode) & _OTHERS_WRITE
        if users == {os.geteuid()} and not shared:
            return True
        return _content(folder_fd, name) == stored
    except OSError:
        return False


def _content(folder_fd: int, name: str) -> bytes:
    """The bytes of a regular file. Errors: OSError, also for anything else."""
    descriptor = os.open(name, _READ, dir_fd=folder_fd)
    with open(descriptor, "rb", buffering=0) as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        if os.fstat(descriptor).st_size > CATALOG_BYTES:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        blocks: list[bytes] = []
        while True:
            block = stream.read(_BLOCK_BYTES)
            if not block:
                return b"".join(blocks)
            blocks.append(block)


def _unwritable(error: OSError, where: Path) -> InterposeError:
    reason = error.strerror or str(error)
    return InterposeError(f"cannot write the repository ({reason})", str(where))
