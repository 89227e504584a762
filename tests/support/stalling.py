# SPDX-License-Identifier: GPL-2.0-or-later
"""A file system that does not answer everything: a dead server, on this machine alone.

`python -m tests.support.stalling SOURCE POINT LOG COMMAND...` (as root) shows SOURCE
read-only at POINT in a mount namespace of its own and runs COMMAND there. Names that
begin with `dead` are never answered, nor are reads of files that begin with `stuck`
from 512 KiB on; each question left open is a line of LOG.
Source: fuse(4) and the kernel's include/uapi/linux/fuse.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
import sys
import threading
from pathlib import Path

LOOKUP, FORGET, GETATTR, READLINK = 1, 2, 3, 5
OPEN, READ, STATFS, RELEASE, FLUSH, INIT = 14, 15, 17, 18, 25, 26
OPENDIR, READDIR, RELEASEDIR, INTERRUPT, BATCH_FORGET = 27, 28, 29, 36, 42
WITHOUT_ANSWER = (FORGET, INTERRUPT, BATCH_FORGET)
STUCK_FROM = 512 * 1024
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 16384, 1 << 18

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


class Stalling:
    """Serves one mount from `fd`; nodes are numbered in the order they are met."""

    def __init__(self, fd: int, source: Path, log: Path) -> None:
        """Root is node 1."""
        self.fd = fd
        self.nodes = {1: source}
        self.log = log

    def serve(self) -> None:
        """Answer until the mount is gone."""
        while True:
            try:
                request = os.read(self.fd, 1 << 18)
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.EINTR):
                    continue
                return
            opcode, unique, node = struct.unpack_from("<IQQ", request, 4)
            if opcode in WITHOUT_ANSWER:
                continue
            try:
                body = self.answer(opcode, node, request[40:])
            except OSError as error:
                self.reply(unique, b"", -(error.errno or errno.EIO))
                continue
            if body is not None:
                self.reply(unique, body, 0)

    def reply(self, unique: int, body: bytes, error: int) -> None:
        """Write one answer; the asker may be gone."""
        try:
            os.write(self.fd, struct.pack("<IiQ", 16 + len(body), error, unique) + body)
        except FileNotFoundError:
            pass

    def answer(self, opcode: int, node: int, body: bytes) -> bytes | None:
        """The answer's body; None: there will be none."""
        path = self.nodes.get(node, self.nodes[1])  # INIT has none
        if opcode == INIT:
            return struct.pack(
                "<IIIIHHIIHHI28x", 7, 31, 4096, 0, 8, 8, 65536, 1, 0, 0, 0
            )
        if opcode == LOOKUP:
            return self.lookup(path / os.fsdecode(body.rstrip(b"\0")))
        if opcode == GETATTR:
            return struct.pack("<QII", 1, 0, 0) + _attributes(node, path)
        if opcode == READLINK:
            return os.fsencode(os.readlink(path))
        if opcode in (OPEN, OPENDIR):
            return struct.pack("<QII", 0, 0, 0)
        if opcode == READ:
            return self.read(path, *struct.unpack_from("<QI", body, 8))
        if opcode == STATFS:
            return bytes(80)
        if opcode in (FLUSH, RELEASE, RELEASEDIR, READDIR):
            return b""
        raise OSError(errno.ENOSYS, "not served")

    def leave_open(self, what: str) -> None:
        """Note a question that gets no answer."""
        with self.log.open("a") as file:
            file.write(what + "\n")

    def lookup(self, path: Path) -> bytes | None:
        """Attributes that are good for a second, so that they are asked for again."""
        if path.name.startswith("dead"):
            self.leave_open(path.name)
            return None
        os.lstat(path)
        node = next((n for n, known in self.nodes.items() if known == path), 0)
        node = node or len(self.nodes) + 1
        self.nodes[node] = path
        return struct.pack("<QQQQII", node, 0, 1, 1, 0, 0) + _attributes(node, path)

    def read(self, path: Path, offset: int, size: int) -> bytes | None:
        """Content, but for the later part of a stuck file."""
        if path.name.startswith("stuck") and offset + size > STUCK_FROM:
            self.leave_open(path.name)
            return None
        with path.open("rb") as file:
            return os.pread(file.fileno(), size, offset)


def _attributes(node: int, path: Path) -> bytes:
    st = os.lstat(path)
    times = (int(st.st_atime), int(st.st_mtime), int(st.st_ctime))
    mode = st.st_mode & ~(stat.S_IWGRP | stat.S_IWOTH)
    return struct.pack(
        "<QQQQQQIIIIIIIIII",
        *(node, st.st_size, st.st_blocks, *times, 0, 0, 0),
        *(mode, st.st_nlink, st.st_uid, st.st_gid, 0, 4096, 0),
    )


def main() -> int:
    """Mount, serve, run the command; its exit status."""
    source, point, log = (Path(word) for word in sys.argv[1:4])
    _check(_libc.unshare(CLONE_NEWNS))
    _check(_libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={fd},rootmode=40000,user_id=0,group_id=0,allow_other"
    _check(_libc.mount(b"stalling", bytes(point), b"fuse", 0, options.encode()))
    threading.Thread(target=Stalling(fd, source, log).serve, daemon=True).start()
    pid = os.posix_spawnp(sys.argv[4], sys.argv[4:], os.environ)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    # Whoever still waits for an answer is told that the mount is gone.
    _check(_libc.umount2(bytes(point), 2 | 1))
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
