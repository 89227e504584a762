# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs of /cvmfs with every kind of loader, and scripts with every kind of line.

Where we may mount, each run is compared with the same one on a real mount; what is
asserted beside that holds for everybody.
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.differential.conftest import FQRN, PROGRAMS, ROOT, TEMPORARY, World
from tests.differential.namespaces import mounted
from tests.support.keeper import own_directory
from tests.support.places import NUMBERS, need_tool
from tests.support.published import Publisher
from tests.support.run import Runner
from tests.support.web import Server

SOURCES = Path(__file__).parent / "loader"
LOADER = "ld-linux-x86-64.so.2"
MUSL = "ld-musl-x86_64.so.1"
LIBRARIES = ("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0")
DYNAMIC = ("glibc", "origin", "runpath", "musl")
STATIC = ("static", "static_pie", "musl_static", "musl_static_pie")
LONGEST = 255  # of a `#!` line with its newline: BINPRM_BUF_SIZE less one
ADDRESS = re.compile(r"0x[0-9a-f]{8,}")
SYSTEM = ("x86_64-linux-gnu", "x86_64-linux-musl")


def scripts() -> dict[str, bytes]:
    """Each kind of first line that the kernel or a shell decides about."""
    show = f"{ROOT}/bin/static".encode()

    def of_length(length: int, end: bytes) -> bytes:
        line = b"#!" + show + b" "
        return line + b"a" * (length - len(line) - len(end)) + end

    return {
        "plain": b"#!" + show + b"\n",
        "argument": b"#!" + show + b" -x\n",
        "arguments": b"#! \t" + show + b" \t-x -y \t\n",
        "no_newline": b"#!" + show,
        "no_newline_argument": b"#!" + show + b" -x",
        "crlf": b"#!" + show + b"\r\n",
        "crlf_argument": b"#!" + show + b" -x\r\n",
        "crlf_shell": b"#!/bin/sh\r\necho hello\r\n",
        "env": b"#!/usr/bin/env " + show + b"\n",
        "env_script": b"#!/usr/bin/env " + f"{ROOT}/scripts/plain".encode() + b"\n",
        "shell": b"#!/bin/sh\necho $0 $1 $2; echo $#\n",
        "shell_argument": b"#!/bin/sh -e\nfalse; echo not here\n",
        "nested": f"#!{ROOT}/scripts/argument\n".encode(),
        "nested_2": f"#!{ROOT}/scripts/nested -2\n".encode(),
        "nested_3": f"#!{ROOT}/scripts/nested_2\n".encode(),
        "nested_4": f"#!{ROOT}/scripts/nested_3\n".encode(),
        "nested_5": f"#!{ROOT}/scripts/nested_4\n".encode(),
        "not_executable": f"#!{ROOT}/scripts/data\n".encode(),
        "relative": b"#!bin/static\n",
        "only": b"#!",
        "only_blanks": b"#! \t ",
        "no_newline_blanks": b"#!" + show + b" -x  \t",
        "blanks": b"#!   \t \n" + show + b"\n",
        "zero": b"#!" + show + b"\0-x\n",
        "zero_first": b"#!\0" + show + b"\n",
        "end_254": of_length(LONGEST - 1, b"\n"),
        "end_255": of_length(LONGEST, b"\n"),
        "end_256": of_length(LONGEST + 1, b"\n"),
        "end_257": of_length(LONGEST + 2, b"\n"),
        "no_end_256": of_length(LONGEST + 1, b""),
        "long_name": b"#!/" + b"/" * 300 + show + b"\n",
        "text": b"echo a shell runs this $0 $1\n",
        "elf_head": b"\x7fELF",
        "elf_cut": b"\x7fELF\x02\x01\x01" * 20,
        "empty": b"",
        "data": b"no program\n",
    }


def compile_all(tree: Path) -> None:
    """The programs, their libraries and the loaders, as a relocated system has them."""
    for name in ("bin", "lib", "musl", "plugins"):
        (tree / name).mkdir(parents=True)
    libraries = (("lib/libpart.so", "part_name", "the part"),)
    libraries += (("lib/libplugin.so", "plugin_name", "the plugin"),)
    libraries += (("plugins/libpart.so", "part_name", "another part"),)
    libraries += (("plugins/preload.so", "part_name", "the preloaded part"),)
    gcc = need_tool("gcc")
    for path, name, text in libraries:
        words = [gcc, "-shared", "-fPIC", f"-DNAME={name}", f'-DTEXT="{text}"']
        call(*words, SOURCES / "library.c", "-o", tree / path)
    for name in (LOADER, *LIBRARIES):
        found = Path("/lib") / SYSTEM[0] / name
        if found.exists():
            shutil.copy(found.resolve(), tree / "lib" / name)
    main, rpath = SOURCES / "main.c", "-Wl,-rpath,"
    part = ("-L", tree / "lib", "-lpart")
    out = {name: tree / "bin" / name for name in (*DYNAMIC, *STATIC)}
    own = f"-Wl,--dynamic-linker={ROOT}/lib/{LOADER}"
    call(gcc, main, "-o", out["glibc"], own, f"{rpath}{ROOT}/lib", *part)
    call(gcc, main, "-o", out["origin"], f"{rpath}$ORIGIN/../lib", *part)
    more = ("-Wl,--enable-new-dtags", f"{rpath}{ROOT}/lib")
    call(gcc, main, "-o", out["runpath"], *more, *part)
    for name, how in (("own_search", own), ("search", "-static")):
        words = (how, f"{rpath}{ROOT}/lib", "-pthread")
        call(gcc, SOURCES / "search.c", "-o", tree / "bin" / name, *words)
    call(gcc, "-DSTATIC", "-static", main, "-o", out["static"])
    call(gcc, "-DSTATIC", "-static-pie", main, "-o", out["static_pie"])
    compile_musl(tree, out)


