# SPDX-License-Identifier: GPL-2.0-or-later
"""The root catalog that a user named last, by its hash, for a repository.

Who names a hash needs no signature, so there is none to keep. A job without a server
that does not name it again gets what was named here, with a line, and not an error.
"""

from __future__ import annotations

import contextlib

from interpose.cache import PrivateCache, inventory
from interpose.errors import CacheError, FormatError
from interpose.formats.fqrn import Fqrn
from interpose.formats.hashes import ContentHash

_MOST_BYTES = 64


class NamedRoot:
    """The note of one repository in this user's cache."""

    def __init__(self, private: PrivateCache, fqrn: Fqrn) -> None:
        self._private = private
        self._path = inventory.NAMED.below(private.top, fqrn=fqrn)

    def note(self, root_hash: ContentHash) -> None:
        """Keep it; a cache that takes nothing keeps nothing."""
        if self.last() != root_hash:
            with contextlib.suppress(CacheError):
                self._private.store_small(self._path, root_hash.text.encode())

    def last(self) -> ContentHash | None:
        """The hash that was named last, None if none was."""
        data = self._private.read_small(self._path, _MOST_BYTES) or b""
        try:
            return ContentHash.parse(data.decode("ascii"))
        except (FormatError, UnicodeDecodeError):
            return None
