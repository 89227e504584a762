# SPDX-License-Identifier: GPL-2.0-or-later
"""`interpose_run` with the compiler's checks, in a directory that serves as .venv/bin.

`python -m tests.support.sanitized KIND DIRECTORY`, KIND being `undefined` or
`address,undefined`; then INTERPOSE_RUN=DIRECTORY/interpose_run for the tests.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.places import ROOT

# What is found ends the tracer, with a line that names the place.
FLAGS = "-fno-sanitize-recover=all -fno-omit-frame-pointer -g"
BUILD = """
import pathlib, sys, setup
setup.compile_program(*map(pathlib.Path, sys.argv[1:]))
"""
# No leaks: at its end nothing is freed on purpose, and looking for them takes ptrace.
OPTIONS = """
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);
__attribute__((visibility("default"))) const char *__asan_default_options(void)
{ return "detect_leaks=0:abort_on_error=1"; }
__attribute__((visibility("default"))) const char *__ubsan_default_options(void)
{ return "print_stacktrace=1:abort_on_error=1"; }
"""


def build(kind: str, directory: Path) -> Path:
    """Path of the program with the checks of `kind`, made in `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    program = directory / "interpose_run"
    options = directory / "options.c"
    options.write_text(OPTIONS)
    subprocess.run(
        ["cc", "-O1", "-c", options, "-o", options.with_suffix(".o")], check=True
    )
    env = {
        **os.environ,
        "CC": f"cc -fsanitize={kind} {FLAGS}",
        "LDFLAGS": str(options.with_suffix(".o")),
    }
    words = [sys.executable, "-c", BUILD, directory / "objects", program]
    subprocess.run(list(map(str, words)), check=True, cwd=ROOT, env=env)
    for name in ("interpose", "interpose_parrot_run"):
        shutil.copy(program, directory / name)
    # The resolver's interpreter is looked for beside the program.
    python = directory / "python3"
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    return program


if __name__ == "__main__":
    print(build(sys.argv[1], Path(sys.argv[2]).resolve()))
