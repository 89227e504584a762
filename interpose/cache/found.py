# SPDX-License-Identifier: GPL-2.0-or-later
"""A file that was found in a cache, held open: what was judged is what is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, final

from interpose import owned
from interpose.cache.identity import FileIdentity

if TYPE_CHECKING:
    from interpose.cache.guarded import Directory

_BLOCK_BYTES = 256 * 1024
_HEAD_BYTES = 2
# Not blocking: neither a FIFO nor a lease of somebody else's makes us wait.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@final
class Found:
    """An open regular file. Closes with its block.

    `is_guarded`: trusted owners alone could write it, or exchange it.
    """

    def __init__(
        self, path: Path, descriptor: int, status: os.stat_result, *, is_guarded: bool
    ) -> None:
        self.path = path
        self.descriptor = descriptor
        self.status = status
        self.is_guarded = is_guarded

    def __enter__(self) -> Found:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    @property
    def size(self) -> int:
        """Bytes, when it was opened."""
        return self.status.st_size

    @property
    def identity(self) -> FileIdentity:
        """Which file it is, and as of when."""
        return FileIdentity.of(self.status)

    @property
    def mode(self) -> int:
        """Permission bits, when it was opened."""
        return stat.S_IMODE(self.status.st_mode)

    def is_executable(self) -> bool:
        """Whether this process may read and execute it, as every object can be.

        False on a file system that is mounted noexec, too.
        """
        if not self.status.st_mode & 0o111:
            return False
        here = f"/proc/self/fd/{self.descriptor}"
        return os.access(here, os.R_OK | os.X_OK, effective_ids=True)

    def may_be_a_zlib_stream(self) -> bool:
        """Whether it begins like one. Errors: OSError."""
        return owned.may_be_stream(os.pread(self.descriptor, _HEAD_BYTES, 0))

    def blocks(self, limit_bytes: int) -> Iterator[bytes]:
        """The content, and never more than one byte beyond `limit_bytes`.

        Whoever may write the file can make it grow meanwhile. Errors: OSError.
        """
        offset, left = 0, limit_bytes + 1
        while left > 0:
            block = os.pread(self.descriptor, min(left, _BLOCK_BYTES), offset)
            if not block:
                return
            offset += len(block)
            left -= len(block)
            yield block


def open_found(above: Directory, name: str, path: Path) -> Found | None:
    """The regular file of this name, None for anything else. Errors: OSError."""
    if not stat.S_ISREG(above.status(name).st_mode):
        return None
    descriptor = os.open(name, _READ, dir_fd=above.descriptor)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            return None
        alone = above.owners.alone_write(descriptor)
    except OSError:
        os.close(descriptor)
        raise
    return Found(path, descriptor, status, is_guarded=above.is_guarded and alone)
