# SPDX-License-Identifier: GPL-2.0-or-later
"""Names, modes and the few careful steps on directories that a cache is made of.

Source: cvmfs-format.md 10.1; decisions.md 16 (objects can be executed, not written).
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from pathlib import Path

from interpose.errors import CacheError, CacheFull, CacheReadOnly

TXN = "txn"
# What the official client and its tools want whole, if the last one is there.
SKELETON = (TXN, "quarantaine", *(f"{number:02x}" for number in range(256)))
OWN = "interpose"
INDEX = "index"
OBJECT_MODE = 0o555
CACHE_MODE = 0o770
PRIVATE_MODE = 0o700
ALIEN_MODE = 0o770

_TEMPORARY = "interpose-"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_THERE = frozenset({errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR})
_READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
PASSING = frozenset({errno.ENOENT, errno.ESTALE})


def cache_error(error: OSError, path: Path | str) -> CacheError:
    """The error of ours that stands for an error of the system."""
    where = os.fspath(path)
    if error.errno in _FULL:
        return CacheFull("the disk of the cache is full", where, "make room")
    if error.errno in _READ_ONLY:
        return CacheReadOnly("the cache cannot be written", where, "see --cache")
    reason = (error.strerror or str(error)).lower()
    return CacheError(f"the cache cannot be used, {reason}", where, "see --cache")


def temporary_name() -> str:
    """A file name that no other process of any node uses."""
    node = "".join(c if c.isalnum() else "-" for c in socket.gethostname())[:40]
    return f"{_TEMPORARY}{node}-{os.getpid()}-{os.urandom(8).hex()}"


def turn_name(name: str) -> str:
    """The file in `txn` that says whose turn it is to get an object (turns.py)."""
    return f"{_TEMPORARY}turn-{name}"


def make_top(path: Path) -> None:
    """Make the cache directory itself, and what is missing above it.

    Errors: OSError.
    """
    if path.is_dir():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    make_directory(path, CACHE_MODE)


def make_skeleton(top: Path, mode: int) -> None:
    """Make the directories that every cache has, in the order of SKELETON.

    The official client takes a cache as complete that has the last one, and then its
    quota manager and cvmfs_fsck refuse it if any other one is missing.
    Errors: OSError.
    """
    if (top / SKELETON[-1]).is_dir():
        return
    there = set(os.listdir(top))
    for name in SKELETON:
        if name not in there:
            make_directory(top / name, mode, top if name == TXN else top / TXN)


def make_directory(path: Path, mode: int, workshop: Path | None = None) -> None:
    """Make one directory with exactly this mode; that it is there already is fine.

    It is made in `workshop`, in its parent if that is not given. Errors: OSError.
    """
    if path.is_dir():
        return
    # The umask takes bits away. Under its final name the directory must never be seen
    # without them: another user's process would think that it may not write there.
    fresh = os.path.join(workshop or path.parent, temporary_name())
    os.mkdir(fresh, mode)
    try:
        made = stat.S_IMODE(os.stat(fresh).st_mode)
        # The setgid bit of a shared directory must stay.
        wanted = mode | (made & stat.S_ISGID)
        if made != wanted:
            os.chmod(fresh, wanted)
        os.rename(fresh, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.rmdir(fresh)
        # In a sticky directory another user's is not to be replaced: EPERM.
        if error.errno not in _THERE and not path.is_dir():
            raise


def remove_stale(txn: Path, now: float, age_s: float) -> None:
    """Remove our own user's temporary files and directories older than this.

    `now` must come from the clock of the file system (a fresh file's mtime), because
    the clocks of nodes differ.
    """
    try:
        entries = list(os.scandir(txn))
    except OSError:
        return
    for entry in entries:
        # Others, and other nodes, remove theirs at the same time.
        with contextlib.suppress(OSError):
            if not entry.name.startswith(_TEMPORARY):
                continue
            status = entry.stat(follow_symlinks=False)
            old = now - status.st_mtime > age_s
            if not old or status.st_uid != os.geteuid():
                continue
            if stat.S_ISREG(status.st_mode):
                os.unlink(entry.path)
            elif stat.S_ISDIR(status.st_mode):
                os.rmdir(entry.path)
