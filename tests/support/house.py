# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads the house's own sources for the tests of its rules."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tests.support.places import ROOT

FOLDERS = (
    *("interpose", "native", "tests", "benchmarks", "examples"),
    *(".ci", "docs"),
)
NESTING = (ast.If, ast.For, ast.While, ast.With, ast.Try)


@dataclass(frozen=True)
class Function:
    """One function of ours."""

    where: str
    lines: int
    parameters: int
    nesting: int


def sources(*endings: str, below: str = "") -> list[Path]:
    """Files of ours with one of these endings, as git would commit them."""
    command = ["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(command, check=False, capture_output=True, text=True)
    if listed.returncode == 0:
        files = [ROOT / name for name in listed.stdout.splitlines()]
    else:
        # A copy without .git, as for the unprivileged half of `make test`.
        files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
        files += [path for path in ROOT.iterdir() if path.is_file()]
        files = [path for path in files if "__pycache__" not in path.parts]
        files = [path for path in files if not path.name.startswith("_native.")]
        files = [path for path in files if path.name != "_native.c"]
    chosen = [path for path in files if path.is_file() and path.name.endswith(endings)]
    return sorted(path for path in chosen if str(path).startswith(str(ROOT / below)))


def name(path: Path) -> str:
    """Relative to the checkout."""
    return str(path.relative_to(ROOT))


def functions(path: Path) -> list[Function]:
    """All functions of a file, each under a key of its own.

    Where one name stands twice (`#if`, overloads), the later ones are `name#2`, ...
    """
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        found = list(_python_functions(name(path), ast.parse(text)))
    else:
        found = list(_c_functions(name(path), text.splitlines()))
    seen: dict[str, int] = {}
    for at, one in enumerate(found):
        seen[one.where] = count = seen.get(one.where, 0) + 1
        if count > 1:
            found[at] = replace(one, where=f"{one.where}#{count}")
    return found


def _python_functions(prefix: str, tree: ast.AST) -> Iterator[Function]:
    """Functions and methods, nested ones too, as FILE:CLASS.METHOD."""
    for node in ast.iter_child_nodes(tree):
        is_function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        if not is_function and not isinstance(node, ast.ClassDef):
            yield from _python_functions(prefix, node)
            continue
        where = f"{prefix}{'.' if ':' in prefix else ':'}{node.name}"
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            spec = node.args
            names = [one.arg for one in (*spec.posonlyargs, *spec.args)]
            count = len([one for one in names if one not in ("self", "cls")])
            assert node.end_lineno is not None
            lines = node.end_lineno - node.lineno + 1
            yield Function(where, lines, count + len(spec.kwonlyargs), depth(node))
        yield from _python_functions(where, node)


def depth(node: ast.AST) -> int:
    """How deep blocks stand in one another; elif counts as its if."""
    deepest = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        below = depth(child)
        chained = isinstance(node, ast.If) and child in node.orelse
        if isinstance(child, NESTING) and not (chained and len(node.orelse) == 1):
            below += 1
        deepest = max(deepest, below)
    return deepest


def _c_functions(prefix: str, lines: list[str]) -> Iterator[Function]:
    """Functions of kernel layout: `{` and `}` alone at the start of a line.

    One that a macro declares, HANDLER(enter_open), is called by the macro's argument.
    """
    start: int | None = None
    for at, line in enumerate(lines):
        if line == "{":
            start = at
        elif line == "}" and start is not None:
            head = _signature(lines, start)
            text = " ".join(lines[head:start])
            found = re.search(r"(\w+)\(([^()]*(?:\([^()]*\)[^()]*)*)\)\s*$", text)
            if found:
                words = found.group(2).strip()
                count = 0 if words in ("", "void") else words.count(",") + 1
                body = lines[start + 1 : at]
                deepest = max((_tabs(row) - 1 for row in body), default=0)
                declared = found.group(1).isupper()
                called = words if declared else found.group(1)
                size = at - head + 1
                count = 0 if declared else count
                yield Function(f"{prefix}:{called}", size, count, deepest)
            start = None


def _signature(lines: list[str], start: int) -> int:
    """First line of the signature that ends before line `start`."""
    head = start
    while head and lines[head - 1].strip() and lines[head - 1] != "}":
        if lines[head - 1].endswith((";", "*/")) or lines[head - 1].startswith("#"):
            break
        head -= 1
    return head


def _tabs(line: str) -> int:
    """Blocks around a line that opens one; other lines may be continued ones."""
    if not line.rstrip().endswith("{"):
        return 0
    return len(line) - len(line.lstrip("\t")) + 1


def imports(path: Path) -> Iterator[str]:
    """Modules that a Python file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def includes(path: Path) -> Iterator[str]:
    """Headers of ours that a C file includes."""
    yield from re.findall(
        r'^#include "([^"]+)"', path.read_text(encoding="utf-8"), re.MULTILINE
    )
