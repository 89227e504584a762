# SPDX-License-Identifier: GPL-2.0-or-later
"""Where objects are put: a cache; when its disk is full, scratch; then memory."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Protocol

from interpose.cache import AlienCache, CacheDirectory, PrivateCache, Receiver
from interpose.cache.layout import OBJECT_MODE, RAW_MODE, no_room
from interpose.errors import CacheError

_MEMORY = "/dev/shm"  # noqa: S108  # nameless files, where memfd_create is refused


class Parcel(Protocol):
    """An object on its way: takes bytes, then gets a path or is forgotten."""

    @property
    def where(self) -> str:
        """The disk that it fills, for messages."""

    def fileno(self) -> int:
        """The descriptor, for those who write at an offset of their own."""

    def write(self, data: bytes) -> object:
        """Take the next bytes. Errors: CacheError and below."""

    def abort(self) -> object:
        """Forget everything."""


class Shelf(Protocol):
    """What takes new objects."""

    label: str

    def receive(self) -> Parcel:
        """Errors: CacheError and below."""

    def put(self, parcel: Parcel, name: str, mode: int = OBJECT_MODE) -> Path:
        """The path that the finished object has from now on."""


class CacheShelf:
    """A cache."""

    def __init__(self, cache: CacheDirectory, label: str) -> None:
        self.label = label
        self.cache = cache

    def receive(self) -> Receiver:
        """A temporary file of the cache."""
        return self.cache.receive()

    def put(self, parcel: Parcel, name: str, mode: int = OBJECT_MODE) -> Path:
        """`name` is the path below the cache's directory."""
        if not isinstance(parcel, Receiver):
            raise TypeError("not a parcel of this shelf")
        path = parcel.commit_as(self.cache.top / name, mode=mode)
        if mode == RAW_MODE and isinstance(self.cache, PrivateCache):
            self.cache.show_raw(path)
        return path


class AlienShelf(CacheShelf):
    """A shared cache in which nobody else can change what we store."""

    def __init__(self, cache: AlienCache, turn_name: str) -> None:
        super().__init__(cache, "alien")
        self._alien = cache
        self._turn_name = turn_name

    def receive(self) -> Receiver:
        """The file of our turn, if we have one."""
        return self._alien.receive_object(self._turn_name)

    def put(self, parcel: Parcel, name: str, mode: int = OBJECT_MODE) -> Path:
        """Errors: CacheError if the file under this name is in other hands."""
        path = super().put(parcel, name, mode)
        if isinstance(parcel, Receiver) and parcel.is_guarded:
            return path
        found = self.cache.look(path)
        if found is not None:
            with found:
                if found.is_guarded:
                    return path
        raise CacheError("somebody else's file is in the way", str(path))


class _FileParcel:
    """An open file, perhaps without a name."""

    def __init__(self, fd: int, path: Path | None) -> None:
        self._fd = fd
        self.path = path

    @property
    def where(self) -> str:
        return "memory" if self.path is None else str(self.path.parent)

    def fileno(self) -> int:
        return self._fd

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError as error:
            raise disk_error(error, self.where) from error

    def abort(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink()


def make_folder(directory: Path) -> None:
    """A folder of the run's scratch, as native/run/scratch.c makes them.

    Processes of root's job may become other users: they pass through, and cannot list.
    Errors: OSError.
    """
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        return
    directory.chmod(0o700 if os.geteuid() else 0o711)  # A umask may have taken bits.


class ScratchShelf:
    """A directory of the run's scratch."""

    label = "scratch"

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def receive(self) -> _FileParcel:
        """Errors: CacheError and below."""
        try:
            make_folder(self._directory)
            path = self._directory / f".{os.urandom(8).hex()}"
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            return _FileParcel(os.open(path, flags, 0o600), path)
        except OSError as error:
            raise disk_error(error, str(self._directory)) from error

    def put(self, parcel: Parcel, name: str, mode: int = OBJECT_MODE) -> Path:
        """A file that lives as long as the run."""
        if not isinstance(parcel, _FileParcel) or parcel.path is None:
            raise TypeError("not a parcel of this shelf")
        final = self._directory / name.replace("/", "")
        try:
            os.fchmod(parcel.fileno(), mode)
            parcel.path.rename(final)
        except OSError as error:
            raise disk_error(error, parcel.where) from error
        parcel.path = None
        parcel.abort()
        return final


class MemoryShelf:
    """Files without a directory; they live as long as this process."""

    label = "memory"
    without_memfd = False  # as on a kernel that has none
    is_in_use = False  # something would be lost with this process

    def receive(self) -> _FileParcel:
        """Errors: CacheError and below."""
        try:
            return _FileParcel(self._open(), None)
        except OSError as error:
            raise disk_error(error, "memory") from error

    def _open(self) -> int:
        if hasattr(os, "memfd_create") and not self.without_memfd:
            try:
                return os.memfd_create("object", os.MFD_CLOEXEC)
            except OSError as error:
                if error.errno not in {errno.ENOSYS, errno.EPERM, errno.EACCES}:
                    raise
        flags = os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC
        return os.open(_MEMORY, flags, 0o600)

    def put(self, parcel: Parcel, name: str, mode: int = OBJECT_MODE) -> Path:
        """The path by which others reach our descriptor, which stays open."""
        del name
        MemoryShelf.is_in_use = True
        os.fchmod(parcel.fileno(), mode)
        return Path(f"/proc/{os.getpid()}/fd/{parcel.fileno()}")


def disk_error(error: OSError, where: str) -> CacheError:
    """Our error for one of the system."""
    full = no_room(error, where, "no space left")
    if full is not None:
        return full
    return CacheError((error.strerror or str(error)).lower(), where)
