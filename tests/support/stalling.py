# SPDX-License-Identifier: GPL-2.0-or-later
"""A file system that does not answer everything: a dead server, on this machine alone.

`python -m tests.support.stalling SOURCE POINT LOG COMMAND...` (as root) shows SOURCE
read-only at POINT in a mount namespace of its own and runs COMMAND there. Names that
begin with `dead` are never answered, nor are reads of files that begin with `stuck`
from 512 KiB on; each question left open is a line of LOG.
Source: fuse(4) and the kernel's include/uapi/linux/fuse.h.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import sys
import threading
from pathlib import Path

from tests.support import fuse

LOOKUP, FORGET, GETATTR, READLINK = 1, 2, 3, 5
OPEN, READ, STATFS, RELEASE, FLUSH, INIT = 14, 15, 17, 18, 25, 26
OPENDIR, READDIR, RELEASEDIR, INTERRUPT, BATCH_FORGET = 27, 28, 29, 36, 42
STUCK_FROM = 512 * 1024


class Stalling:
    """Serves one mount from `fd`; nodes are numbered in the order they are met."""

    def __init__(self, fd: int, source: Path, log: Path) -> None:
        """Root is node 1."""
        self.fd = fd
        self.nodes = {1: source}
        self.log = log

    def serve(self) -> None:
        """Answer until the mount is gone."""
        for request in fuse.requests(self.fd):
            try:
                body = self.answer(request.opcode, request.node, request.body)
            except OSError as error:
                fuse.reply(self.fd, request.unique, b"", error.errno or errno.EIO)
                continue
            if body is not None:
                fuse.reply(self.fd, request.unique, body)

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
    fd = fuse.mounted("stalling", point)
    threading.Thread(target=Stalling(fd, source, log).serve, daemon=True).start()
    status = fuse.status_of(sys.argv[4:])
    fuse.unmount(point)
    return status


if __name__ == "__main__":
    sys.exit(main())
