# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs of this directory that call one file of native/, under the sanitizers."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
NATIVE = HERE.parents[1] / "native"
SANITIZE = "-fsanitize=address,undefined -fno-sanitize-recover=all".split()


def compiled(place: Path, driver: str, *sources: str) -> Path:
    """DRIVER.c with these files of native/; without sanitizers where there are none."""
    compiler = shlex.split(os.environ.get("CC", "")) or [shutil.which("cc") or "gcc"]
    program = place / driver
    files = [HERE / f"{driver}.c", *(NATIVE / name for name in sources)]
    flags = ["-std=gnu11", "-D_GNU_SOURCE", "-g", f"-I{NATIVE}"]
    for extra in (SANITIZE, []):
        tried = [*compiler, *flags, *files, *extra, "-o", program]
        if subprocess.run(tried, check=False, capture_output=True).returncode == 0:
            return program
    return pytest.fail(f"{driver} does not compile")
