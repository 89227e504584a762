# SPDX-License-Identifier: GPL-2.0-or-later
"""Catalog entries for what a scan found.

Source: docs/format.md 4.4 to 4.7.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from interpose.formats import flags, xattrs
from interpose.formats.catalog_writer import NewEntry
from interpose.formats.hashes import ContentHash
from interpose.publish.content import Encoding, StoredContent
from interpose.publish.scan import CATALOG_MARKER, SourceDirectory, SourceEntry

_NS = 1_000_000_000


class Links(NamedTuple):
    """How many names of one directory are one file, and their group (0: none)."""

    number: int
    group: int


_ALONE = Links(1, 0)


def directory_entry(directory: SourceDirectory, extra_flags: int = 0) -> NewEntry:
    """The entry of a directory; `extra_flags` for the upper side of a transition."""
    return _entry(
        directory.entry,
        linkcount=2 + directory.subdirectories,
        xattr=xattrs.build(directory.entry.xattrs),
        flags=extra_flags,
    )


def marker_entry(
    directory: SourceDirectory, empty: ContentHash, encoding: Encoding
) -> NewEntry:
    """The entry of an empty `.cvmfscatalog`, dated and owned as its directory."""
    status = directory.entry.status
    seconds, nanoseconds = divmod(status.st_mtime_ns, _NS)
    return NewEntry(
        path=directory.entry.path + b"/" + CATALOG_MARKER,
        mode=stat.S_IFREG | 0o644,
        size=0,
        mtime=seconds,
        mtimens=nanoseconds,
        uid=status.st_uid,
        gid=status.st_gid,
        content_hash=empty,
        algorithm=empty.algorithm,
        compression=encoding.compression,
    )


def other_entry(entry: SourceEntry, links: Links) -> NewEntry:
    """The entry of a symlink, FIFO, socket or device (whose number is its size)."""
    mode = entry.status.st_mode
    size = 0
    if stat.S_ISLNK(mode):
        size = len(entry.target)
    elif stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        size = entry.status.st_rdev
    return _entry(
        entry,
        size=size,
        symlink=entry.target,
        linkcount=links.number,
        hardlink_group=links.group,
    )


def file_entry(
    entry: SourceEntry, links: Links, content: StoredContent, encoding: Encoding
) -> NewEntry:
    """The entry of a regular file; its chunks are added apart."""
    return _entry(
        entry,
        content_hash=content.content_hash,
        flags=flags.CHUNKED if content.chunks else 0,
        compression=encoding.compression,
        algorithm=encoding.algorithm,
        xattr=xattrs.build(content.xattrs),
        linkcount=links.number,
        hardlink_group=links.group,
    )


def hardlinks(members: Sequence[SourceEntry], groups: Iterator[int]) -> Iterator[Links]:
    """The links of each member of one directory.

    Links across directories are broken, as officially. `groups` gives group numbers
    that the catalog has not used.
    """
    counts: dict[tuple[int, int], int] = {}
    for entry in members:
        if entry.status.st_nlink > 1:
            counts[inode(entry)] = counts.get(inode(entry), 0) + 1
    found = {
        key: Links(count, next(groups)) for key, count in counts.items() if count > 1
    }
    for entry in members:
        yield found.get(inode(entry), _ALONE)


def inode(entry: SourceEntry) -> tuple[int, int]:
    """What hard links of one file have in common."""
    return entry.status.st_dev, entry.status.st_ino


def _entry(entry: SourceEntry, **more: Any) -> NewEntry:
    """What all kinds have in common, and `more` or other fields."""
    status = entry.status
    seconds, nanoseconds = divmod(status.st_mtime_ns, _NS)
    more.setdefault("size", status.st_size)
    return NewEntry(
        path=entry.path,
        mode=status.st_mode,
        mtime=seconds,
        mtimens=nanoseconds,
        uid=status.st_uid,
        gid=status.st_gid,
        **more,
    )
