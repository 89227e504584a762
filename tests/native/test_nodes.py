# SPDX-License-Identifier: GPL-2.0-or-later
"""Inodes that stand for places: each is found until it is forgotten."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.native.drivers import compiled


def test_inodes_that_come_and_go_are_found_while_they_are_there(tmp_path: Path) -> None:
    program = compiled(tmp_path, "nodes_driver", "run/nodes.c", "run/table.c")
    done = subprocess.run([program], check=True, capture_output=True, text=True)
    assert done.stdout == "0 1\n"
