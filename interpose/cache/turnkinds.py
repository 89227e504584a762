# SPDX-License-Identifier: GPL-2.0-or-later
"""How a turn is taken: a locked byte, or a file where locks would ask a server.

A byte of `interpose/turns` stands for each object, and its lock ends with its
owner, however that ends. A file `txn/interpose-turn-NAME` is taken away by an owner
that can still do it (unfinished.py), and names this one: that it is dead is told by its
process, or by the file's age; what the dead leave is swept with other leftovers.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import hashlib
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from interpose import owned
from interpose.cache import inventory, layout, unfinished

_STALE_AFTER_S = 60.0
_MAX_OWNER_BYTES = 256
_FLOCK = struct.Struct("hhqqi4x")  # struct flock of 64 bits, fcntl(2)
_HELD = frozenset({errno.EAGAIN, errno.EACCES, errno.EINTR})
# Kernels and file systems that know no locks of open files.
_NO_LOCKS = frozenset({errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})
_OPEN = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class Taken(Protocol):
    """A turn that is ours."""

    def give_back(self) -> None:
        """Let others have it."""


class Taker:
    """Takes turns in the cache of this directory. Thread-safe.

    `make_room` makes the directory of the bytes. Errors: OSError.
    """

    def __init__(self, top: Path, make_room: Callable[[], object]) -> None:
        self._top = top
        self._make_room = make_room
        self._has_locks: bool | None = None  # not known yet

    def take(self, name: str) -> Taken | None:
        """The turn of this name, None while somebody else has it.

        Errors: OSError where there can be no turns.
        """
        if self._has_locks is None:
            self._has_locks = _has_locks(self._top)
        if self._has_locks:
            try:
                return _Byte.take(self._opened(), name)
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise
                self._has_locks = False
        return _File.take(self._top / layout.TXN / layout.turn_name(name))

    def _opened(self) -> int:
        """The file of the bytes, which is made if there is none. Errors: OSError."""
        path = inventory.TURNS.below(self._top)
        try:
            return os.open(path, _OPEN)
        except FileNotFoundError:
            self._make_room()
        descriptor = os.open(path, _OPEN | os.O_CREAT, 0o600)
        os.fchmod(descriptor, 0o600)  # whatever the umask
        return descriptor


def _has_locks(directory: Path) -> bool:
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return owned.is_of_this_node(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, name: str) -> bool:
    """Lock the byte that stands for a name, for the open file. Errors: OSError."""
    digest = hashlib.sha256(name.encode()).digest()
    at = int.from_bytes(digest[:8], "big") >> 2
    wanted = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, at, 1, 0)
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, wanted)
    except OSError as error:
        if error.errno not in _HELD:
            raise
        return False
    return True


class _Byte:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def give_back(self) -> None:
        os.close(self._descriptor)

    @classmethod
    def take(cls, descriptor: int, name: str) -> _Byte | None:
        """As `Taker.take`; each turn has an open file of its own, so threads count."""
        mine = cls(descriptor)
        is_mine = False
        try:
            is_mine = _lock(mine._descriptor, name)
        finally:
            if not is_mine:
                mine.give_back()
        return mine if is_mine else None


class _File:
    def __init__(self, path: Path) -> None:
        self._path = path

    def give_back(self) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._path)
        unfinished.let_go(self.give_back)

    @classmethod
    def take(cls, path: Path) -> _File | None:
        """As `Taker.take`; what a dead owner left is taken away for the next try."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        mine = cls(path)
        for _ in range(2):
            try:
                descriptor = os.open(path, flags, 0o600)
            except FileExistsError:
                if _is_held(path):
                    return None
                mine.give_back()
                continue
            unfinished.hold(mine.give_back)
            # On a full disk it has no name in it, and counts until it is old.
            with contextlib.suppress(OSError):
                os.write(descriptor, _myself(os.getpid()))
            os.close(descriptor)
            return mine
        return None


def _is_held(path: Path) -> bool:
    """Whether the owner lives, or may live, in another container or on another node."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        with open(os.open(path, flags), "rb") as file:
            owner = file.read(_MAX_OWNER_BYTES)
            age_s = time.time() - os.fstat(file.fileno()).st_mtime
    except OSError:
        return False
    # One from the future is of a clock that was wrong.
    if abs(age_s) > _STALE_AFTER_S:
        return False
    words = owner.split()
    if len(words) != 4 or words[:2] != _here():
        return True
    return words[2].isdigit() and owner == _owner(int(words[2]))


@functools.lru_cache(maxsize=1)
def _here() -> list[bytes]:
    """This boot of this node, and the process namespace that numbers are of."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
        return [boot, os.readlink(b"/proc/self/ns/pid")]
    except OSError:
        return [b"unknown", b"unknown"]


@functools.lru_cache(maxsize=1)
def _myself(pid: int) -> bytes:
    return _owner(pid)


def _owner(pid: int) -> bytes:
    """Boot, namespace, number and start time (field 22 of its stat, proc(5))."""
    try:
        status = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return b""
    started = status.rpartition(b")")[2].split()[19]
    return b" ".join([*_here(), b"%d" % pid, started])
