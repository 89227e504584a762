# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules of the house: floors, sizes, first lines, documents."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

from tests.support import house
from tests.support.places import ROOT

SPDX = "SPDX-License-Identifier: GPL-2.0-or-later"
FILE_LINES = 400
PYTHON_LINES, C_LINES, PARAMETERS, NESTING = 50, 60, 5, 4

# Larger than the house allows, with the reason. The list may only shrink: an entry that
# is no longer needed, or a number that is too high, fails the test.
LARGER_FILES: dict[str, int] = {}
LONGER_FUNCTIONS: dict[str, int] = {}
MORE_PARAMETERS: dict[str, int] = {
    # The contract with Python (interpose.h): flat values, cffi has no better way.
    "native/index/build.c:interpose_builder_add_chunks": 6,
    "native/index/build.c:interpose_builder_add_nested": 6,
    "native/index/write.c:interpose_builder_finish": 6,
    # A text is two parameters, an output is one more.
    "native/index/lookup.c:index_child": 6,
    "native/path/variant.c:variant_expand": 6,
    "native/stub/frame.h:stub_call": 6,  # a number and five arguments
    "native/find/target.c:target_find": 6,
    "native/find/argument.c:target_of_call": 7,
    "native/find/argument.c:target_of_call_in_cvmfs": 7,
    "native/find/argument.c:target_of_call_ours": 7,
}
DEEPER_FUNCTIONS: dict[str, int] = {}

PYTHON_FLOORS = {
    "commands": 5,
    "resolver": 4,
    "publish": 4,
    "report": 4,
    "repository": 3,
    "network": 2,
    "cache": 2,
    "config": 2,
    "formats": 1,
    "errors": 0,
    "latch": 0,
    "messages": 0,
    "courtesy": 0,
    "native": 0,
    "owned": 0,
    "workers": 0,
    "_native": -1,
}
C_FLOORS = {
    "launch": 10,
    "doctor": 9,
    "tracer": 8,
    "syscalls": 7,
    "exec": 6,
    "fast": 6,
    "proc": 6,
    "given": 5,
    "find": 4,
    "stub": 4,
    "shown": 3,
    "bundle": 3,
    "api.c": 3,
    "tracee": 2,
    "run": 2,
    "index": 2,
    "owned": 1,
    "path": 1,
    "arch": 0,
    "cleanup.h": 0,
}
# The half of index/ that answers lookups; all but "mapping" is freestanding.
LOOKUP = (*("lookup", "check", "format", "hash", "checksum", "mapping", "objectname"),)
ANYWHERE = "interpose.h"
# Two rooms of one floor that know each other, and why.
NEIGHBOURS = {
    ("path", "index"): "a walk asks the index for each component",
    ("run", "tracee"): "a trace record names the stopped process",
}
MAY_CATCH_ALL = {
    "interpose/commands/__init__.py",
    "interpose/resolver/__main__.py",  # without memory an import can fail in any way
    "interpose/resolver/program.py",  # the resolver's process has no command above it
    "interpose/resolver/loop.py",
    "interpose/resolver/ahead.py",  # who asks for it is told
    "interpose/resolver/crew.py",  # raised again where the end is awaited
    "interpose/resolver/listing.py",  # raised again where it is waited for
    "interpose/workers.py",  # the same
}


def none(lines: list[str]) -> None:
    """Fail with all lines, one below the other."""
    assert not lines, "\n" + "\n".join(lines)


def room(path: Path) -> str:
    return path.relative_to(ROOT / "interpose").parts[0].removesuffix(".py")


def test_python_imports_point_downwards() -> None:
    wrong = []
    for path in house.sources(".py", below="interpose/"):
        mine = room(path)
        if mine == "__init__":
            continue
        for module in house.imports(path):
            parts = module.split(".")
            if parts[0] != "interpose" or len(parts) < 2 or parts[1] == mine:
                continue
            floor = PYTHON_FLOORS.get(parts[1])
            # The ground floor is one room in a few files.
            if floor is not None and floor >= max(PYTHON_FLOORS[mine], 1):
                wrong.append(f"{house.name(path)} imports {module}")
    none(sorted(set(wrong)))


def test_only_native_imports_the_c_module() -> None:
    users = [
        house.name(path)
        for path in house.sources(".py", below="interpose/")
        if any(module.startswith("interpose._native") for module in house.imports(path))
    ]
    assert set(users) <= {"interpose/native.py", "interpose/owned.py"}


def c_floor(name: str) -> int:
    first, _, file = name.partition("/")
    if first == "index" and Path(file).stem in LOOKUP:
        return 1
    return C_FLOORS[first]


