# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether the files of a cache are what their names say."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from interpose import native
from interpose.cache import census
from interpose.cache.census import Item, opened
from interpose.cache.verify import Repacked
from interpose.errors import FormatError
from interpose.formats.hashes import KINDS, ContentHash, new_hasher

_BLOCK_BYTES = 1 << 20
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def fault(top: Path, item: Item) -> str | None:
    """What is wrong with a file, in a few words; None if nothing is.

    Of a file that was put together from chunks only its catalog knows what it is: None.
    One that is gone by now has no fault.
    """
    if item.kind == census.ASSEMBLED:
        return None
    folder, name = item.names[0]
    try:
        with opened(top, folder) as directory:
            descriptor = os.open(name, _READ, dir_fd=directory)
    except FileNotFoundError:
        return None
    except OSError as error:
        return (error.strerror or str(error)).lower()
    try:
        return _fault_of(descriptor, item)
    except OSError as error:
        return (error.strerror or str(error)).lower()
    finally:
        os.close(descriptor)


def _fault_of(descriptor: int, item: Item) -> str | None:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return "not a file"
    if (status.st_dev, status.st_ino) != item.identity:
        return None  # Another one by now; it was judged when it came.
    if item.kind == census.INDEX:
        return _fault_of_index(descriptor, item.path)
    try:
        wanted = hash_of(item)
    except FormatError:
        return "its name is no hash"
    packed = Repacked(new_hasher(wanted.algorithm))
    plain = new_hasher(wanted.algorithm)
    offset = 0
    while block := os.pread(descriptor, _BLOCK_BYTES, offset):
        packed.update(block)
        plain.update(block)
        offset += len(block)
    # Official tools leave raw objects under the same names.
    is_it = wanted.digest in (packed.digest(), plain.digest())
    return None if is_it else "its content has another hash"


def _fault_of_index(descriptor: int, path: str) -> str | None:
    if path.endswith(".facts"):
        return None
    try:
        with native.Index(descriptor) as index:
            for number in range(index.count):
                index.entry(number)
    except (FormatError, OSError) as error:
        return str(error)
    return None


def hash_of(item: Item) -> ContentHash:
    """The hash that an object is named after. Errors: FormatError."""
    folder, name = item.names[0]
    text = folder.rpartition("/")[2] + name
    if text[-1:] in KINDS:
        text = text[:-1]
    return ContentHash.parse(text)
