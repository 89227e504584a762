# SPDX-License-Identifier: GPL-2.0-or-later
"""A call as strace shows it: names and prototypes are python-ptrace's.

The package is GPL-2.0: imported by `interpose trace` only, in a process of its own.
"""

from __future__ import annotations

import errno
import importlib
import os
from collections.abc import Callable

from ptrace.syscall.posix_arg import ACCESS_MODE_BITMASK, OPEN_FLAGS_BITMASK
from ptrace.syscall.prototypes import FILENAME_ARGUMENTS, SYSCALL_PROTOTYPES
from ptrace.tools import readBits

from interpose.commands.records import Record

_TABLES = {0xC000003E: "x86_64", 0xC00000B7: "aarch64", 0x40000003: "i386"}
# What the package does not know yet: (type, name) as in its own table.
_NEWER = {
    "openat2": (
        ("int", "dirfd"),
        ("const char *", "pathname"),
        ("struct open_how *", "how"),
        ("size_t", "size"),
    ),
    "faccessat2": (
        ("int", "dirfd"),
        ("const char *", "pathname"),
        ("int", "mode"),
        ("int", "flags"),
    ),
    "fchmodat2": (
        ("int", "dirfd"),
        ("const char *", "pathname"),
        ("umode_t", "mode"),
        ("int", "flags"),
    ),
    "umount2": (("const char *", "pathname"), ("int", "flags")),
}
_NEWER_NUMBERS = {
    428: "open_tree",
    429: "move_mount",
    435: "clone3",
    436: "close_range",
    437: "openat2",
    439: "faccessat2",
    441: "epoll_pwait2",
    452: "fchmodat2",
    463: "setxattrat",
    464: "getxattrat",
    465: "listxattrat",
    466: "removexattrat",
    467: "open_tree_attr",
    468: "file_getattr",
    469: "file_setattr",
}
_I386 = 0x40000003
# Its older calls go by the names of the kernel's functions there.
_I386_NAMES = {
    16: "lchown",
    18: "oldstat",
    22: "umount",
    28: "oldfstat",
    52: "umount2",
    84: "oldlstat",
    89: "readdir",
    95: "fchown",
    106: "stat",
    107: "lstat",
    108: "fstat",
    182: "chown",
    320: "utimensat",
    324: "fallocate",
    330: "dup3",
    339: "fanotify_mark",
    341: "name_to_handle_at",
    346: "setns",
    353: "renameat2",
    358: "execveat",
    361: "bind",
    362: "connect",
    369: "sendto",
    371: "recvfrom",
    383: "statx",
    385: "io_pgetevents",
    412: "utimensat_time64",
    416: "io_pgetevents_time64",
    420: "semtimedop_time64",
    421: "rt_sigtimedwait_time64",
}
_I386_WIDE_IDS = range(198, 217)
_PATHS = FILENAME_ARGUMENTS | {"dir_name", "new_root", "put_old"}
_AT_FDCWD = -100
_HAS_OPEN_FLAGS = frozenset({"open", "openat"})
_ACCESS = frozenset({"access", "faccessat", "faccessat2"})
_LARGEST_ERRNO = 4095


def call_text(record: Record) -> str:
    """`openat(AT_FDCWD, "/cvmfs/...", O_RDONLY|O_CLOEXEC)`."""
    name = call_name(record.arch, record.number)
    arguments = _NEWER.get(name)
    if arguments is None and name in SYSCALL_PROTOTYPES:
        arguments = SYSCALL_PROTOTYPES[name][1]
    if arguments is None:
        shown = [quoted(text) for text in record.strings if text is not None]
        return f"{name}({', '.join(shown or map(_number, record.args))})"
    strings = list(record.strings)
    parts = []
    for (kind, label), value in zip(arguments, record.args):
        if label in _PATHS and "char" in kind and strings:
            text = strings.pop(0)
            parts.append(_number(value) if text is None else quoted(text))
        else:
            parts.append(_argument(name, kind, label, value))
    if name in _HAS_OPEN_FLAGS and not record.args[len(parts) - 2] & os.O_CREAT:
        parts.pop()  # There is a mode only where a file may be made.
    return f"{name}({', '.join(parts)})"


def call_name(arch: int, number: int) -> str:
    """The name of a call, `syscall_N` where nobody knows it."""
    table = _TABLES.get(arch)
    names: dict[int, str] = {}
    if table is not None:
        module = importlib.import_module(f"ptrace.syscall.linux.{table}")
        names = module.SYSCALL_NAMES
    if arch == _I386:
        return _i386_name(number, names.get(number))
    return names.get(number) or _NEWER_NUMBERS.get(number) or f"syscall_{number}"


def _i386_name(number: int, function: str | None) -> str:
    name = _I386_NAMES.get(number) or function
    if name is None:
        return _NEWER_NUMBERS.get(number) or f"syscall_{number}"
    if number in _I386_WIDE_IDS:
        return f"{name}32"
    return name.removesuffix("16")


def result_text(result: int) -> str:
    """`3`, `0x7f...`, `-1 ENOENT (No such file or directory)`."""
    if -_LARGEST_ERRNO <= result < 0:
        code = -result
        name = errno.errorcode.get(code, f"E{code}")
        return f"-1 {name} ({os.strerror(code)})"
    return str(result) if result < 1 << 32 else hex(result)


def quoted(text: bytes) -> str:
    """Bytes as a C string, one line, foreign bytes in octal."""
    shown = "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:03o}"
        for byte in text
    )
    return f'"{shown}"'


def _argument(name: str, kind: str, label: str, value: int) -> str:
    if label in ("dfd", "dirfd", "olddfd", "newdfd"):
        number = _signed(value)
        return "AT_FDCWD" if number == _AT_FDCWD else str(number)
    if label == "flags" and name in _HAS_OPEN_FLAGS:
        return _open_flags(value & 0xFFFFFFFF)
    if label == "mode" and name in _ACCESS:
        return "|".join(readBits(value & 0xFFFFFFFF, ACCESS_MODE_BITMASK)) or "F_OK"
    if kind == "umode_t":
        return f"0{value & 0xFFFF:o}"
    return _by_kind(kind)(value)


def _by_kind(kind: str) -> Callable[[int], str]:
    if "*" in kind:
        return lambda value: hex(value) if value else "NULL"
    if kind in ("int", "pid_t", "clockid_t"):
        return lambda value: str(_signed(value))
    return _number


def _open_flags(value: int) -> str:
    names = readBits(value, OPEN_FLAGS_BITMASK)
    if not names or names[0] not in ("O_WRONLY", "O_RDWR"):
        names.insert(0, "O_RDONLY")
    return "|".join(names)


def _signed(value: int) -> int:
    low = value & 0xFFFFFFFF
    return low - (1 << 32) if low >= 1 << 31 else low


def _number(value: int) -> str:
    return str(value) if value < 1 << 16 else hex(value)
