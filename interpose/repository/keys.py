# SPDX-License-Identifier: GPL-2.0-or-later
"""Master keys of a repository, from the files that the configuration names.

Source: docs/format.md 2.2; docs/trust.md.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from interpose.config.keyfiles import read_key
from interpose.errors import UnknownKey
from interpose.formats.fqrn import Fqrn


class Keys(NamedTuple):
    """Master keys of a repository as PEM texts, and the lines of the blacklist."""

    pems: tuple[bytes, ...]
    blacklist: bytes = b""
    origin: str = ""

    @classmethod
    def read(cls, files: tuple[Path, ...], parameter: str, fqrn: Fqrn) -> Keys:
        """Errors: UnknownKey if there is none, or one that is of no use."""
        if not files:
            advice = f"set {parameter}, or give -r {fqrn}=URL,pubkey=FILE"
            raise UnknownKey("no master key", fqrn, advice)
        pems = []
        for file in files:
            try:
                pems.append(read_key(file))
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise UnknownKey(
                    f"a master key cannot be read, {reason}",
                    str(file),
                    f"see {parameter}",
                ) from error
        return cls(tuple(pems), origin=", ".join(str(file) for file in files))

    @property
    def mark(self) -> bytes:
        """What tells these keys and what is forbidden from others."""
        texts = (*self.pems, self.blacklist)
        parts = [hashlib.sha256(text).digest() for text in texts]
        return hashlib.sha256(b"".join(parts)).hexdigest().encode()
