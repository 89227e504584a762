# SPDX-License-Identifier: GPL-2.0-or-later
"""Names, modes and the few careful steps on directories that a cache is made of.

All work is done below open directories (guarded.py), never by a path twice. Objects
can be executed, not written. Source: the official client's cache_posix.cc.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from pathlib import Path

from interpose import owned
from interpose.cache import inventory
from interpose.cache.guarded import Directory, Owners, opened
from interpose.errors import CacheError, CacheFull, CacheReadOnly

TXN = "txn"
# What the official client and its tools want whole, if the last one is there.
SKELETON = (TXN, "quarantaine", *(f"{number:02x}" for number in range(256)))
OWN = "interpose"
RAW = f"{OWN}/raw"
INDEX = "index"
KEPT = "kept"
OBJECT_MODE = 0o555
# An object that is stored raw, under the name that stands for packed ones elsewhere:
# the sticky bit of a file means nothing to the kernel, and tells us.
RAW_MODE = 0o1555
ABOVE_MODE = 0o755
PRIVATE_MODE = 0o700
ALIEN_MODE = 0o770

_TEMPORARY = "interpose-"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_THERE = frozenset({errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR})
_READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
PASSING = frozenset({errno.ENOENT, errno.ESTALE})


def cache_error(
    error: OSError, path: Path | str, option: str = "--cache"
) -> CacheError:
    """The error of ours that stands for an error of the system.

    `option`: where the cache was named.
    """
    where = os.fspath(path)
    full = no_room(error, where, "the disk of the cache is full", "make room")
    if full is not None:
        return full
    if error.errno in _READ_ONLY:
        return CacheReadOnly("the cache cannot be written", where, f"see {option}")
    reason = (error.strerror or str(error)).lower()
    return CacheError(f"the cache cannot be used, {reason}", where, f"see {option}")


def no_room(
    error: OSError, where: str, what: str, advice: str = ""
) -> CacheFull | None:
    """Our error where something is full, or a file may get no longer; else None."""
    if error.errno == errno.EFBIG:
        what = "no file may be so long"
        return CacheFull(what, where, "raise the limit: ulimit -f")
    return CacheFull(what, where, advice) if error.errno in _FULL else None


def temporary_name() -> str:
    """A file name that no other process of any node uses."""
    node = "".join(c if c.isalnum() else "-" for c in socket.gethostname())[:40]
    return f"{_TEMPORARY}{node}-{os.getpid()}-{os.urandom(8).hex()}"


def turn_name(name: str) -> str:
    """The file in `txn` that says whose turn it is to get an object (turnkinds.py)."""
    return inventory.TURN.name(object_name=name)


def make_top(path: Path, mode: int, owners: Owners) -> None:
    """Make the cache directory itself, and what is missing above it.

    Its mode is `mode` less the umask. Errors: OSError.
    """
    missing: list[str] = []
    while True:
        try:
            with opened(path, owners) as above:
                _make_chain(above, missing, mode)
        except FileNotFoundError:
            if path == path.parent:
                raise
            missing.append(path.name)
            path = path.parent
        else:
            return


def _make_chain(above: Directory, missing: list[str], mode: int) -> None:
    """Make directories, one in the other; the list begins with the innermost."""
    if not missing:
        return
    *inner, name = missing
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, mode if not inner else ABOVE_MODE, dir_fd=above.descriptor)
    with above.below(name) as made:
        _make_chain(made, inner, mode)


def make_skeleton(top: Directory, mode: int) -> None:
    """Make the directories that every cache has, in the order of SKELETON.

    The official client takes a cache as complete that has the last one, and then its
    quota manager and cvmfs_fsck refuse it if any other one is missing.
    Errors: OSError.
    """
    if is_directory(top, SKELETON[-1]):
        return
    there = set(names_in(top))
    for name in SKELETON:
        if name not in there:
            make_directory(top, name, mode)


def make_directory(above: Directory, name: str, mode: int) -> None:
    """Make one directory with exactly this mode; that it is there already is fine.

    Errors: OSError.
    """
    if is_directory(above, name):
        return
    if not mode & _umask():
        _make_at_once(above, name, mode)
        return
    # The umask takes bits away. Under its final name the directory must never be seen
    # without them: another user's process would think that it may not write there.
    where = above.descriptor
    fresh = temporary_name()
    os.mkdir(fresh, mode, dir_fd=where)
    try:
        _set_mode(where, fresh, mode)
        # Not over another's, though it be empty: somebody may be at work in it.
        _rename_new(where, fresh, name)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.rmdir(fresh, dir_fd=where)
        # In a sticky directory another user's is not to be replaced: EPERM.
        if error.errno not in _THERE and not is_directory(above, name):
            raise


def _make_at_once(above: Directory, name: str, mode: int) -> None:
    """Where the umask takes nothing; what a default access list takes is given back."""
    try:
        os.mkdir(name, mode, dir_fd=above.descriptor)
    except FileExistsError:
        return
    if stat.S_IMODE(above.status(name).st_mode) & mode != mode:
        _set_mode(above.descriptor, name, mode)


def _umask() -> int:
    """That of this process, without a change of it; all bits where nobody says."""
    try:
        with open("/proc/self/status", "rb") as lines:
            for line in lines:
                if line.startswith(b"Umask:"):
                    return int(line.split()[1], 8)
    except (OSError, ValueError, IndexError):
        pass
    return 0o777


def _rename_new(where: int, old: str, new: str) -> None:
    """Rename within an open directory; what has the new name already stays.

    Where the file system cannot promise that, an empty directory may be replaced.
    Errors: OSError.
    """
    result = owned.rename_new(where, os.fsencode(old), os.fsencode(new))
    if result in {-errno.EINVAL, -errno.ENOSYS}:
        os.rename(old, new, src_dir_fd=where, dst_dir_fd=where)
    elif result < 0:
        raise OSError(-result, os.strerror(-result), new)


def _set_mode(where: int, fresh: str, mode: int) -> None:
    """Give a directory that was just made the bits that the umask took away.

    Whoever else may write there can have exchanged it: nothing is changed but an empty
    directory of ours. Errors: OSError.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    made = os.open(fresh, flags, dir_fd=where)
    try:
        status = os.fstat(made)
        # The setgid bit of a shared directory must stay.
        wanted = mode | (status.st_mode & stat.S_ISGID)
        ours = status.st_uid == os.geteuid() and not os.listdir(made)
        if ours and stat.S_IMODE(status.st_mode) != wanted:
            os.fchmod(made, wanted)
    finally:
        os.close(made)


