# SPDX-License-Identifier: GPL-2.0-or-later
"""One table row, one handler, one test a call."""

from __future__ import annotations

import re
from pathlib import Path

from tests.differential.conftest import I386_PROGRAMS, PROGRAMS
from tests.support.places import ROOT

ROW = re.compile(r"^\tROW\w*\((\w+), (enter_\w+)", re.MULTILINE)
COVERS = re.compile(r"\bcovers: ([\w ]+)")


def rows(table: str) -> set[str]:
    """The calls of one table."""
    text = (ROOT / "native/syscalls" / table).read_text(encoding="utf-8")
    return {call for call, _ in ROW.findall(text)}


def covered(*folders: Path) -> set[str]:
    """The calls that programs there say to cover."""
    found: set[str] = set()
    for folder in folders:
        for program in folder.glob("*.c"):
            for names in COVERS.findall(program.read_text(encoding="utf-8")):
                found |= set(names.split())
    return found


def test_every_row_of_the_table_is_called_by_a_program_here() -> None:
    calls = rows("table.c")
    assert len(calls) > 80
    assert calls - covered(PROGRAMS) == set(), "without a program that says `covers:`"


def test_every_row_of_i386_is_called_by_a_program_here() -> None:
    calls = rows("table_i386.c")
    assert len(calls) > 100
    assert calls - covered(PROGRAMS, I386_PROGRAMS) == set()


def test_what_a_program_covers_it_calls() -> None:
    missing = []
    for program in (*PROGRAMS.glob("*.c"), *I386_PROGRAMS.glob("*.c")):
        text = program.read_text(encoding="utf-8")
        body = text[text.index("#include") :].lower()
        for names in COVERS.findall(text):
            missing += [
                f"{program.name}: {name}"
                for name in names.split()
                if not re.search(rf"\b(call\({name}|{name}|f?{name}|nr_{name})\b", body)
            ]
    assert missing == []