def test_c_includes_point_downwards() -> None:
    wrong = []
    for path in house.sources(".c", ".h", below="native/"):
        mine = str(path.relative_to(ROOT / "native"))
        if mine == ANYWHERE:
            continue
        for other in house.includes(path):
            rooms = (mine.partition("/")[0], other.partition("/")[0])
            if other == ANYWHERE or rooms[0] == rooms[1] or rooms in NEIGHBOURS:
                continue
            if c_floor(other) >= c_floor(mine):
                wrong.append(f"native/{mine} includes {other}")
    none(wrong)


def test_numbers_of_calls_come_from_one_header() -> None:
    """Newer ones are not in every C library's <sys/syscall.h>."""
    numbers = ROOT / "native/arch/numbers.h"
    users = house.sources(".c", ".h", below="native/")
    texts = {path: path.read_text() for path in users if path != numbers}
    wrong = [house.name(p) for p, text in texts.items() if "<sys/syscall.h>" in text]
    calling = [p for p, text in texts.items() if re.search(r"\bSYS_\w", text)]
    assert len(calling) > 5
    none(wrong)


def test_exceptions_are_caught_by_name() -> None:
    wrong = []
    for path in house.sources(".py", below="interpose/"):
        if house.name(path) in MAY_CATCH_ALL:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler) and swallows_all(node):
                wrong.append(f"{house.name(path)}:{node.lineno}")
    none(wrong)


def swallows_all(handler: ast.ExceptHandler) -> bool:
    """Whether any exception ends here; one that is raised on was only looked at."""
    kind = handler.type
    named = kind is not None and getattr(kind, "id", "") not in (
        "Exception",
        "BaseException",
    )
    last = handler.body[-1]
    return not named and not (isinstance(last, ast.Raise) and last.exc is None)


def test_only_commands_and_messages_print() -> None:
    allowed = ("interpose/commands/", "interpose/messages.py")
    wrong = []
    for path in house.sources(".py", below="interpose/"):
        if house.name(path).startswith(allowed):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name) and called.id == "print":
                wrong.append(f"{house.name(path)}:{node.lineno}")
    none(wrong)


def test_only_configuration_and_commands_read_the_environment() -> None:
    allowed = ("interpose/config/", "interpose/commands/")
    wrong = []
    for path in house.sources(".py", below="interpose/"):
        if house.name(path).startswith(allowed):
            continue
        if re.search(r"\bos\.(environ|getenv)", path.read_text()):
            wrong.append(house.name(path))
    none(wrong)


def over(sizes: dict[str, int], limit: int, allowed: dict[str, int]) -> list[str]:
    """What is too large, and entries of the list that have had their day."""
    lines = [
        f"{where}: {size}, allowed {allowed.get(where, limit)}"
        for where, size in sizes.items()
        if size > allowed.get(where, limit)
    ]
    for where, number in allowed.items():
        if sizes.get(where, 0) < number:
            lines.append(f"{where}: lower or remove its exception ({number})")
    return lines


def test_files_are_short() -> None:
    paths = house.sources(".py", ".c", ".h", ".sh")
    sizes = {house.name(p): len(p.read_text().splitlines()) for p in paths}
    none(over(sizes, FILE_LINES, LARGER_FILES))


def functions() -> list[tuple[house.Function, int]]:
    """Every function with the number of lines that its language allows."""
    rows = []
    for path in house.sources(".py"):
        rows += [(one, PYTHON_LINES) for one in house.functions(path)]
    for path in house.sources(".c", ".h"):
        rows += [(one, C_LINES) for one in house.functions(path)]
    return rows


def test_every_function_is_measured(tmp_path: Path, monkeypatch: Any) -> None:
    """Functions of one name in one file are each measured, under keys of their own."""
    keys = [one.where for one, _ in functions()]
    assert len(keys) == len(set(keys))
    monkeypatch.setattr(house, "ROOT", tmp_path)
    python = tmp_path / "a.py"
    python.write_text(
        "class A:\n    def put(self): ...\nclass B:\n    def put(self): ...\n"
        "def put():\n    if 1:\n        def put():\n            pass\n"
    )
    c = tmp_path / "a.c"
    c.write_text(
        "HANDLER(enter_one)\n{\n}\n\nHANDLER(enter_two)\n{\n\tf();\n}\n"
        "\nint twice(int a)\n{\n}\n\nint twice(int a)\n{\n}\n"
    )
    assert [one.where for one in house.functions(python)] == [
        "a.py:A.put",
        "a.py:B.put",
        "a.py:put",
        "a.py:put.put",
    ]
    assert [(one.where, one.lines) for one in house.functions(c)] == [
        ("a.c:enter_one", 3),
        ("a.c:enter_two", 4),
        ("a.c:twice", 3),
        ("a.c:twice#2", 3),
    ]


