# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of master public keys, read as what decides about trust is read.

Source: docs/trust.md.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from interpose.config.configuration import Configuration
from interpose.config.derived import KeySettings
from interpose.errors import UnknownKey
from interpose.formats import limits


def read_key(file: Path) -> bytes:
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


def have_same_keys(one: Configuration, other: Configuration) -> bool:
    """Whether both name the same keys, in whatever files; False if in doubt."""
    try:
        first, second = (
            {read_key(file).strip() for file in KeySettings.of(configuration).files}
            for configuration in (one, other)
        )
    except (OSError, UnknownKey):
        return False
    return bool(first) and first == second
