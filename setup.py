# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds what pyproject.toml cannot say: the C module and the program `interpose_run`.

`interpose_run` is an ELF file; `interpose` and `interpose_parrot_run` are the same one
under other names. setuptools installs "scripts" into bin/ of the environment; the step
that would edit a script's first line compiles the program instead: that works for
wheels, virtual environments and editable installs alike.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import Distribution, setup

ROOT = Path(__file__).resolve().parent
NATIVE = ROOT / "native"
MACHINES = ("x86_64", "aarch64")
# The stub runs in the job's processes: no library, no relocation, no register but the
# general ones, and %r15 is its own.
STUB_FLAGS = (
    "-std=gnu11 -O2 -D_GNU_SOURCE -Wall -Wextra -fvisibility=hidden -ffreestanding"
    " -fPIC -mgeneral-regs-only -ffixed-r15 -fno-jump-tables -fno-stack-protector"
    " -fno-strict-aliasing -fno-tree-loop-distribute-patterns -fcf-protection=none"
    " -fno-sanitize=all -fno-lto -fbuiltin -ffunction-sections"
    # A few words are cleared faster one by one than by an instruction that repeats.
    " -mmemset-strategy=unrolled_loop:256:noalign,rep_8byte:-1:noalign"
).split()
# What it shares with the tracer, from one source: walk, index, what is shown.
STUB_SHARES = (
    "index/check.c index/checksum.c index/lookup.c index/objectname.c owned/seal.c"
    " path/prefix.c path/text.c path/variant.c path/walk.c shown/dirent.c"
    " shown/entry.c shown/list.c shown/statx.c"
).split()
# Of all its names the program sees these.
STUB_NAMES = "stub_section stub_entry stub_framed stub_loader stub_loader_end".split()
# Never -Werror here: a newer compiler's new warning must not break an install.
CFLAGS = (
    "-std=gnu11 -O2 -D_GNU_SOURCE -Wall -Wextra -fvisibility=hidden"
    " -fstack-protector-strong -pthread"
).split()


def program_sources(machine: str, *, bundle: bool = False) -> list[Path]:
    """All C files of interpose_run for `machine` (as uname -m says it).

    `bundle`: with what unpacks the Python behind it; names.c is that one's own.
    """
    others = {name for name in MACHINES if name != machine}
    found = sorted(NATIVE.glob("**/*.c"))
    return [
        path
        for path in found
        if path != NATIVE / "api.c"
        and "stub" not in path.relative_to(NATIVE).parts
        and not (path.parent == NATIVE / "arch" and path.stem in others)
        and (path.parent != NATIVE / "bundle" or (bundle and path.stem != "names"))
    ]


def compile_program(objects: Path, program: Path, *, bundle: bool = False) -> None:
    """Compile what is out of date and link `program`.

    Errors: SystemExit with one line when the machine is unknown or a compiler fails.
    """
    machine = platform.machine()
    if machine not in MACHINES:
        raise SystemExit(f"interpose_run: no support for {machine} processors yet")
    compiler = shlex.split(os.environ.get("CC", "")) or [_default_compiler()]
    objects.mkdir(parents=True, exist_ok=True)
    headers = max((path.stat().st_mtime for path in NATIVE.glob("**/*.h")), default=0.0)
    newest = max(headers, Path(__file__).stat().st_mtime)

    def build(source: Path) -> Path:
        name = "-".join(source.relative_to(NATIVE).with_suffix(".o").parts)
        target = objects / name
        changed = max(newest, source.stat().st_mtime)
        if not target.exists() or target.stat().st_mtime < changed:
            _run([*compiler, *CFLAGS, f"-I{NATIVE}", "-c", str(source), "-o", target])
        return target

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        inputs = list(pool.map(build, program_sources(machine, bundle=bundle)))
    inputs += compile_stub(compiler, objects, machine, newest)
    command = [*compiler, *shlex.split(os.environ.get("LDFLAGS", ""))]
    _link(command, [*inputs, *(("-lz", "-lmd") if bundle else ())], program)


