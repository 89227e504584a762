# SPDX-License-Identifier: GPL-2.0-or-later
"""What importing this room costs and may touch."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import interpose.formats

SOURCES = sorted(Path(interpose.formats.__file__).parent.glob("*.py"))
HEAVY = {"sqlite3", "cryptography", "Crypto", "requests"}
IO = {"socket", "time", "subprocess", "shutil", "tempfile", "pathlib"}
MAY_OPEN = {"sqlite_file.py", "sqlite_writer.py"}


def _imported(nodes: list[ast.stmt]) -> set[str]:
    """Packages that are imported by `nodes` themselves."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_heavy_modules_are_imported_on_first_need(source: Path) -> None:
    tree = ast.parse(source.read_text())
    assert not _imported(tree.body) & (HEAVY | IO)
    if source.name not in MAY_OPEN:
        assert "os" not in _imported(tree.body)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_the_room_reads_no_clock_and_opens_no_file(source: Path) -> None:
    tree = ast.parse(source.read_text())
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, (ast.Attribute, ast.Name))
    }
    assert not called & {"now", "utcnow", "today", "time", "print"}
    if source.name not in MAY_OPEN:
        assert "open" not in called
