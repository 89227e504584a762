# SPDX-License-Identifier: GPL-2.0-or-later
"""A shared file system that counts what it is asked, and takes its time.

`python -m tests.support.sharedfs SOURCE POINT COUNTS DELAY_MS COMMAND...` (as root)
shows SOURCE at POINT in a mount namespace of its own and runs COMMAND there: one client
of a file server. Directories and objects may be remembered by the kernel, as where a
server hands out tokens; what is missing, and soon `txn`, is asked for each time. Files
without a name it does not have, as parallel file systems do not. COUNTS gets a JSON
object with a number for each operation and place ("LOOKUP txn"); `operations` are those
that the metadata server sees, each of which lasts DELAY_MS.
Source: fuse(4) and the kernel's include/uapi/linux/fuse.h.
"""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.support import fuse

THREADS = 8
LONG_S = 3600
OBJECT_FOLDER = re.compile(r"[0-9a-f]{2}")
BIG_WRITES, PARALLEL = 1 << 5, 1 << 18
DATA = {"READ", "WRITE", "RELEASE", "FLUSH", "RELEASEDIR", "INIT", "FSYNC"}
# Of struct fuse_setattr_in.
SET_MODE, SET_UID, SET_GID, SET_SIZE, SET_ATIME, SET_MTIME = 1, 2, 4, 8, 16, 32
ATIME_NOW, MTIME_NOW = 128, 256


class Node(NamedTuple):
    """A file or directory that the kernel has heard of; held open, never forgotten."""

    number: int
    descriptor: int
    place: str  # txn, object, folder or top: where it was met

    @property
    def path(self) -> str:
        """Leads to it, whatever its names have become."""
        return f"/proc/self/fd/{self.descriptor}"


class SharedFs:
    """Serves one mount from `fd`."""

    def __init__(self, fd: int, source: Path, delay_s: float) -> None:
        self.fd = fd
        self.delay_s = delay_s
        self.counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        root = Node(1, os.open(source, os.O_PATH | os.O_DIRECTORY), "top")
        self._nodes = {1: root}
        self._numbers = {self._identity(root.descriptor): 1}

    def serve(self) -> None:
        """Answer until the mount is gone; by several threads at once."""
        for request in fuse.requests(self.fd):
            name, answer = OPERATIONS.get(
                request.opcode, (f"UNKNOWN {request.opcode}", unknown)
            )
            node = self._nodes.get(request.node, self._nodes[1])  # INIT has none
            self.count(name, node)
            try:
                fuse.reply(self.fd, request.unique, answer(self, node, request.body))
            except OSError as error:
                fuse.reply(self.fd, request.unique, b"", error.errno or errno.EIO)

    def count(self, name: str, node: Node) -> None:
        """One more; what goes to the metadata server lasts a while."""
        with self._lock:
            self.counts[f"{name} {node.place}"] += 1
            self.counts["operations"] += name not in DATA
        if name not in DATA and self.delay_s:
            time.sleep(self.delay_s)

    @staticmethod
    def _identity(descriptor: int) -> tuple[int, int]:
        status = os.fstat(descriptor)
        return status.st_dev, status.st_ino

    def entry(self, above: Node, name: bytes) -> bytes:
        """What a name in a directory stands for (struct fuse_entry_out)."""
        flags = os.O_PATH | os.O_NOFOLLOW
        descriptor = os.open(name, flags, dir_fd=above.descriptor)
        identity = self._identity(descriptor)
        with self._lock:
            number = self._numbers.setdefault(identity, len(self._nodes) + 1)
            if number in self._nodes:
                os.close(descriptor)
            else:
                place = _place(above, os.fsdecode(name))
                self._nodes[number] = Node(number, descriptor, place)
        node = self._nodes[number]
        valid_s = 1 if above.place == "txn" else LONG_S
        head = struct.pack("<QQQQII", number, 0, valid_s, LONG_S, 0, 0)
        return head + _attributes(node)

    def node(self, number: int) -> Node:
        """By its number."""
        return self._nodes[number]


def _place(above: Node, name: str) -> str:
    if above.place == "txn" or name == "txn":
        return "txn"
    if above.place == "top" and OBJECT_FOLDER.fullmatch(name):
        return "folder"
    return "object" if above.place == "folder" else "top"


