# SPDX-License-Identifier: GPL-2.0-or-later
"""The directory that a web server shows as one repository.

Objects appear whole or not at all (written below data/txn, then renamed), and nothing
that an older revision needs is ever touched: a crash leaves the old revision intact.
One publisher at a time (flock on data/txn, which the kernel drops with the process).

Source: cvmfs-format.md 1 and 9.1 (names, order, modes).
"""

from __future__ import annotations

import fcntl
import itertools
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from interpose.errors import HashMismatch, InterposeError, NotThere
from interpose.formats.compression import deflate, inflate
from interpose.formats.hashes import Algorithm, ContentHash, hash_bytes
from interpose.formats.limits import CATALOG_BYTES

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

MANIFEST = ".cvmfspublished"
WHITELIST = ".cvmfswhitelist"
REPLICA_MARKER = ".cvmfs_master_replica"


class Storage:
    """One repository's directory, opened for writing by this process alone.

    `written` counts new objects, `written_bytes` their stored sizes. `store` may be
    called by several threads at once.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.written = 0
        self.written_bytes = 0
        self._transactions = directory / "data" / "txn"
        self._numbers = itertools.count()
        self._begun: set[Path] = set()
        self._lock = threading.Lock()
        self._lock_fd = -1

    def __enter__(self) -> Self:
        self._transactions.mkdir(parents=True, exist_ok=True)
        self._lock_fd = os.open(self._transactions, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock_fd)
            self._lock_fd = -1
            message = "another publisher is at work"
            raise InterposeError(message, str(self.directory)) from None
        self._remove_leftovers()
        for number in range(256):
            (self.directory / "data" / f"{number:02x}").mkdir(exist_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._lock_fd >= 0:
            self._remove_leftovers()
            os.close(self._lock_fd)
            self._lock_fd = -1

    def temporary(self, name: str = "") -> Path:
        """A path below data/txn that nobody else uses; gone when the storage closes."""
        return self._transactions / f"{next(self._numbers)}{name}"

    def store(self, stored: bytes, algorithm: Algorithm, kind: str = "") -> ContentHash:
        """Keep bytes as they are under the name that their hash gives.

        An object that is there in full size is not written again.
        """
        content_hash = hash_bytes(algorithm, stored)
        path = self.directory / content_hash.object_path(kind)
        with self._lock:
            # Another thread may be at the same content just now.
            is_new = path not in self._begun and not _has_size(path, len(stored))
            if is_new:
                self._begun.add(path)
                self.written += 1
                self.written_bytes += len(stored)
        if is_new:
            self._replace(path, stored)
            with self._lock:
                self._begun.remove(path)
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
        path = self.directory / content_hash.object_path(kind)
        try:
            stored = path.read_bytes()
        except FileNotFoundError:
            raise NotThere(
                "an object of the last revision is missing", str(path)
            ) from None
        if hash_bytes(content_hash.algorithm, stored) != content_hash:
            raise HashMismatch("an object of the last revision is damaged", str(path))
        return inflate(stored, CATALOG_BYTES)

    def read_top(self, name: str) -> bytes | None:
        """Manifest or whitelist; None if there is none."""
        try:
            return (self.directory / name).read_bytes()
        except FileNotFoundError:
            return None

    def write_top(self, name: str, content: bytes) -> None:
        """Replace manifest, whitelist or a marker at once, and durably."""
        self._replace(self.directory / name, content, durable=True)

    def _replace(self, path: Path, content: bytes, *, durable: bool = False) -> None:
        try:
            self._write_and_rename(path, content, durable=durable)
        except OSError as error:
            message = f"cannot write the repository ({error.strerror})"
            raise InterposeError(message, str(path)) from error

    def _write_and_rename(self, path: Path, content: bytes, *, durable: bool) -> None:
        temporary = self.temporary()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o666)
        with open(descriptor, "wb", buffering=0) as stream:
            rest = memoryview(content)
            while rest:
                rest = rest[stream.write(rest) :]
            if durable:
                os.fsync(descriptor)
        os.rename(temporary, path)

    def _remove_leftovers(self) -> None:
        for name in os.listdir(self._transactions):
            (self._transactions / name).unlink(missing_ok=True)


def _has_size(path: Path, size: int) -> bool:
    try:
        return os.stat(path).st_size == size
    except FileNotFoundError:
        return False