def is_directory(above: Directory, name: str) -> bool:
    """Whether this name is that of a directory, not of a link to one."""
    try:
        return stat.S_ISDIR(above.status(name).st_mode)
    except OSError:
        return False


def status_of(directory: Directory) -> os.stat_result:
    """Of the directory itself. Errors: OSError."""
    return os.fstat(directory.descriptor)


def names_in(directory: Directory) -> list[str]:
    """What is in a directory. Errors: OSError."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    listing = os.open(".", flags, dir_fd=directory.descriptor)
    try:
        return os.listdir(listing)
    finally:
        os.close(listing)


def remove_stale(directory: Directory, now: float, age_s: float) -> None:
    """Remove our own user's temporary files and directories older than this.

    `now` must come from the clock of the file system (a fresh file's mtime), because
    the clocks of nodes differ.
    """
    try:
        names = names_in(directory)
    except OSError:
        return
    where = directory.descriptor
    for name in names:
        if not name.startswith(_TEMPORARY):
            continue
        # Others, and other nodes, remove theirs at the same time.
        with contextlib.suppress(OSError):
            status = directory.status(name)
            old = now - status.st_mtime > age_s
            if not old or status.st_uid != os.geteuid():
                continue
            if stat.S_ISREG(status.st_mode):
                os.unlink(name, dir_fd=where)
            elif stat.S_ISDIR(status.st_mode):
                os.rmdir(name, dir_fd=where)
