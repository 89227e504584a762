# SPDX-License-Identifier: GPL-2.0-or-later
"""The builder of the C module `interpose._native`, which setup.py names.

Run as a program it compiles the module into the source tree (for tests).
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from cffi import FFI

MODULE = "interpose._native"
ROOMS = ("index", "owned", "path")
# Never -Werror here: a newer compiler's new warning must not break an install.
CFLAGS = "-std=gnu11 -O2 -Wall -Wextra -fvisibility=hidden -fstack-protector-strong"
# cffi's own generated code has parameters that it does not use.
QUIET = "-Wno-unused-parameter -Wno-missing-field-initializers"


def declarations(header: Path) -> str:
    """What cffi is to know: `header` without its preprocessor lines."""
    lines = header.read_text(encoding="ascii").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("#"))


def sources(native: Path) -> list[Path]:
    """All C files of the module below the folder `native`."""
    rooms = [path for room in ROOMS for path in native.glob(f"{room}/*.c")]
    return [native / "api.c", *sorted(rooms)]


def builder(native: Path) -> FFI:
    """The builder of the module from the sources in `native`."""
    ffi = FFI()
    ffi.cdef(declarations(native / "interpose.h"))
    ffi.set_source(
        MODULE,
        '#include "interpose.h"\n',
        sources=[str(path) for path in sources(native)],
        include_dirs=[str(native)],
        depends=[str(path) for path in sorted(native.glob("*/*.h"))],
        extra_compile_args=f"{CFLAGS} {QUIET}".split(),
    )
    return ffi


def build_in_place(root: Path) -> Path:
    """Compile the module into `root`/interpose and return its path."""
    native = root / "native"
    with tempfile.TemporaryDirectory() as scratch:
        built = Path(builder(native).compile(tmpdir=scratch))
        # The name that an installation gives it, so that no stale one hides it.
        suffix = ".abi3.so" if ".abi3.so" in EXTENSION_SUFFIXES else built.suffix
        target = root / "interpose" / f"_native{suffix}"
        # Others may run the old one: replaced, never overwritten.
        fresh = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.copyfile(built, fresh)
        fresh.replace(target)
    return target


# Relative, as setuptools asks for; setup.py runs in the root of the sources.
if __name__ != "__main__":
    ffibuilder = builder(Path(os.path.relpath(Path(__file__).parent)))
else:
    print(build_in_place(Path(__file__).resolve().parent.parent))
    sys.exit(0)