def _attributes(node: Node) -> bytes:
    """As struct fuse_attr has them."""
    st = os.fstat(node.descriptor)
    times = (st.st_atime_ns, st.st_mtime_ns, st.st_ctime_ns)
    return struct.pack(
        "<QQQQQQIIIIIIIIII",
        *(node.number, st.st_size, st.st_blocks, *(ns // 10**9 for ns in times)),
        *(ns % 10**9 for ns in times),
        *(st.st_mode, st.st_nlink, st.st_uid, st.st_gid, 0, 4096, 0),
    )


def _attributes_of(node: Node) -> bytes:
    return struct.pack("<QII", LONG_S, 0, 0) + _attributes(node)


def _words(body: bytes) -> list[bytes]:
    return body.split(b"\0")[:-1]


def unknown(_: SharedFs, __: Node, ___: bytes) -> bytes:
    raise OSError(errno.ENOSYS, "not served")


def _init(_: SharedFs, __: Node, ___: bytes) -> bytes:
    flags = BIG_WRITES | PARALLEL
    return struct.pack(
        "<IIIIHHIIHHI28x", 7, 31, 65536, flags, 64, 48, 65536, 1, 0, 0, 0
    )


def _lookup(fs: SharedFs, node: Node, body: bytes) -> bytes:
    return fs.entry(node, body.rstrip(b"\0"))


def _getattr(_: SharedFs, node: Node, __: bytes) -> bytes:
    return _attributes_of(node)


def _setattr(_: SharedFs, node: Node, body: bytes) -> bytes:
    valid, _pad, _fh, size, _owner, atime, mtime, _ctime, atime_ns, mtime_ns = (
        struct.unpack_from("<IIQQQQQQII", body)
    )
    mode, _unused, uid, gid = struct.unpack_from("<IIII", body, 68)
    if valid & SET_MODE:
        os.chmod(node.path, mode & 0o7777)
    if valid & (SET_UID | SET_GID):
        owner = uid if valid & SET_UID else -1
        os.chown(node.path, owner, gid if valid & SET_GID else -1)
    if valid & SET_SIZE:
        os.truncate(node.path, size)
    if valid & (SET_ATIME | SET_MTIME):
        now = time.time_ns()
        accessed = now if valid & ATIME_NOW else atime * 10**9 + atime_ns
        modified = now if valid & MTIME_NOW else mtime * 10**9 + mtime_ns
        os.utime(node.path, ns=(accessed, modified))
    return _attributes_of(node)


def _readlink(_: SharedFs, node: Node, __: bytes) -> bytes:
    return os.readlink(b"", dir_fd=node.descriptor)


def _symlink(fs: SharedFs, node: Node, body: bytes) -> bytes:
    name, target = _words(body)
    os.symlink(target, name, dir_fd=node.descriptor)
    return fs.entry(node, name)


def _mkdir(fs: SharedFs, node: Node, body: bytes) -> bytes:
    (mode,), (name,) = struct.unpack_from("<I", body), _words(body[8:])
    os.mkdir(name, mode & 0o7777, dir_fd=node.descriptor)
    return fs.entry(node, name)


def _mknod(fs: SharedFs, node: Node, body: bytes) -> bytes:
    (mode,), (name,) = struct.unpack_from("<I", body), _words(body[16:])
    os.mknod(name, mode, dir_fd=node.descriptor)
    return fs.entry(node, name)


def _unlink(_: SharedFs, node: Node, body: bytes) -> bytes:
    os.unlink(_words(body)[0], dir_fd=node.descriptor)
    return b""


def _rmdir(_: SharedFs, node: Node, body: bytes) -> bytes:
    os.rmdir(_words(body)[0], dir_fd=node.descriptor)
    return b""


def _rename_to(fs: SharedFs, node: Node, number: int, words: list[bytes]) -> bytes:
    old, new = words
    there = fs.node(number).descriptor
    os.rename(old, new, src_dir_fd=node.descriptor, dst_dir_fd=there)
    return b""


def _rename(fs: SharedFs, node: Node, body: bytes) -> bytes:
    return _rename_to(fs, node, struct.unpack_from("<Q", body)[0], _words(body[8:]))


def _rename2(fs: SharedFs, node: Node, body: bytes) -> bytes:
    number, flags = struct.unpack_from("<QI", body)
    if flags:
        raise OSError(errno.EINVAL, "not served")
    return _rename_to(fs, node, number, _words(body[16:]))


def _link(fs: SharedFs, node: Node, body: bytes) -> bytes:
    (number,), (name,) = struct.unpack_from("<Q", body), _words(body[8:])
    there = node.descriptor
    os.link(fs.node(number).path, name, dst_dir_fd=there, follow_symlinks=True)
    return fs.entry(node, name)


def _opened(descriptor: int) -> bytes:
    return struct.pack("<QII", descriptor, 0, 0)


def _open(_: SharedFs, node: Node, body: bytes) -> bytes:
    (flags,) = struct.unpack_from("<I", body)
    flags &= os.O_ACCMODE | os.O_TRUNC | os.O_APPEND
    return _opened(os.open(node.path, flags | os.O_CLOEXEC))


def _opendir(_: SharedFs, node: Node, __: bytes) -> bytes:
    return _opened(os.open(node.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))


def _create(fs: SharedFs, node: Node, body: bytes) -> bytes:
    (flags, mode), (name,) = struct.unpack_from("<II", body), _words(body[16:])
    flags = (flags & (os.O_ACCMODE | os.O_EXCL | os.O_TRUNC)) | os.O_CREAT
    made = os.open(name, flags | os.O_CLOEXEC, mode & 0o7777, dir_fd=node.descriptor)
    return fs.entry(node, name) + _opened(made)


def _read(_: SharedFs, __: Node, body: bytes) -> bytes:
    descriptor, offset, size = struct.unpack_from("<QQI", body)
    return os.pread(descriptor, size, offset)


def _write(_: SharedFs, __: Node, body: bytes) -> bytes:
    descriptor, offset, size = struct.unpack_from("<QQI", body)
    return struct.pack("<II", os.pwrite(descriptor, body[40 : 40 + size], offset), 0)


def _release(_: SharedFs, __: Node, body: bytes) -> bytes:
    os.close(struct.unpack_from("<Q", body)[0])
    return b""


def _nothing(_: SharedFs, __: Node, ___: bytes) -> bytes:
    return b""


def _statfs(_: SharedFs, node: Node, __: bytes) -> bytes:
    st = os.statvfs(node.path)
    return struct.pack(
        "<QQQQQIIII24x",
        *(st.f_blocks, st.f_bfree, st.f_bavail, st.f_files, st.f_ffree),
        *(st.f_bsize, st.f_namemax, st.f_frsize, 0),
    )


def _readdir(_: SharedFs, node: Node, body: bytes) -> bytes:
    _fh, offset, size = struct.unpack_from("<QQI", body)
    names = [b".", b"..", *sorted(os.listdir(os.fsencode(node.path)))]
    packed = b""
    for number, name in enumerate(names[offset:], offset + 1):
        row = struct.pack("<QQII", number, number, len(name), 0) + name
        row += bytes(-len(row) % 8)
        if len(packed) + len(row) > size:
            break
        packed += row
    return packed


OPERATIONS: dict[int, tuple[str, Callable[[SharedFs, Node, bytes], bytes]]] = {
    1: ("LOOKUP", _lookup),
    3: ("GETATTR", _getattr),
    4: ("SETATTR", _setattr),
    5: ("READLINK", _readlink),
    6: ("SYMLINK", _symlink),
    8: ("MKNOD", _mknod),
    9: ("MKDIR", _mkdir),
    10: ("UNLINK", _unlink),
    11: ("RMDIR", _rmdir),
    12: ("RENAME", _rename),
    13: ("LINK", _link),
    14: ("OPEN", _open),
    15: ("READ", _read),
    16: ("WRITE", _write),
    17: ("STATFS", _statfs),
    18: ("RELEASE", _release),
    20: ("FSYNC", _nothing),
    25: ("FLUSH", _nothing),
    26: ("INIT", _init),
    27: ("OPENDIR", _opendir),
    28: ("READDIR", _readdir),
    29: ("RELEASEDIR", _release),
    35: ("CREATE", _create),
    45: ("RENAME2", _rename2),
}


def main() -> int:
    """Mount, serve, run the command; its exit status."""
    source, point, counts = (Path(word) for word in sys.argv[1:4])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.umask(0)
    fd = fuse.mounted("sharedfs", point, "default_permissions")
    fs = SharedFs(fd, source, float(sys.argv[4]) / 1000)
    for _ in range(THREADS):
        threading.Thread(target=fs.serve, daemon=True).start()
    words = ["sh", "-c", 'umask 022; exec "$@"', "sh", *sys.argv[5:]]
    status = fuse.status_of(words)
    counts.write_text(json.dumps(dict(sorted(fs.counts.items()))))
    fuse.unmount(point)
    return status


if __name__ == "__main__":
    sys.exit(main())
