# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether the files of a cache are what their names say."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from interpose import native
from interpose.cache import census
from interpose.cache.census import Item
from interpose.cache.verify import Repacked
from interpose.errors import FormatError
from interpose.formats.hashes import KINDS, ContentHash, new_hasher

_BLOCK_BYTES = 1 << 20
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def fault(top: Path, item: Item) -> str | None:
    """What is wrong with a file, in a few words; None if nothing is.

    Of a file that was put together from chunks only its catalog knows what it is: None.
    One that is gone by now, or another one, has no fault. Errors: OSError if it cannot
    be read.
    """
    if item.kind == census.ASSEMBLED:
        return None
    folder, name = item.names[0]
    try:
        with census.opened(top, folder) as directory:
            descriptor = os.open(name, _READ, dir_fd=directory.descriptor)
    except FileNotFoundError:
        return None
    try:
        status = os.fstat(descriptor)
        is_it = (status.st_dev, status.st_ino) == item.identity
        if not is_it or not stat.S_ISREG(status.st_mode):
            return None
        if item.kind == census.INDEX:
            return _fault_of_index(descriptor, name)
        return _fault_of_object(descriptor, item)
    finally:
        os.close(descriptor)


def _fault_of_object(descriptor: int, item: Item) -> str | None:
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


def _fault_of_index(descriptor: int, name: str) -> str | None:
    """Facts, and what another version of ours uses, are not judged."""
    if not name.endswith(f".v{native.INDEX_VERSION}"):
        return None
    try:
        native.Index(descriptor).close()  # Its sums are compared.
    except FormatError as error:
        return str(error)
    return None


def hash_of(item: Item) -> ContentHash:
    """The hash that an object is named after. Errors: FormatError."""
    folder, name = item.names[0]
    text = folder.rpartition("/")[2] + name
    if text[-1:] in KINDS:
        text = text[:-1]
    return ContentHash.parse(text)