def compile_stub(
    compiler: list[str], objects: Path, machine: str, newest: float
) -> list[Path]:
    """Compile the stub into one object file with one section; [] where that cannot be.

    The program then links without it, and stops at each call.
    """
    sources = sorted(NATIVE.glob("stub/*.[cS]"))
    sources += [NATIVE / name for name in STUB_SHARES]
    target = objects / "stub.o"
    if machine != "x86_64":
        return []
    script = NATIVE / "stub/section.lds"
    changed = max(newest, *(path.stat().st_mtime for path in [*sources, script]))
    if target.exists() and target.stat().st_mtime >= changed:
        return [target]
    parts = [
        objects / f"stub-{path.parent.name}-{path.stem}.part.o" for path in sources
    ]
    commands: list[list[object]] = [
        [*compiler, *STUB_FLAGS, f"-I{NATIVE}", "-c", source, "-o", part]
        for source, part in zip(sources, parts)
    ]
    whole = objects / "stub-whole.o"
    options = ["-nostdlib", f"-Wl,-T,{script},--gc-sections,-e,stub_entry"]
    joined = [*compiler, "-r", *options, *parts, "-o", whole]
    hidden = ["objcopy", *(f"-G{name}" for name in STUB_NAMES), whole, target]
    for command in [*commands, joined, hidden]:
        if subprocess.run([str(word) for word in command], check=False).returncode:
            print("interpose_run: without the fast path, which this compiler refuses")
            return []
    return [target]


def _link(compiler: list[str], inputs: list[object], program: Path) -> None:
    """Link statically; dynamically where the static C library is not installed.

    Static, because LD_PRELOAD and LD_LIBRARY_PATH of a job must not reach the program.
    """
    program.parent.mkdir(parents=True, exist_ok=True)
    fresh = program.with_name(program.name + ".new")
    command = [*compiler, "-pthread", *inputs, "-o", fresh]
    if "-lz" in inputs:
        _run([*command, "-static"])  # the bundle needs nothing of the host
    elif subprocess.run([*map(str, command), "-static"], check=False).returncode != 0:
        print("interpose_run: no static C library, linking dynamically")
        _run(command)
    # A running interpose_run keeps its file: replaced, not overwritten (ETXTBSY).
    fresh.replace(program)


def _run(command: list[object]) -> None:
    words = [str(word) for word in command]
    if subprocess.run(words, check=False).returncode != 0:
        raise SystemExit(f"failed: {shlex.join(words)}")


def _default_compiler() -> str:
    for name in ("cc", "gcc", "clang"):
        if shutil.which(name):
            return name
    raise SystemExit("interpose_run: no C compiler (on Debian: apt install gcc)")


# Asked for by name: since Python 3.12 only setuptools knows where the class is.
BuildScripts = Distribution().get_command_class("build_scripts")


class BuildProgram(BuildScripts):  # type: ignore[misc,valid-type]
    """Puts the compiled program where setuptools expects the scripts."""

    def run(self) -> None:
        """Compile `interpose_run` into the build directory, and give it its names."""
        objects = ROOT / "build" / f"program-{platform.machine()}"
        program = Path(self.build_dir) / "interpose_run"
        compile_program(objects, program)
        for name in ("interpose", "interpose_parrot_run"):
            shutil.copy2(program, program.with_name(name))

    def get_source_files(self) -> list[str]:
        """Name the C sources, for source distributions."""
        return [str(path.relative_to(ROOT)) for path in sorted(NATIVE.glob("**/*.c"))]


def shared_files() -> list[tuple[str, list[str]]]:
    """Man pages and completions, which the checkout has made: folder and its files."""
    folders: dict[str, list[str]] = {}
    for path in sorted((ROOT / "docs/share").glob("**/*")):
        if path.is_file():
            folder = path.parent.relative_to(ROOT / "docs")
            folders.setdefault(str(folder), []).append(str(path.relative_to(ROOT)))
    return list(folders.items())


if __name__ == "__main__":
    # cffi opens the builder's path relative to the working directory.
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    setup(
        scripts=["interpose_run", "interpose", "interpose_parrot_run"],
        data_files=shared_files(),
        cffi_modules=["native/build_ffi.py:ffibuilder"],
        cmdclass={"build_scripts": BuildProgram},
    )
