# SPDX-License-Identifier: GPL-2.0-or-later
"""Prints a tree as JSON lines in the form of the truth files.

Runs inside a job with nothing but the standard library: os.scandir, lstat, readlink,
open. `walker.py ROOT [PREFIX]`: paths are relative to ROOT, with PREFIX before them.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
import stat
import sys
from typing import Any

KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "chr",
    stat.S_IFBLK: "blk",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "sock",
}
SAME = (
    "st_mode st_ino st_dev st_nlink st_uid st_gid st_size st_mtime_ns st_ctime_ns"
).split()


def main(root: bytes, prefix: bytes) -> None:
    """Print the root, then depth first, a directory's names in the order of bytes."""
    groups: dict[int, str] = {}
    magic = set(os.listxattr(root))
    top = describe(root, prefix, groups)
    top["xattrs"] = {}
    top["xattr_names"] = sorted(magic)
    show(top)
    levels = [listing(root, prefix)]
    while levels:
        if not levels[-1]:
            levels.pop()
            continue
        path, place, kind = levels[-1].pop()
        row = describe(path, place, groups)
        if kind != row["type"]:
            row["d_type"] = kind
        row["xattrs"] = attributes(path, magic, row)
        show(row)
        if row["type"] == "dir":
            levels.append(listing(path, place))


def listing(directory: bytes, relative: bytes) -> list[tuple[bytes, bytes, str]]:
    """(path, path relative to the root, kind) of each entry, the first one last."""
    with os.scandir(directory) as entries:
        names = sorted((entry.name, kind_of(entry)) for entry in entries)
    before = relative + b"/" if relative else b""
    return [(directory + b"/" + n, before + n, kind) for n, kind in reversed(names)]


def kind_of(entry: os.DirEntry[bytes]) -> str:
    """What the listing itself says (d_type), without a stat."""
    if entry.is_symlink():
        return "symlink"
    if entry.is_dir(follow_symlinks=False):
        return "dir"
    if entry.is_file(follow_symlinks=False):
        return "file"
    return KINDS[stat.S_IFMT(entry.stat(follow_symlinks=False).st_mode)]


def describe(path: bytes, place: bytes, groups: dict[int, str]) -> dict[str, Any]:
    """One entry, with its content."""
    state = os.lstat(path)
    kind = KINDS[stat.S_IFMT(state.st_mode)]
    row: dict[str, Any] = {
        "path": os.fsdecode(place),
        "type": kind,
        "mode": f"{stat.S_IMODE(state.st_mode):04o}",
        "uid": state.st_uid,
        "gid": state.st_gid,
        "size": state.st_size,
        "mtime_ns": state.st_mtime_ns,
        "nlink": state.st_nlink,
    }
    if state.st_nlink > 1 and kind != "dir":
        row["hardlink_group"] = groups.setdefault(state.st_ino, row["path"])
    if kind in ("chr", "blk"):
        row["rdev"] = [os.major(state.st_rdev), os.minor(state.st_rdev)]
    if kind == "symlink":
        row["target"] = os.fsdecode(os.readlink(path))
    if kind == "file":
        read(path, state, row)
    return row


def read(path: bytes, state: os.stat_result, row: dict[str, Any]) -> None:
    """Add the content's hash, and what fstat says differently from lstat."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        row["open_errno"] = errno.errorcode[error.errno]
        return
    opened = os.fstat(handle)
    for name in SAME:
        if getattr(opened, name) != getattr(state, name):
            values = [getattr(opened, name), getattr(state, name)]
            row.setdefault("fstat_differs", {})[name] = values
    content = hashlib.sha256()
    size = 0
    try:
        while True:
            block = os.read(handle, 1 << 20)
            if not block:
                break
            content.update(block)
            size += len(block)
    except OSError as error:
        row["read_errno"] = errno.errorcode[error.errno]
    os.close(handle)
    row["sha256"] = content.hexdigest()
    if size != state.st_size:
        row["read_bytes"] = size


def attributes(path: bytes, magic: set[str], row: dict[str, Any]) -> dict[str, Any]:
    """Stored attributes; their names go into `row`."""
    try:
        names = sorted(os.listxattr(path, follow_symlinks=False))
    except OSError as error:
        row["xattr_errno"] = errno.errorcode[error.errno]
        return {}
    row["xattr_names"] = names
    values: dict[str, Any] = {}
    for name in names:
        if name in magic:
            continue
        try:
            raw = os.getxattr(path, name, follow_symlinks=False)
            values[name] = base64.b64encode(raw).decode()
        except OSError as error:
            values[name] = {"errno": errno.errorcode[error.errno]}
    return values


def show(row: dict[str, Any]) -> None:
    """One line on standard output."""
    sys.stdout.write(json.dumps(row, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(os.fsencode(sys.argv[1]), os.fsencode(sys.argv[2]) if sys.argv[2:] else b"")
