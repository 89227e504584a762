# SPDX-License-Identifier: GPL-2.0-or-later
"""How long a catalog is, as the manifest or the catalog above it says.

Nothing depends on it but how far a foreign file is read: the hash proves a catalog.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from interpose.formats.hashes import ContentHash


class Attached(NamedTuple):
    """A nested catalog: its mount point in the repository, its hash, bytes or 0."""

    path: bytes
    hash: ContentHash
    size: int


class CatalogSizes:
    """Finds sizes from the root downwards; `nested(catalog)` lists what is attached."""

    def __init__(self, nested: Callable[[ContentHash], tuple[Attached, ...]]) -> None:
        self._nested = nested
        self._known: dict[ContentHash, int] = {}
        self._root: ContentHash | None = None

    def begin(self, root: ContentHash, size: int) -> None:
        """The catalog that all others hang below; 0 if its size is not known."""
        self._root = root
        self._known[root] = size

    def size(self, catalog: ContentHash, where: bytes) -> int | None:
        """The size in bytes of the catalog that hangs at `where`, None if not known."""
        above, seen = self._root, set()
        while catalog not in self._known and above is not None and above not in seen:
            seen.add(above)
            above = self._below(above, where)
        return self._known.get(catalog) or None

    def _below(self, above: ContentHash, where: bytes) -> ContentHash | None:
        """The next catalog on the way to `where`."""
        for one in self._nested(above):
            if where == one.path or where.startswith(one.path + b"/"):
                self._known[one.hash] = one.size
                return one.hash
        return None
