# SPDX-License-Identifier: GPL-2.0-or-later
"""Documents that are made are up to date; the others name only what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support import document, house
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


def test_each_row_about_transparency_names_a_test() -> None:
    text = (ROOT / "docs/transparency.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("|")]
    heads = {"| what | state | test |", "|---|---|---|"}
    rows = [line for line in rows if line not in heads]
    assert len(rows) > 60
    without = [line for line in rows if not re.search(r"`test_\w+`[^|]*\|$", line)]
    assert without == []
    assert [line for line in rows if line.replace("\\|", "").count("|") != 4] == []
