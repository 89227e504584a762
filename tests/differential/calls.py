# SPDX-License-Identifier: GPL-2.0-or-later
"""Which calls random scripts make, how often, and with which arguments.

READS change nothing and give no descriptor: several actors may make them at once.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.differential.scripts import Words

Calls = dict[str, tuple[int, "Callable[[Words], list[str]]"]]

AT_SYMLINK_NOFOLLOW, AT_REMOVEDIR, AT_SYMLINK_FOLLOW = 0x100, 0x200, 0x400
AT_EACCESS, AT_NO_AUTOMOUNT, AT_EMPTY_PATH = 0x200, 0x800, 0x1000
STAT_BYTES = 128 if os.uname().machine == "aarch64" else 144
STATX_BYTES, STATFS_BYTES = 256, 120
# Of a file system with attributes of its own, any name might be one: as under FUSE.
NAMES = ("p:user.none", "p:security.capability", "p:", "p:trusted.x")
LONG_NAME = "p:user.<n*300>"
# Opening a FIFO shall never wait.
ALWAYS = os.O_NONBLOCK
FRESH = ("new", "file", "dir", "none/new", "dir/new", "in/none", "file/new", "in")
RESOLVE = (1, 2, 4, 8, 16)


def open_flags(w: Words) -> int:
    flags = w.rng.choice((0, 0, 0, 0, os.O_WRONLY, os.O_RDWR, 3))
    kinds = (os.O_PATH, os.O_DIRECTORY, os.O_NOFOLLOW, os.O_CLOEXEC)
    more = [os.O_CREAT, os.O_EXCL, os.O_TRUNC, os.O_APPEND, os.O_TMPFILE]
    if w.writer.owns_objects:
        more.append(os.O_NOATIME)
    for bit, chance in [
        *((kind, 0.2) for kind in kinds),
        *((one, 0.06) for one in more),
    ]:
        if w.rng.random() < chance:
            flags |= bit
    return flags | ALWAYS


def how(w: Words) -> str:
    flags = open_flags(w) if w.rng.random() < 0.5 else ALWAYS
    if w.rng.random() < 0.4:
        flags = os.O_PATH
    resolve = 0
    for bit in RESOLVE:
        if w.rng.random() < 0.25:
            resolve |= bit
    size = w.rng.choice((24, 24, 24, 24, 24, 24, 32, 33, 8, 23))
    mode = 0o644 if flags & os.O_CREAT or w.rng.random() < 0.02 else 0
    if w.rng.random() < 0.03:
        resolve |= 1 << 20
    return f"h:{flags},{mode},{resolve},{size} i:{size}"


def xattr(w: Words) -> str:
    if w.rng.random() < 0.05:
        return w.rng.choice((LONG_NAME, w.bad()))
    return w.rng.choice(NAMES)


def text_out(w: Words, *sizes: int) -> list[str]:
    """An output and its size, which may be told wrong where there is room."""
    out = w.out(*sizes)
    size = out[2:] if out.startswith("o:") else "100"
    return [out, f"i:{size}"]


def follow(w: Words) -> str:
    bits = (AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, AT_NO_AUTOMOUNT)
    return w.bits(*bits) if w.rng.random() < 0.95 else w.number(0x8000, 0x200, 0x400)


def modes(w: Words) -> str:
    return w.number(0, 1, 2, 4, 5, 6, 7, 8, 0o100)


def statx(w: Words) -> list[str]:
    flags = w.number(0, 0, 0, 0x100, 0x1000, 0x1100, 0x2000, 0x4000, 0x6000, 0x800)
    mask = w.number(0x7FF, 0xFFF, 0, 0x1000, 0x17FF, 1, 0x200, 0x80000000)
    return [w.dirfd(), w.path(), flags, mask, w.out(STATX_BYTES)]


def watch(w: Words) -> list[str]:
    mask = w.bits(0x2, 0x100, 0x01000000, 0x02000000, 0x10000000, 0x20000000)
    return [w.fd(), w.path(), mask]


def at_xattr(w: Words) -> list[str]:
    # struct xattr_args {value, size, flags}: none of it reaches a value here.
    return [w.dirfd(), w.path(), follow(w), xattr(w), w.out(16), "i:16"]


READS: Calls = {
    "stat": (6, lambda w: [w.path(), w.out(STAT_BYTES, STAT_BYTES, 100)]),
    "lstat": (4, lambda w: [w.path(), w.out(STAT_BYTES)]),
    "fstat": (3, lambda w: [w.fd(), w.out(STAT_BYTES)]),
    "newfstatat": (6, lambda w: [w.dirfd(), w.path(), w.out(STAT_BYTES), follow(w)]),
    "statx": (6, statx),
    "access": (3, lambda w: [w.path(), modes(w)]),
    "faccessat": (2, lambda w: [w.dirfd(), w.path(), modes(w)]),
    "faccessat2": (
        3,
        lambda w: [
            w.dirfd(),
            w.path(),
            modes(w),
            w.bits(AT_SYMLINK_NOFOLLOW, AT_EACCESS, AT_EMPTY_PATH),
        ],
    ),
    "readlink": (4, lambda w: [w.path(), *text_out(w, 4096, 4096, 10, 1, 0)]),
    "readlinkat": (4, lambda w: [w.dirfd(), w.path(), *text_out(w, 4096, 4096, 3, 0)]),
    "getcwd": (3, lambda w: text_out(w, 4096, 4096, 10, 1, 0)),
    "statfs": (2, lambda w: [w.path(), w.out(STATFS_BYTES)]),
    "fstatfs": (1, lambda w: [w.fd(), w.out(STATFS_BYTES)]),
    "getxattr": (1, lambda w: [w.path(), xattr(w), *text_out(w, 100, 0)]),
    "lgetxattr": (1, lambda w: [w.path(), xattr(w), *text_out(w, 100, 0)]),
    "fgetxattr": (1, lambda w: [w.fd(), xattr(w), *text_out(w, 100, 0)]),
    "pread64": (2, lambda w: [w.fd(), *text_out(w, 1000, 5, 0), w.number(0, 4090, -1)]),
}

CHANGES: Calls = {
    "mkdir": (3, lambda w: [w.any_path(), "i:0755"]),
    "mkdirat": (2, lambda w: [w.dirfd(), w.any_path(), "i:0755"]),
    # A FIFO where it could be made would stop whoever opens it.
    "mknod": (2, lambda w: [w.any_path(), w.number(0o100644, 0o040755), "i:0"]),
    "mknod:fifo": (1, lambda w: [w.tree_path(), "i:4516", "i:0"]),
    "mknodat": (1, lambda w: [w.dirfd(), w.any_path(), w.number(0o100644, 0), "i:0"]),
    "symlink": (3, lambda w: [w.text(), w.any_path()]),
    "symlinkat": (2, lambda w: [w.text(), w.dirfd(), w.any_path()]),
    "link": (3, lambda w: [w.any_path(), w.any_path()]),
    "linkat": (
        3,
        lambda w: [
            w.dirfd(),
            w.any_path(),
            w.dirfd(),
            w.any_path(),
            w.number(0, 0, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH, 1),
        ],
    ),
    "rename": (3, lambda w: [w.any_path(), w.any_path()]),
    "renameat2": (
        3,
        lambda w: [
            w.dirfd(),
            w.any_path(),
            w.dirfd(),
            w.any_path(),
            w.number(0, 0, 1, 2, 3, 8),
        ],
    ),
    "unlink": (3, lambda w: [w.any_path()]),
    "rmdir": (3, lambda w: [w.any_path()]),
    "unlinkat": (2, lambda w: [w.dirfd(), w.any_path(), w.number(0, AT_REMOVEDIR, 1)]),
    "chmod": (2, lambda w: [w.any_path(), w.number(0o755, 0o644)]),
    "fchmod": (2, lambda w: [w.fd(), "i:0755"]),
    "fchmodat": (1, lambda w: [w.dirfd(), w.any_path(), "i:0755"]),
    "fchmodat2": (1, lambda w: [w.dirfd(), w.any_path(), "i:0755", follow(w)]),
    "chown": (1, lambda w: [w.any_path(), "i:-1", "i:-1"]),
    "lchown": (1, lambda w: [w.any_path(), "i:-1", "i:-1"]),
    "fchown": (1, lambda w: [w.fd(), "i:-1", "i:-1"]),
    "fchownat": (2, lambda w: [w.dirfd(), w.any_path(), "i:-1", "i:-1", follow(w)]),
    "utimes": (1, lambda w: [w.any_path(), w.rng.choice(("t:0", "t:2", "n:", "x:0"))]),
    "futimesat": (1, lambda w: [w.dirfd(), w.any_path(), w.rng.choice(("t:0", "n:"))]),
    "utimensat": (
        3,
        lambda w: [
            w.dirfd(),
            w.any_path(),
            w.rng.choice(("t:0", "t:1", "t:2", "n:")),
            follow(w),
        ],
    ),
    "truncate": (3, lambda w: [w.any_path(), w.number(0, 10, -1)]),
    "ftruncate": (2, lambda w: [w.fd(), w.number(0, 10, -1)]),
    "fallocate": (1, lambda w: [w.fd(), w.number(0, 3, 0x80), "i:0", w.number(0, 10)]),
    "write": (2, lambda w: [w.fd(), w.path(), w.number(0, 1, 2)]),
    "pwrite64": (1, lambda w: [w.fd(), w.path(), w.number(0, 1), w.number(0, -1)]),
    "setxattr": (
        2,
        lambda w: [w.any_path(), xattr(w), "p:text", "i:4", w.number(0, 4)],
    ),
    "lsetxattr": (1, lambda w: [w.any_path(), xattr(w), "p:text", "i:4", "i:0"]),
    "fsetxattr": (1, lambda w: [w.fd(), xattr(w), "p:text", "i:4", w.number(0, 4)]),
    "setxattrat": (1, at_xattr),
    "removexattr": (1, lambda w: [w.any_path(), xattr(w)]),
    "lremovexattr": (1, lambda w: [w.any_path(), xattr(w)]),
    "fremovexattr": (1, lambda w: [w.fd(), xattr(w)]),
    "removexattrat": (1, lambda w: [w.dirfd(), w.any_path(), follow(w), xattr(w)]),
}

OTHERS: Calls = {
    "open": (8, lambda w: [w.path(), f"i:{open_flags(w)}", "i:0644"]),
    "openat": (12, lambda w: [w.dirfd(), w.path(), f"i:{open_flags(w)}", "i:0644"]),
    "openat2": (8, lambda w: [w.dirfd(), w.path(), *how(w).split()]),
    "openat:plain": (8, lambda w: ["i:-100", w.path(), f"i:{ALWAYS}"]),
    "openat:path": (4, lambda w: [w.dirfd(), w.path(), f"i:{os.O_PATH}"]),
    # Never of a FIFO, which would wait for a reader.
    "creat": (1, lambda w: [f"p:{w.writer.work}/{w.rng.choice(FRESH)}", "i:0644"]),
    "chdir": (5, lambda w: [w.path()]),
    "fchdir": (3, lambda w: [w.fd()]),
    "dup": (2, lambda w: [w.fd()]),
    "dup3": (
        1,
        lambda w: [w.fd(), w.number(20, 21, -1, 1 << 30), w.number(0, 0x80000)],
    ),
    "dup2": (1, lambda w: [w.fd(), w.number(20, 22, -1)]),
    "fcntl": (2, lambda w: [w.fd(), w.number(1, 3, 1033), "i:0"]),
    "fcntl:dup": (1, lambda w: [w.fd(), w.number(0, 1030), w.number(30, -1, 1 << 30)]),
    "close": (3, lambda w: [w.fd()]),
    "list": (4, lambda w: [w.fd(), w.number(32768, 4096, 400, 280, 47, 24, 23, 0)]),
    "getdents64": (1, lambda w: [w.fd(), w.bad(), "i:4096"]),
    "seek": (2, lambda w: [w.fd(), w.number(0, 10, -1), w.number(0, 1, 2, 9)]),
    "read": (2, lambda w: [w.fd(), *text_out(w, 1000, 5, 0)]),
    "flock": (1, lambda w: [w.fd(), w.number(5, 6, 8, 77)]),
    "fsync": (1, lambda w: [w.fd()]),
    "execute": (2, lambda w: [w.dirfd(), w.path(), w.number(0, 0, 0x1000, 0x100, 5)]),
    "child": (1, lambda w: [w.fd(), w.path()]),
    "inotify_init1": (2, lambda w: [w.number(1, *(os.O_NONBLOCK,) * 5)]),
    "inotify_add_watch": (3, watch),
    "socket": (
        2,
        lambda w: [f"i:{socket.AF_UNIX}", w.number(*(0x801, 0x801, 0x802)), "i:0"],
    ),
    "bind": (3, lambda w: [w.fd(), *w.address()]),
    "connect": (3, lambda w: [w.fd(), *w.address()]),
    "name_to_handle_at": (
        1,
        lambda w: [
            w.dirfd(),
            w.path(),
            w.out(136),
            w.out(4),
            w.number(0, 0x1000, 0x400),
        ],
    ),
    "listxattr": (1, lambda w: [w.path(), "n:", "i:0"]),
    "llistxattr": (1, lambda w: [w.path(), "n:", "i:0"]),
    "flistxattr": (1, lambda w: [w.fd(), "n:", "i:0"]),
}
