# SPDX-License-Identifier: GPL-2.0-or-later
"""The scratch directory of a subcommand: gone when it ends, however it ends.

Name and lock are those of a run (native/run/scratch.c): the next `interpose_run` in the
same place removes what a killed command had to leave.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import string
import struct
from pathlib import Path

from interpose.commands.ending import at_a_signal, not_now

_PREFIX = ".interpose-"
_LETTERS = string.ascii_letters + string.digits
_ROUNDS = 100
_F_OFD_SETLK = 37  # of Linux; fcntl.F_OFD_SETLK is there since Python 3.9 only
_FLOCK = struct.Struct("hhqqi4x")
_START_TIME = 19  # of /proc/PID/stat behind the name, which ends with a parenthesis


class Scratch:
    """A new directory below `base`; a context. Errors: OSError."""

    def __init__(self, base: str) -> None:
        _clean(base)
        with not_now():
            self.path = _make(base)
            at_a_signal(self.remove)
            try:
                self._lock = self._locked()
            except OSError:
                self.remove()
                raise

    def _locked(self) -> int:
        """The file that says that somebody lives here."""
        new = self.path / "lock.new"
        descriptor = os.open(
            new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
        )
        _is_locked_now(descriptor)  # Some file systems have no locks.
        os.write(descriptor, _maker().encode())
        new.rename(self.path / "lock")
        return descriptor

    def remove(self) -> None:
        """Remove the directory with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def __enter__(self) -> Scratch:  # noqa: PYI034 (Self is younger than 3.9)
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def _is_locked_now(descriptor: int) -> bool:
    lock = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    try:
        fcntl.fcntl(descriptor, _F_OFD_SETLK, lock)
    except OSError:
        return False
    return True


def _clean(base: str) -> None:
    """Remove what commands and runs of ours left that were killed."""
    with contextlib.suppress(OSError):
        for name in os.listdir(base):
            if name.startswith(_PREFIX) and len(name) == len(_PREFIX) + 6:
                _clean_one(os.path.join(base, name))


def _clean_one(path: str) -> None:
    descriptors: list[int] = []
    flags = os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | flags)
        descriptors.append(top)
        if os.fstat(top).st_uid != os.geteuid():
            return
        descriptors.append(os.open("lock", os.O_RDWR | flags, dir_fd=top))
        # Nobody holds it, so nobody lives there.
        if _is_locked_now(descriptors[1]):
            shutil.rmtree(path, ignore_errors=True)
    except OSError:
        return
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _make(base: str) -> Path:
    for _ in range(_ROUNDS):
        letters = "".join(secrets.choice(_LETTERS) for _ in range(6))
        path = Path(os.path.abspath(base)) / f"{_PREFIX}{letters}"
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            continue
        path.chmod(0o700)  # A umask may have taken bits.
        return path
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), base)


def _maker() -> str:
    """Boot, pid namespace, process and its start, as in scratch_describe()."""
    boot, space, start = "", "", ""
    with contextlib.suppress(OSError, IndexError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:36]
        space = os.readlink("/proc/self/ns/pid")
        fields = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace")
        start = fields.rpartition(")")[2].split()[_START_TIME]
    return f"{boot} {space} {os.getpid()} {start}\n"
