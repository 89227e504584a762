# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes docs/cache.md from the table of names in interpose/cache/inventory.py.

python -m tests.support.cachepage > docs/cache.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from interpose.cache import inventory
from interpose.cache.inventory import Row

HEAD = """\
# What lies in a cache

Made from `interpose/cache/inventory.py` by `python -m tests.support.cachepage`; a test
holds every file that jobs leave in a cache against it. Who may write what, and why it
is believed: [trust](trust.md). {words} differ: `{object}` is `xx/` and the rest of a
content hash with the suffix of its algorithm, `{settings}` a hash of a job's settings,
`{network}` one of the node's boot and network.
"""


def table(rows: Iterable[Row]) -> str:
    """The rows, as Markdown."""
    lines = ["| path | what | stays until |", "|---|---|---|"]
    lines += [f"| `{row.path}` | {row.what} | {row.until} |" for row in rows]
    return "\n".join(lines)


def page() -> str:
    """The whole page."""
    parts = [
        HEAD,
        "## In every cache, private or alien\n",
        table(inventory.EVERYWHERE) + "\n",
        "## In a private cache only\n",
        table(inventory.PRIVATE) + "\n",
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page())
