# SPDX-License-Identifier: GPL-2.0-or-later
"""One table row, one handler, one test a call."""

from __future__ import annotations

import re

from tests.differential.conftest import PROGRAMS
from tests.support.places import ROOT

ROW = re.compile(r"^\tROW(?:_IF)?\((\w+), (enter_\w+)", re.MULTILINE)
COVERS = re.compile(r"\bcovers: ([\w ]+)")


def test_every_row_of_the_table_is_called_by_a_program_here() -> None:
    table = (ROOT / "native/syscalls/table.c").read_text(encoding="utf-8")
    rows = {call for call, _ in ROW.findall(table)}
    assert len(rows) > 80
    covered: set[str] = set()
    for program in PROGRAMS.glob("*.c"):
        for names in COVERS.findall(program.read_text(encoding="utf-8")):
            covered |= set(names.split())
    assert rows - covered == set(), "calls without a program that says `covers:`"


def test_what_a_program_covers_it_calls() -> None:
    missing = []
    for program in PROGRAMS.glob("*.c"):
        text = program.read_text(encoding="utf-8")
        body = text[text.index("#include") :].lower()
        for names in COVERS.findall(text):
            missing += [
                f"{program.name}: {name}"
                for name in names.split()
                if not re.search(rf"\b(call\({name}|{name}|f?{name}|nr_{name})\b", body)
            ]
    assert missing == []
