# SPDX-License-Identifier: GPL-2.0-or-later
"""Documents that are made are up to date; the others name only what exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.support import cachepage, document, house
from tests.support.places import ROOT

LINES = 200
FENCES = re.MULTILINE | re.DOTALL
ENDINGS = (".c", ".h", ".py", ".md", ".sh", ".toml")
DOCUMENTS = [
    path
    for path in house.sources(".md")
    if path.name not in ("CHANGELOG.md", "LICENSE")
]


def named(path: Path) -> set[str]:
    """What stands in backquotes in a document, fenced blocks left out."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=FENCES)
    return set(re.findall(r"`([^`\n]+)`", text))


def test_the_page_of_system_calls_is_made_from_the_table() -> None:
    assert (ROOT / "docs/system-calls.md").read_text() == document.document(), (
        "python -m tests.support.document > docs/system-calls.md"
    )


def test_the_page_of_a_cache_is_made_from_the_table() -> None:
    assert (ROOT / "docs/cache.md").read_text() == cachepage.page(), (
        "python -m tests.support.cachepage > docs/cache.md"
    )


@pytest.mark.parametrize("path", DOCUMENTS, ids=house.name)
def test_a_document_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LINES


@pytest.mark.parametrize("path", DOCUMENTS, ids=house.name)
def test_files_that_a_document_names_exist(path: Path) -> None:
    words = {word.partition(":")[0].split("(")[0] for word in named(path)}
    files = [one for one in words if re.fullmatch(r"[\w./-]+", one) and "/" in one]
    tops = {"native", "interpose", "tests", "docs", "examples", "benchmarks"}
    wanted = [f for f in files if f.split("/")[0] in tops and f.endswith(ENDINGS)]
    assert [one for one in wanted if not (ROOT / one).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=house.name)
def test_links_of_a_document_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text())
    assert [one for one in links if not (path.parent / one).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=house.name)
def test_tests_that_a_document_names_exist(path: Path) -> None:
    words = {word for word in named(path) if re.fullmatch(r"test_\w+", word)}
    tests = "\n".join(p.read_text() for p in house.sources(".py", below="tests/"))
    assert [w for w in sorted(words) if f"def {w}(" not in tests] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=house.name)
def test_functions_that_a_document_names_exist(path: Path) -> None:
    """`function()` in backquotes is one of ours, in C or in Python."""
    words = {w for w in named(path) if re.fullmatch(r"[a-z]\w+_\w+\(\)", w)}
    sources = "\n".join(p.read_text() for p in house.sources(".c", ".h", ".py"))
    assert [w for w in sorted(words) if not re.search(rf"\b{w[:-2]}\(", sources)] == []


def table_rows(path: Path) -> list[list[str]]:
    """The cells of all rows of a document's tables, which end with the tests."""
    lines = [line for line in path.read_text().splitlines() if line.startswith("|")]
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    rows = [[cell.strip() for cell in row] for row in cells]
    rules = [at for at, row in enumerate(rows) if set("".join(row)) == {"-"}]
    heads = [rows[at - 1] for at in rules]
    assert [head for head in heads if len(head) != 3 or head[-1] != "test"] == []
    left = {at - 1 for at in rules} | set(rules)
    return [row for at, row in enumerate(rows) if at not in left]


@pytest.mark.parametrize("name", ["compatibility", "transparency"])
def test_each_row_names_the_tests_that_hold_it(name: str) -> None:
    """Or says "the same" below a row that does."""
    rows = table_rows(ROOT / f"docs/{name}.md")
    assert len(rows) > 60
    assert [row for row in rows if len(row) != 3 or not all(row)] == []
    named = r"`test_\w+`(, `test_\w+`)*"
    assert re.fullmatch(named, rows[0][-1])
    wrong = [row for row in rows if not re.fullmatch(f"{named}|the same", row[-1])]
    assert wrong == []


@pytest.mark.parametrize("name", ["compatibility", "transparency"])
def test_the_tests_of_a_row_are_functions_that_pytest_collects(name: str) -> None:
    collected = {
        node.name
        for path in house.sources(".py", below="tests/")
        if path.name.startswith("test_")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    }
    rows = table_rows(ROOT / f"docs/{name}.md")
    words = [word for row in rows for word in re.findall(r"`(test_\w+)`", row[-1])]
    assert len(words) > 60
    assert sorted(set(words) - collected) == []
