# SPDX-License-Identifier: GPL-2.0-or-later
"""The catalog at a mount point is found without a look at the others."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
NATIVE = HERE.parents[1] / "native"


def test_a_hundred_thousand_nested_catalogs_are_each_found_at_once(
    tmp_path: Path,
) -> None:
    program = tmp_path / "driver"
    files = (HERE / "nestedtable_driver.c", NATIVE / "run/nestedtable.c")
    compiler = shutil.which("cc") or "gcc"
    command = [compiler, "-std=gnu11", "-g", f"-I{NATIVE}", *files, "-o", program]
    subprocess.run(command, check=True)
    done = subprocess.run([program], check=True, capture_output=True, text=True)
    found, wrong, longest = map(int, done.stdout.split())
    assert (found, wrong) == (100_000, 0)
    assert longest < 200