def test_functions_are_short() -> None:
    found = functions()
    assert len(found) > 100
    lines = []
    for limit in (PYTHON_LINES, C_LINES):
        sizes = {one.where: one.lines for one, most in found if most == limit}
        allowed = {w: n for w, n in LONGER_FUNCTIONS.items() if w in sizes}
        lines += over(sizes, limit, allowed)
    lines += [w for w in LONGER_FUNCTIONS if w not in {one.where for one, _ in found}]
    none(lines)


def test_functions_have_few_parameters() -> None:
    ours = [one for one, _ in functions() if not one.where.startswith("tests/")]
    sizes = {one.where: one.parameters for one in ours}
    none(over(sizes, PARAMETERS, MORE_PARAMETERS))


def test_blocks_are_not_nested_deeply() -> None:
    sizes = {one.where: one.nesting for one, _ in functions()}
    none(over(sizes, NESTING, DEEPER_FUNCTIONS))


def test_every_source_begins_with_its_licence() -> None:
    wrong = []
    for path in house.sources(".py", ".c", ".h", ".sh", ".toml", "Makefile"):
        first = path.read_text().splitlines()[:2]
        if not any(SPDX in line for line in first):
            wrong.append(house.name(path))
    none(wrong)


def test_no_text_names_a_place_of_one_machine() -> None:
    place = re.compile(
        r"(?<![\w.:/])/(?:work|root|Users|opt/pypi|opt/wheels)/[\w.]|\.internal\b"
    )
    wrong = []
    for path in house.sources("", below=""):
        if path.name in ("LICENSE", "test_house.py"):
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        wrong += [f"{house.name(path)}: {m.group()}" for m in place.finditer(text)]
    none(wrong)


def test_comments_cite_what_a_reader_can_open() -> None:
    """Pages of this repository and public ones; no notes that only we have read."""
    note = re.compile(
        r"(?<![\w/-])(?:decisions?|design|style|field)(?:\.md)?,? \d(?!\d* of its)"
        r"|tracer-design|cvmfs-format|client-parameters|(?<!/)(?:decisions|design)\.md"
        r"|interface\.md"
    )
    wrong, cited = [], set()
    for path in house.sources(".py", ".c", ".h", ".sh"):
        if path.name == "test_house.py":
            continue
        text = path.read_text()
        wrong += [f"{house.name(path)}: {m.group()}" for m in note.finditer(text)]
        cited |= set(re.findall(r"docs/format\.md (\d+(?:\.\d+)?)", text))
    none(wrong)
    format_page = (ROOT / "docs/format.md").read_text()
    sections = set(re.findall(r"(?m)^(?:## |- \*\*)(\d+(?:\.\d+)?)\b", format_page))
    assert len(cited) > 10
    assert cited <= sections


def test_every_parameter_is_documented() -> None:
    from interpose.config import parameters

    document = (ROOT / "docs/parameters.md").read_text()
    words = set(re.findall(r"[\w*]+", document))
    none([name for name in parameters.PARAMETERS if name not in words])


def test_every_system_call_is_documented() -> None:
    names = set()
    for table in ("table.c", "table_i386.c"):
        text = (ROOT / "native/syscalls" / table).read_text()
        names |= set(re.findall(r"^\tROW\w*\((\w+),", text, re.MULTILINE))
    assert len(names) > 100
    document = (ROOT / "docs/system-calls.md").read_text()
    assert [one for one in sorted(names) if f"`{one}`" not in document] == []


def test_every_subcommand_has_its_file_and_stands_in_the_readme() -> None:
    from interpose import commands

    files = {path.stem for path in house.sources(".py", below="interpose/commands/")}
    rows = commands.SUBCOMMANDS
    assert {row.module for row in rows if row.module} <= files
    readme = (ROOT / "README.md").read_text()
    shown = [row.name for row in rows if not row.hidden]
    assert [one for one in shown if f"interpose {one}" not in readme] == []


def test_a_source_distribution_has_every_file(tmp_path: Path) -> None:
    """Somebody who unpacks it can run the tests: headers, steps and scripts too."""
    ours = {house.name(path) for path in house.sources("")}
    for name in ours:
        copy = tmp_path / "tree" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy)
    command = [sys.executable, "setup.py", "-q", "sdist", "--dist-dir", tmp_path]
    quiet = {**os.environ, "PYTHONWARNINGS": "ignore"}
    subprocess.run(command, check=True, cwd=tmp_path / "tree", env=quiet)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    none(sorted(ours - names))


def test_every_room_of_native_has_a_readme_of_a_screen() -> None:
    rooms = [path for path in (ROOT / "native").iterdir() if any(path.glob("*.c"))]
    for path in rooms:
        readme = path / "README.md"
        assert readme.is_file(), path.name
        assert len(readme.read_text().splitlines()) <= 50, path.name
        text = readme.read_text()
        left_out = [
            p.name for p in path.glob("*.c") if not re.search(rf"\b{p.name}\b", text)
        ]
        assert left_out == [], path.name
