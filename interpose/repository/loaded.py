# SPDX-License-Identifier: GPL-2.0-or-later
"""The catalogs of a repository whose index files are mapped.

Source: CVMFS_CATALOG_WATERMARK in docs/parameters.md; native/run/watermark.c does the
same for the tracer.
"""

from __future__ import annotations

import threading

from interpose.formats.hashes import ContentHash
from interpose.native import Index


class Loaded:
    """Indexes by catalog. Thread-safe.

    With `most` of them a new one stays with those on its way from the root only.
    0: all stay.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._indexes: dict[ContentHash, tuple[bytes, Index]] = {}
        self._ever: set[ContentHash] = set()

    def __len__(self) -> int:
        with self._lock:
            return len(self._indexes)

    def get(self, catalog: ContentHash) -> Index | None:
        """The index, if it is mapped."""
        with self._lock:
            found = self._indexes.get(catalog)
        return None if found is None else found[1]

    def add(self, catalog: ContentHash, where: bytes, index: Index) -> bool:
        """Keep the index of a catalog that hangs at `where`; True for the first time.

        Who uses another one still has it.
        """
        with self._lock:
            is_new = catalog not in self._ever
            self._ever.add(catalog)
            self._indexes[catalog] = (where, index)
            if 0 < self._most <= len(self._indexes):
                self._indexes = {
                    one: (at, kept)
                    for one, (at, kept) in self._indexes.items()
                    if _is_on_the_way(at, where)
                }
            return is_new


def _is_on_the_way(above: bytes, path: bytes) -> bool:
    return path == above or path.startswith(above + b"/")
