# SPDX-License-Identifier: GPL-2.0-or-later
"""Catalog entries for what a scan found.

Source: cvmfs-format.md 4.4 to 4.7.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace

from interpose.formats import flags, xattrs
from interpose.formats.catalog_writer import NewEntry
from interpose.publish.content import Encoding, StoredContent
from interpose.publish.scan import SourceDirectory, SourceEntry

_NS = 1_000_000_000


def directory_entry(directory: SourceDirectory, extra_flags: int = 0) -> NewEntry:
    """The entry of a directory; `extra_flags` for the upper side of a transition."""
    return replace(
        _plain_entry(directory.entry),
        linkcount=2 + directory.subdirectories,
        xattr=xattrs.build(directory.entry.xattrs),
        flags=extra_flags,
    )


def other_entry(entry: SourceEntry) -> NewEntry:
    """The entry of a symlink, FIFO, socket or device (whose number is its size)."""
    mode = entry.status.st_mode
    if stat.S_ISLNK(mode):
        plain = _plain_entry(entry)
        return replace(plain, symlink=entry.target, size=len(entry.target))
    is_device = stat.S_ISCHR(mode) or stat.S_ISBLK(mode)
    size = entry.status.st_rdev if is_device else 0
    return replace(_plain_entry(entry), size=size)


def file_entry(
    entry: SourceEntry, content: StoredContent, encoding: Encoding
) -> NewEntry:
    """The entry of a regular file; its chunks are added apart."""
    return replace(
        _plain_entry(entry),
        content_hash=content.content_hash,
        flags=flags.CHUNKED if content.chunks else 0,
        compression=encoding.compression,
        algorithm=encoding.algorithm,
        xattr=xattrs.build(content.xattrs),
    )


def hardlinks(
    members: Sequence[SourceEntry], groups: Iterator[int]
) -> Iterator[tuple[int, int]]:
    """Link count and group of each member of one directory.

    Links across directories are broken, as officially. `groups` gives group numbers
    that the catalog has not used.
    """
    counts: dict[tuple[int, int], int] = {}
    for entry in members:
        if entry.status.st_nlink > 1:
            counts[inode(entry)] = counts.get(inode(entry), 0) + 1
    found = {key: (count, next(groups)) for key, count in counts.items() if count > 1}
    for entry in members:
        yield found.get(inode(entry), (1, 0))


def inode(entry: SourceEntry) -> tuple[int, int]:
    """What hard links of one file have in common."""
    return entry.status.st_dev, entry.status.st_ino


def _plain_entry(entry: SourceEntry) -> NewEntry:
    status = entry.status
    seconds, nanoseconds = divmod(status.st_mtime_ns, _NS)
    return NewEntry(
        path=entry.path,
        mode=status.st_mode,
        size=status.st_size,
        mtime=seconds,
        mtimens=nanoseconds,
        uid=status.st_uid,
        gid=status.st_gid,
    )