def compile_musl(tree: Path, out: dict[str, Path]) -> None:
    musl, main = shutil.which("musl-gcc"), SOURCES / "main.c"
    if not musl:
        return
    shutil.copy(Path("/lib") / MUSL, tree / "musl" / MUSL)
    for name, text in (("part_name", "a part"), ("plugin_name", "a plugin")):
        words = [musl, "-shared", "-fPIC", f"-DNAME={name}", f'-DTEXT="{text}"']
        library = f"lib{name.partition('_')[0]}.so"
        call(*words, SOURCES / "library.c", "-o", tree / "musl" / library)
    own = f"-Wl,--dynamic-linker={ROOT}/musl/{MUSL}"
    part = ("-L", tree / "musl", "-lpart", f"-Wl,-rpath,{ROOT}/musl")
    call(musl, main, "-o", out["musl"], own, *part)
    call(musl, "-DSTATIC", "-static", main, "-o", out["musl_static"])
    pie = ("-DSTATIC", "-static-pie", "-fPIE")
    call(musl, *pie, main, "-o", out["musl_static_pie"])


def call(*words: object) -> None:
    done = subprocess.run(list(map(str, words)), check=False, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The relocated system, published, and mounted where we may."""
    with own_directory("interpose-diff-") as place:
        tree = place / "tree"
        compile_all(tree)
        (tree / "scripts").mkdir()
        for script, text in scripts().items():
            (tree / "scripts" / script).write_bytes(text)
            (tree / "scripts" / script).chmod(0o644 if script == "data" else 0o755)
        shutil.copy(tree / "bin/static", tree / "bin/setuid")
        (tree / "bin/setuid").chmod(0o6755)
        call(need_tool("gcc"), SOURCES / "runner.c", "-o", tree / "bin/runner")
        publisher = Publisher(place)
        publisher.publish(tree, FQRN)
        server = Server(publisher.storage, place / "server")
        server.start()
        enter_program = tree.with_name("enter")
        shared = [PROGRAMS / name for name in ("enter.c", "probe.c", "names.c")]
        call(need_tool("gcc"), "-D_GNU_SOURCE", NUMBERS, *shared, "-o", enter_program)
        with mounted(tree, FQRN, enter_program, TEMPORARY) as enter:
            yield World(place, tree / "bin", publisher, server.url, enter)
        server.stop()


ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}


def both(system: World, run: Runner, *words: str, **variables: str) -> str:
    """What the command prints; as on a mount, where there is one to compare with."""
    command = [
        "/usr/bin/env",
        *(f"{name}={variables[name]}" for name in variables),
        *words,
    ]
    result = run(*command, options=system.options(), env=ENVIRONMENT).ok()
    assert result.messages == []
    ours = result.text + result.stderr.decode()
    if system.enter:
        native = system.native(*command).decode()
        texts = [ADDRESS.sub("0x", one).splitlines() for one in (native, ours)]
        lines = list(difflib.unified_diff(*texts, "mounted", "ours", "", "", 4, ""))
        assert not lines, "\n".join(lines)
    return result.text


def need_musl() -> None:
    need_tool("musl-gcc", "musl-tools")


@pytest.mark.parametrize("name", [*DYNAMIC, *STATIC])
def test_a_program_knows_itself_and_its_libraries(
    system: World, run: Runner, name: str
) -> None:
    if "musl" in name:
        need_musl()
    path = f"{ROOT}/bin/{name}"
    shown = both(system, run, path, "word")
    assert f"comm {name} exe {path}\n" in shown
    assert f"execfn {path}\n" in shown
    assert f"cmdline {path} word\n" in shown
    assert f"mapped {path}\n" in shown
    assert "one file 1\n" in shown
    if name in DYNAMIC:
        home = "musl" if name == "musl" else "lib"
        assert re.search(rf"part is of {ROOT}/\S*{home}/libpart.so\n", shown)
        assert f"mapped {ROOT}/{home}/libpart.so\n" in shown
        assert "plugin there\n" in shown


@pytest.mark.parametrize("name", ["search", "own_search"])
def test_nothing_shows_a_program_where_its_files_are(
    system: World, run: Runner, name: str
) -> None:
    """No path of cache or scratch in any text or link of /proc, nor elsewhere."""
    needles = [str(run.scratch)[::-1], str(run.cache)[::-1], ".interpose-"[::-1]]
    program, file = f"{ROOT}/bin/{name}", f"{ROOT}/lib/libpart.so"
    words = (program, file, f"{ROOT}/lib", *needles)
    result = run(*words, options=system.options(), env=ENVIRONMENT).ok()
    assert result.text == "looked 1 shown 1\n"


def test_a_loader_of_cvmfs_lists_and_runs_what_it_is_told(
    system: World, run: Runner
) -> None:
    loader, library = f"{ROOT}/lib/{LOADER}", f"{ROOT}/lib"
    listed = both(system, run, loader, "--list", f"{ROOT}/bin/glibc")
    listed = re.sub(r" \(0x[0-9a-f]+\)", "", listed)
    assert f"libpart.so => {library}/libpart.so\n" in listed
    assert f"libc.so.6 => {library}/libc.so.6\n" in listed
    words = (loader, "--library-path", library, "--argv0", "other", "/bin/echo", "ran")
    assert both(system, run, *words) == "ran\n"


def test_library_path_and_preload_of_cvmfs_are_used(system: World, run: Runner) -> None:
    program = f"{ROOT}/bin/runpath"
    plain = both(system, run, program)
    assert "part is the part\n" in plain
    led = both(system, run, program, LD_LIBRARY_PATH=f"{ROOT}/plugins")
    assert "part is another part\n" in led
    assert f"part is of {ROOT}/plugins/libpart.so\n" in led
    first = both(system, run, program, LD_PRELOAD=f"{ROOT}/plugins/preload.so")
    assert "part is the preloaded part\n" in first
    # A host program takes them too, and a host program's child.
    host = both(
        system,
        run,
        "/bin/sh",
        "-c",
        "/bin/cat /proc/self/maps | /bin/sed -n 's/.* //p' | /bin/grep cvmfs",
        LD_PRELOAD=f"{ROOT}/plugins/preload.so",
    )
    assert set(host.split()) == {f"{ROOT}/plugins/preload.so"}


def test_set_user_id_of_cvmfs_gives_nothing(system: World, run: Runner) -> None:
    """As on a mount that is nosuid."""
    words = [f"{ROOT}/bin/setuid", "no maps"]
    if os.geteuid() == 0:
        words = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", *words]
    shown = both(system, run, *words)
    uid, gid = (12345, 12345) if os.geteuid() == 0 else (os.getuid(), os.getgid())
    assert f"secure 0 uid {uid} euid {uid} gid {gid} egid {gid}\n" in shown


def test_scripts_start_or_fail_as_on_a_mount(system: World, run: Runner) -> None:
    paths = [f"{ROOT}/scripts/{name}" for name in scripts()]
    shown = both(system, run, f"{ROOT}/bin/runner", *paths)
    parts = dict(part.split("\n", 1) for part in shown.split("== ")[1:])
    seen = {path.rpartition("/")[2]: text for path, text in parts.items()}
    show, script = f"{ROOT}/bin/static", f"{ROOT}/scripts"
    assert f"cmdline {show} -x {script}/argument first second\n" in seen["argument"]
    assert f"cmdline {show} -x -y {script}/arguments first" in seen["arguments"]
    assert f"cmdline {show} {script}/no_newline first" in seen["no_newline"]
    assert f"cmdline {show} -x {script}/argument {script}/nested" in seen["nested"]
    for name in ("crlf", "crlf_shell"):
        assert seen[name].startswith("failed: No such file or directory\n"), name
    for name in ("text", "empty", "blanks", "elf_head", "long_name"):
        assert seen[name].startswith("failed: Exec format error\n"), name
    for name in ("not_executable", "only", "only_blanks", "zero_first"):
        assert seen[name].startswith("failed: Permission denied\n"), name
    assert seen["nested_5"].startswith("failed: Too many levels of symbolic links\n")


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_shell_runs_text_that_the_kernel_refuses(
    system: World, run: Runner, shell: str
) -> None:
    script = f"{ROOT}/scripts/text one; {ROOT}/scripts/empty; echo $?"
    shown = both(system, run, shell, "-c", script)
    assert shown == f"a shell runs this {ROOT}/scripts/text one\n0\n"


def test_the_command_itself_may_be_any_of_them(system: World, run: Runner) -> None:
    options = system.options()
    text = run(f"{ROOT}/scripts/text", "one", options=options).ok().text
    assert text == f"a shell runs this {ROOT}/scripts/text one\n"
    assert run(f"{ROOT}/scripts/nested", options=options).ok().text.startswith("argv")
    assert run(f"{ROOT}/scripts/crlf", options=options).status == 127
    assert run(f"{ROOT}/scripts/data", options=options).status == 126
