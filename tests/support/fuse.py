# SPDX-License-Identifier: GPL-2.0-or-later
"""File systems that a test serves itself, seen in a mount namespace of its own.

Source: fuse(4) and the kernel's include/uapi/linux/fuse.h.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

CLONE_NEWNS, MS_REC, MS_PRIVATE, DETACHED = 0x20000, 16384, 1 << 18, 2 | 1
LONGEST_REQUEST = 1 << 18
# FORGET, INTERRUPT and BATCH_FORGET.
WITHOUT_ANSWER = frozenset({2, 36, 42})

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


class Request(NamedTuple):
    """What the kernel asks: struct fuse_in_header, and what follows it."""

    opcode: int
    unique: int
    node: int
    body: bytes


def mounted(kind: str, point: Path, *more: str) -> int:
    """Mount in a namespace of our own: the descriptor by which the kernel asks."""
    _check(_libc.unshare(CLONE_NEWNS))
    _check(_libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={fd},rootmode=40000,user_id=0,group_id=0,allow_other"
    options = ",".join([options, *more])
    _check(_libc.mount(kind.encode(), bytes(point), b"fuse", 0, options.encode()))
    return fd


def unmount(point: Path) -> None:
    """Who still waits for an answer is told that it is gone."""
    _check(_libc.umount2(bytes(point), DETACHED))


def requests(fd: int) -> Iterator[Request]:
    """Each that wants an answer, until the mount is gone."""
    while True:
        try:
            data = os.read(fd, LONGEST_REQUEST)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):
                continue
            return
        opcode, unique, node = struct.unpack_from("<IQQ", data, 4)
        if opcode not in WITHOUT_ANSWER:
            yield Request(opcode, unique, node, data[40:])


def reply(fd: int, unique: int, body: bytes, error: int = 0) -> None:
    """Write one answer; the asker may be gone. `error` is an errno."""
    with contextlib.suppress(FileNotFoundError):
        head = struct.pack("<IiQ", 16 + len(body), -error, unique)
        os.write(fd, head + body)


def status_of(command: Sequence[str]) -> int:
    """Run it to its end: its exit status, as a shell has it."""
    pid = os.posix_spawnp(command[0], list(command), os.environ)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return status if status >= 0 else 128 - status
