# SPDX-License-Identifier: GPL-2.0-or-later
"""What a source directory holds: directories from the top, names in order of bytes.

Everything is opened relative to one descriptor and without following symlinks, and
each opened thing must still be the one that the listing showed: whoever exchanges a
directory for a symlink meanwhile gets an error, never somebody else's files published.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple, Union

from interpose.errors import InterposeError
from interpose.publish import dirtab
from interpose.publish.dirtab import Dirtab
from interpose.publish.remarks import Remark, Remarks

CATALOG_MARKER = b".cvmfscatalog"
RESERVED = b".cvmfs"
# Above this a value is not stored, at exactly this it is stored empty (4.6).
XATTR_VALUE_BYTES = 256
XATTR_NAME_BYTES = 255
XATTR_COUNT = 255


class SourceEntry(NamedTuple):
    """One name of the source; `path` is b"" for the root, else b"/a/b".

    The xattrs of regular files are read with their content, not here.
    """

    path: bytes
    status: os.stat_result
    target: bytes = b""
    xattrs: Mapping[bytes, bytes] = MappingProxyType({})


class SourceDirectory(NamedTuple):
    """A directory with all its members that are no directories themselves.

    `lacks_marker`: it starts a catalog because of the dirtab, and has no marker yet.
    """

    entry: SourceEntry
    members: tuple[SourceEntry, ...]
    subdirectories: int
    starts_catalog: bool
    lacks_marker: bool = False


class CatalogEnd(NamedTuple):
    """Nothing more will come from below `path`, where a nested catalog started."""

    path: bytes


ScanEvent = Union[SourceDirectory, CatalogEnd]


def open_source(directory: str) -> int:
    """A descriptor of the source's root, for `scan` and `open_member`.

    Errors: InterposeError if it cannot be opened as a directory.
    """
    try:
        return os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InterposeError(f"cannot read the source ({reason})", directory) from error


def scan(root: int, remarks: Remarks) -> Iterator[ScanEvent]:
    """All directories, parents first; each nested catalog's end after its content.

    Errors: InterposeError for what cannot be read, changed meanwhile, or has a name or
    a marker that no repository can have.
    """
    rules = _read_dirtab(root)
    waiting: list[SourceEntry | CatalogEnd] = [SourceEntry(b"", os.fstat(root))]
    while waiting:
        item = waiting.pop()
        if isinstance(item, CatalogEnd):
            yield item
            continue
        directory, below = _read_directory(root, item, rules, remarks)
        yield directory
        if directory.starts_catalog:
            waiting.append(CatalogEnd(item.path))
        waiting.extend(reversed(below))


def open_member(root: int, entry: SourceEntry, *, flags: int = 0) -> int:
    """A descriptor of what `entry` was when it was listed.

    Errors: InterposeError if it cannot be read or is not the same any more.
    """
    # O_NONBLOCK: a FIFO that took the file's place must not block us.
    flags |= os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    try:
        descriptor = os.open(entry.path[1:] or b".", flags, dir_fd=root)
    except OSError as error:
        raise _unreadable(error, entry.path) from error
    try:
        check_unchanged(entry, os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def check_unchanged(entry: SourceEntry, now: os.stat_result) -> None:
    """Errors: InterposeError if `now` is of something else or of a later version."""
    if _version(entry.status) != _version(now):
        raise _changed(entry.path)


def read_xattrs(descriptor: int, path: bytes, remarks: Remarks) -> dict[bytes, bytes]:
    """The attributes that a repository keeps: `user.*` and `security.capability`.

    Source: docs/format.md 4.6 (values above 256 bytes dropped, of 256 stored empty).
    """
    found: dict[bytes, bytes] = {}
    try:
        for text in sorted(os.listxattr(descriptor)):
            name = os.fsencode(text)
            if not _is_kept(name):
                _note_left_out(name, path, remarks)
                continue
            value = os.getxattr(descriptor, text)
            if len(value) >= XATTR_VALUE_BYTES:
                remarks.note(Remark.LONG_XATTR, f"{show(path)} {text}")
            if len(value) <= XATTR_VALUE_BYTES:
                found[name] = value if len(value) < XATTR_VALUE_BYTES else b""
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.ENOSYS):
            return {}
        if error.errno == errno.ENODATA:
            raise _changed(path) from error
        raise _unreadable(error, path) from error
    if len(found) > XATTR_COUNT:
        raise InterposeError("more than 255 extended attributes", show(path))
    return found


def show(path: bytes) -> str:
    """A path of the source for a message."""
    return os.fsdecode(path) or "/"


def _note_left_out(name: bytes, path: bytes, remarks: Remarks) -> None:
    where = f"{show(path)} {os.fsdecode(name)}"
    if name.startswith(b"trusted."):
        remarks.note(Remark.TRUSTED_XATTR, where)
    elif name.startswith(b"system.posix_acl_"):
        remarks.note(Remark.ACL, where)


def _read_dirtab(root: int) -> Dirtab:
    """The rules of the source. Errors: InterposeError."""
    path = b"/" + dirtab.NAME
    try:
        status = os.stat(dirtab.NAME, dir_fd=root, follow_symlinks=False)
    except FileNotFoundError:
        return Dirtab()
    except OSError as error:
        raise _unreadable(error, path) from error
    if not stat.S_ISREG(status.st_mode) or status.st_size > dirtab.MOST_BYTES:
        raise InterposeError("the rules for catalogs must be a small file", show(path))
    with open(open_member(root, SourceEntry(path, status)), "rb") as file:
        return Dirtab.parse(file.read())


def _read_directory(
    root: int, entry: SourceEntry, rules: Dirtab, remarks: Remarks
) -> tuple[SourceDirectory, list[SourceEntry]]:
    descriptor = open_member(root, entry, flags=os.O_DIRECTORY)
    try:
        members, below = _read_members(descriptor, entry.path)
        xattrs = read_xattrs(descriptor, entry.path, remarks)
        check_unchanged(entry, os.fstat(descriptor))
    except OSError as error:
        raise _unreadable(error, entry.path) from error
    finally:
        os.close(descriptor)
    is_marked = _has_marker(entry.path, members, below, remarks)
    is_ruled = bool(entry.path) and rules.starts_catalog(entry.path)
    directory = SourceDirectory(
        entry=SourceEntry(entry.path, entry.status, xattrs=xattrs),
        members=tuple(members),
        subdirectories=len(below),
        starts_catalog=is_marked or is_ruled,
        lacks_marker=is_ruled and not is_marked,
    )
    return directory, below


def _read_members(
    descriptor: int, path: bytes
) -> tuple[list[SourceEntry], list[SourceEntry]]:
    """Non-directories and directories of one directory."""
    members = []
    below = []
    for name in sorted(os.fsencode(text) for text in os.listdir(descriptor)):
        status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        child = path + b"/" + name
        if stat.S_ISDIR(status.st_mode):
            below.append(SourceEntry(child, status))
        elif stat.S_ISLNK(status.st_mode):
            target = _read_target(descriptor, name, child, status)
            members.append(SourceEntry(child, status, target))
        else:
            members.append(SourceEntry(child, status))
    return members, below


def _read_target(
    descriptor: int, name: bytes, path: bytes, status: os.stat_result
) -> bytes:
    target = os.readlink(name, dir_fd=descriptor)
    again = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    if _version(again) != _version(status):
        raise _changed(path)
    return target


def _has_marker(
    path: bytes,
    members: list[SourceEntry],
    below: list[SourceEntry],
    remarks: Remarks,
) -> bool:
    """Whether a marker says that a nested catalog begins here.

    Errors: InterposeError for markers that no repository can have (9.1, 9.3).
    """
    names = {entry.path[len(path) + 1 :]: entry for entry in (*members, *below)}
    if not path and RESERVED in names:
        raise InterposeError("the name is reserved in a repository", "/.cvmfs")
    marker = names.get(CATALOG_MARKER)
    if marker is None:
        return False
    if not path and stat.S_ISREG(marker.status.st_mode):
        advice = "the root has a catalog of its own; remove the file"
        raise InterposeError("a catalog marker in the root", "/.cvmfscatalog", advice)
    if not stat.S_ISREG(marker.status.st_mode):
        remarks.note(Remark.NO_MARKER, show(marker.path))
        return False
    return True


def _is_kept(name: bytes) -> bool:
    if len(name) > XATTR_NAME_BYTES:
        return False
    return name.startswith(b"user.") or name == b"security.capability"


def _version(status: os.stat_result) -> tuple[int, ...]:
    """What tells whether a thing is the same and unchanged; not the access time."""
    return (
        status.st_dev,
        status.st_ino,
        status.st_mode,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def _changed(path: bytes) -> InterposeError:
    advice = "publish again when nothing writes there"
    return InterposeError("changed while it was read", show(path), advice)


def _unreadable(error: OSError, path: bytes) -> InterposeError:
    if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.EINVAL):
        return _changed(path)
    reason = error.strerror or str(error)
    return InterposeError(f"cannot read the source ({reason})", show(path))
