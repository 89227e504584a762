# SPDX-License-Identifier: GPL-2.0-or-later
"""Master keys of a repository, from the files that the configuration names.

Source: docs/format.md 2.2; docs/trust.md.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from interpose.errors import UnknownKey
from interpose.formats import limits
from interpose.formats.fqrn import Fqrn


@dataclass(frozen=True)
class Keys:
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
                pems.append(_key(file))
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


def _key(file: Path) -> bytes:
    """The bytes of a configured key: where everybody may write it is nobody's.

    Errors: OSError, UnknownKey.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    with open(os.open(file, flags), "rb") as stream:
        above = os.stat(file.parent).st_mode
        is_open = above & stat.S_IWOTH and not above & stat.S_ISVTX
        if is_open or os.fstat(stream.fileno()).st_mode & stat.S_IWOTH:
            advice = "chmod o-w it and its directory"
            raise UnknownKey("everybody may write a master key", str(file), advice)
        return stream.read(limits.CERTIFICATE_BYTES)
