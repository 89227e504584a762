# SPDX-License-Identifier: GPL-2.0-or-later
"""The file `cvmfschecksum.FQRN` of a cache: which root catalog was mounted last.

Source: docs/format.md 2.3.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from interpose.errors import FormatError
from interpose.formats.hashes import ContentHash

if TYPE_CHECKING:
    from interpose.formats.fqrn import Fqrn

LARGEST_BYTES = 164
_SHAPE = re.compile(rb"([0-9a-f]{40}[a-z0-9-]*)T([0-9]{1,18})(?:R([0-9]{1,18}))?\s*")


def file_name(fqrn: Fqrn) -> str:
    """The name of the file, directly in the cache directory."""
    return f"cvmfschecksum.{fqrn}"


class Breadcrumb(NamedTuple):
    """A root catalog; `timestamp` (seconds since 1970) is the manifest's.

    `revision` is 0 where an older writer left it out.
    """

    root_hash: ContentHash
    timestamp: int
    revision: int

    @classmethod
    def parse(cls, data: bytes) -> Breadcrumb:
        """Errors: FormatError, also for a breadcrumb without timestamp."""
        found = _SHAPE.fullmatch(data) if len(data) <= LARGEST_BYTES else None
        if found is None or int(found.group(2)) == 0:
            raise FormatError("invalid breadcrumb")
        root_hash = ContentHash.parse(found.group(1).decode("ascii"))
        return cls(root_hash, int(found.group(2)), int(found.group(3) or b"0"))

    def format(self) -> bytes:
        """The content of the file."""
        text = f"{self.root_hash.text}T{self.timestamp}R{self.revision}"
        return text.encode("ascii")
