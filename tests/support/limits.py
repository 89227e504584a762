# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands below limits that nothing of theirs may raise."""

from __future__ import annotations

import os

from tests.support.places import need_tool


def without(capabilities: str, script: str) -> tuple[str, ...]:
    """Words before a command that then has not got these, and runs behind `script`."""
    words = ("bash", "-c", f'{script}exec "$@"', "bash")
    if os.geteuid() != 0:
        return words
    return (need_tool("setpriv"), f"--bounding-set={capabilities}", *words)
