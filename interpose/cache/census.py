# SPDX-License-Identifier: GPL-2.0-or-later
"""What lies in a cache and can be got again: contents, and what was made of them.

A file with two names (a raw object) counts once. When something was used last is told
by the file system: with `relatime`, the usual way, to a day; with `noatime` it is when
it came. Everything is looked at below open directories; links are not followed.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from interpose.cache import guarded, inventory, layout
from interpose.cache.guarded import Directory, Owners

OBJECT, RAW, ASSEMBLED, INDEX = "object", "raw", "assembled", "index"
KINDS = (OBJECT, RAW, ASSEMBLED, INDEX)
_FOLDERS = tuple(f"{number:02x}" for number in range(256))
# The hash without its first byte, the suffix of its algorithm, the letter of its kind.
_OBJECT_NAME = re.compile(r"[0-9a-f]{38,}(-[a-z0-9]+)?[A-Z]?")
_INDEX_NAME = re.compile(r"[0-9a-f]{40,}(-[a-z0-9]+)?\.(v[0-9]+|facts)")
# The directory that holds the folders of a kind; an object's comes last, so that a raw
# one, which has a name there, too, is told as what it is.
_PLACES = (
    (inventory.RAW, RAW),
    (inventory.ASSEMBLED, ASSEMBLED),
    (inventory.ASSEMBLED_RAW, ASSEMBLED),
    (inventory.OBJECT, OBJECT),
)


class Name(NamedTuple):
    """One name of a file: the directory below the cache's, and the name there."""

    folder: str
    name: str

    @property
    def path(self) -> str:
        """Below the cache's directory."""
        return f"{self.folder}/{self.name}"


class Item(NamedTuple):
    """One file; sizes in bytes, times in seconds since 1970 by the file system."""

    names: tuple[Name, ...]
    kind: str
    size_bytes: int
    used_s: float
    uid: int
    identity: tuple[int, int]

    @property
    def path(self) -> str:
        """Below the cache's directory, by the name that tells what it is."""
        return self.names[0].path


def items(top: Path) -> list[Item]:
    """All of a cache, in no order; what is gone meanwhile is left out.

    Errors: OSError, if the cache's directory cannot be opened.
    """
    found: dict[tuple[int, int], Item] = {}
    with opened(top) as directory:
        for folder, kind in _folders():
            pattern = _INDEX_NAME if kind == INDEX else _OBJECT_NAME
            for name, status in _files(directory, folder):
                if pattern.fullmatch(name):
                    _note(found, Name(folder, name), kind, status)
    return list(found.values())


def _folders() -> Iterator[tuple[str, str]]:
    for row, kind in _PLACES:
        for folder in _FOLDERS:
            yield row.path.format(object=folder), kind
    yield inventory.INDEX.path.rpartition("/")[0], INDEX


def opened(top: Path, folder: str = "") -> AbstractContextManager[Directory]:
    """A directory of a cache, whoever has made it. Errors: OSError."""
    return guarded.opened(top, Owners.with_us(), folder)


def _files(top: Directory, folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Regular files of a directory that may not be there."""
    with contextlib.suppress(OSError), top.below(folder) as directory:
        for name in layout.names_in(directory):
            status = _status(directory, name)
            if status is not None and stat.S_ISREG(status.st_mode):
                yield name, status


def _status(directory: Directory, name: str) -> os.stat_result | None:
    try:
        return directory.status(name)
    except OSError:
        return None


def _note(
    found: dict[tuple[int, int], Item], name: Name, kind: str, status: os.stat_result
) -> None:
    identity = status.st_dev, status.st_ino
    known = found.get(identity)
    if known is not None:
        found[identity] = known._replace(names=(*known.names, name))
        return
    used_s = max(status.st_atime, status.st_mtime)
    size, uid = status.st_size, status.st_uid
    found[identity] = Item((name,), kind, size, used_s, uid, identity)
