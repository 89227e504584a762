# SPDX-License-Identifier: GPL-2.0-or-later
"""A parameter that belongs to what interpose does is read by some code of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from interpose.config.parameters import PARAMETERS
from tests.support.places import ROOT

# Read by the files of the configuration repository, which see all parameters.
SHELL_VARIABLES = {
    "CVMFS_CONFIG_REPO_DEFAULT_ENV",
    "CVMFS_CLIENT_PROFILE",
    "CVMFS_USE_CDN",
}
# Built of two halves in interpose/config/derived.py: an instance has a name of its own.
OF_INSTANCES = {"CVMFS_CACHE_ALIEN", "CVMFS_CACHE_SHARED", "CVMFS_CACHE_QUOTA_LIMIT"}
# Weight A or B, and nothing reads them yet. The list may only shrink.
OPEN: dict[str, str] = {}


def literals(path: Path) -> Iterator[str]:
    """Texts in the code of a file; what only explains it does not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documents = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in documents:
            yield node.value


def read_names() -> set[str]:
    table = ROOT / "interpose/config/table.py"
    files = [path for path in (ROOT / "interpose").rglob("*.py") if path != table]
    return {text for path in files for text in literals(path)}


def test_every_parameter_that_should_act_is_read() -> None:
    rows = [row.name for row in PARAMETERS.values() if row.weight in ("A", "B")]
    known = read_names() | SHELL_VARIABLES | OF_INSTANCES
    unread = {name for name in rows if name not in known}
    assert unread == set(OPEN), "see docs/adding-a-parameter.md: weight C, or an effect"


def test_exceptions_are_rows_of_the_table() -> None:
    for name in [*SHELL_VARIABLES, *OF_INSTANCES, *OPEN]:
        assert PARAMETERS[name].weight in ("A", "B")
