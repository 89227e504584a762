# SPDX-License-Identifier: GPL-2.0-or-later
"""Answers of `file://` URLs."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from interpose.network.failover import Failure
from interpose.network.transfer import (
    BLOCK_BYTES,
    NOT_FOUND,
    OK,
    PARTIAL,
    Answer,
    TryFailed,
)


def open_file_url(url: str, byte_range: tuple[int, int] | None = None) -> Answer:
    """What a server of this directory would answer; a missing file is a 404.

    Errors: TryFailed if the file cannot be read or is no regular file.
    """
    from urllib.parse import unquote_to_bytes, urlsplit  # noqa: PLC0415

    path = unquote_to_bytes(urlsplit(url).path)
    try:
        # O_NONBLOCK: a FIFO of that name must not hang us.
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(path, flags)
    except (FileNotFoundError, NotADirectoryError):
        return Answer(NOT_FOUND, "Not Found", None, None, iter(()), _nothing)
    except (OSError, ValueError) as error:
        raise TryFailed(Failure.HOST, _reason(error)) from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise TryFailed(Failure.HOST, "not a regular file")
    if byte_range is None:
        blocks = _blocks(descriptor, 0, status.st_size)
        return Answer(
            OK, "", status.st_size, None, blocks, lambda: os.close(descriptor)
        )
    offset, size = byte_range
    size = max(0, min(size, status.st_size - offset))
    blocks = _blocks(descriptor, offset, size)
    return Answer(PARTIAL, "", size, offset, blocks, lambda: os.close(descriptor))


def _blocks(descriptor: int, offset: int, size: int) -> Iterator[bytes]:
    while size > 0:
        try:
            block = os.pread(descriptor, min(size, BLOCK_BYTES), offset)
        except OSError as error:
            raise TryFailed(Failure.HOST, _reason(error)) from error
        if not block:
            return
        yield block
        offset += len(block)
        size -= len(block)


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


def _nothing() -> None:
    return None
