# SPDX-License-Identifier: GPL-2.0-or-later
"""What an administrator forbids: certificates, and revisions that are too old.

Source: docs/format.md 2.4.
"""

from __future__ import annotations

import re
from pathlib import Path

from interpose.config import Configuration

_MOST_BYTES = 1 << 20
_REVISION = re.compile(rb"<\s*([A-Za-z0-9._-]+)\s+([0-9]{1,18})\s*")


def read(configuration: Configuration) -> bytes:
    """The lines of the local file and of the configuration repository's.

    A file that is missing or cannot be read forbids nothing, as officially.
    """
    return b"\n".join(map(_content, files(configuration))).strip()


def files(configuration: Configuration) -> list[Path]:
    """Where the lines are looked for."""
    paths = [configuration.path(configuration.text("CVMFS_BLACKLIST"))]
    tree = configuration.repository_tree
    if tree is not None:
        paths.append(tree.root / "blacklist")
    return paths


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError:
        return b""


def lowest_revisions(text: bytes) -> dict[str, int]:
    """Repository to the lowest revision that is allowed, of lines `<FQRN NUMBER`."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        match = _REVISION.fullmatch(line.strip())
        if match is not None:
            name, number = match.group(1).decode("ascii"), int(match.group(2))
            found[name] = max(number, found.get(name, 0))
    return found
