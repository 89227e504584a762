# SPDX-License-Identifier: GPL-2.0-or-later
"""The stub runs in other people's processes: what it may not need, checked as built."""

from __future__ import annotations

import importlib.util
import platform
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.places import ROOT

STUB = ROOT / "native/stub"
CODE, TRAMPOLINES = 40960, 8192
# A thread may have little stack (Go, small alternate ones): in all of one call.
STACK = 2048
FRAME = 128 + 14 * 8 + 16

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the stub is x86_64's"
)


def recipe() -> ModuleType:
    """setup.py, for its flags and the way that it joins the files."""
    spec = importlib.util.spec_from_file_location("recipe", ROOT / "setup.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def output(*words: object) -> str:
    return subprocess.run(
        list(map(str, words)), check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stub as one object file, with a .su file beside each part."""
    folder = tmp_path_factory.mktemp("stub")
    compiler = [shutil.which("cc") or "gcc", "-fstack-usage"]
    (made,) = recipe().compile_stub(compiler, folder, "x86_64", 0.0)
    return Path(made)


def test_all_of_it_is_one_section_that_nobody_writes(joined: Path) -> None:
    kept = {}
    for line in output("readelf", "-SW", joined).splitlines():
        words = line.partition("] ")[2].split()
        if len(words) > 6 and "A" in words[6] and int(words[4], 16):
            kept[words[0]] = int(words[4], 16), words[6]
    del kept[".eh_frame"]
    assert kept == {"interpose_stub": (CODE + TRAMPOLINES, "AX")}


def test_it_needs_nothing_from_outside(joined: Path, tmp_path: Path) -> None:
    # Older assemblers name the table that nothing uses.
    assert {*output("nm", "-u", joined).split()} <= {"U", "_GLOBAL_OFFSET_TABLE_"}
    # A table of addresses would be elsewhere.
    assert "GOT" not in output("readelf", "-rW", joined)
    # Linked at any address it is the same bytes: no relocation is left.
    texts = []
    for address in ("0x10000", "0x20000000"):
        program = tmp_path / address
        output("ld", f"--section-start=interpose_stub={address}", joined, "-o", program)
        assert "no relocations" in output("readelf", "-r", program)
        output(
            "objcopy", "-O", "binary", "-j", "interpose_stub", program, tmp_path / "x"
        )
        texts.append((tmp_path / "x").read_bytes())
    assert texts[0] == texts[1]


def test_it_uses_general_registers_alone(joined: Path) -> None:
    code = output("objdump", "-d", "--no-show-raw-insn", joined)
    assert "<stub_main>" in code
    assert not re.findall(r"%(?:[xyz]mm|mm|st|k)\d", code)
    # Its own register is set at the entry, and by nobody else.
    body = code[code.index("<stub_main>:") :]
    assert not re.search(r"(?:,|pop\s+)%r15", body)


# What a walk calls by a pointer, and what the text of a link does.
WORLD = set(re.findall(r"ret_world->\w+ = (\w+);", (STUB / "world.c").read_text()))
WORLD -= {"NULL"}
VALUES = {"variable_value"}


def calls_of(code: str) -> dict[str, set[str]]:
    """Which function calls which, tail calls and those by pointers included."""
    found: dict[str, set[str]] = {}
    for name, body in re.findall(r"<([\w.]+)>:\n((?:.+\n)+)", code):
        targets = set(re.findall(r"(?:call|jmp)q?\s+\w+ <([\w.]+)>", body))
        if re.search(r"callq?\s+\*", body):
            targets |= VALUES if name == "variant_expand" else WORLD
        found[name] = targets - {name}
    return found


def stack_of(function: str, program: Path) -> int:
    """The bytes of stack that it needs, with all that it calls by name.

    program: linked, so that calls from file to file are seen; .su files lie beside it.
    """
    frames: dict[str, int] = {}
    for part in program.parent.glob("*.su"):
        for name, size in re.findall(r":(\w[\w.]*)\t(\d+)\t", part.read_text()):
            frames[name] = int(size)
    calls = calls_of(output("objdump", "-d", program))

    def depth(name: str, above: tuple[str, ...] = ()) -> int:
        assert name not in above, f"{name} calls itself"
        deeper = [depth(one, (*above, name)) for one in calls.get(name, ())]
        return 8 + frames.get(name, 0) + max(deeper, default=0)

    assert calls[function]
    assert function in frames
    return depth(function)


def test_it_needs_little_stack(joined: Path) -> None:
    program = joined.with_name("linked")
    output("ld", "--section-start=interpose_stub=0x10000", joined, "-o", program)
    calls = calls_of(output("objdump", "-d", program))
    assert "host_answer" in calls["stub_main"]
    assert "catalog" in calls["place_parent"]
    assert FRAME + stack_of("stub_main", program) <= STACK


def test_a_stub_that_has_grown_out_of_its_pages_is_not_linked(tmp_path: Path) -> None:
    part = tmp_path / "large.o"
    source = tmp_path / "large.c"
    source.write_text(f'__asm__(".text\\n.skip {CODE}\\n.byte 0\\n");')
    output("cc", "-c", source, "-o", part)
    done = subprocess.run(
        [
            "cc",
            "-r",
            "-nostdlib",
            f"-Wl,-T,{STUB}/section.lds",
            part,
            "-o",
            tmp_path / "o",
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "the stub has grown out of its pages" in done.stderr
