# SPDX-License-Identifier: GPL-2.0-or-later
"""Errands of native/run/errands.c: what never ends keeps nobody else."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
NATIVE = HERE.parents[1] / "native"


def test_an_errand_without_end_keeps_no_other(tmp_path: Path) -> None:
    program = tmp_path / "driver"
    run = NATIVE / "run"
    files = (HERE / "errands_driver.c", run / "errands.c", run / "thread.c")
    flags = ("-std=gnu11", "-D_GNU_SOURCE", "-g", f"-I{NATIVE}", "-pthread")
    compiler = shutil.which("cc") or "gcc"
    subprocess.run([compiler, *flags, *files, "-o", program], check=True)
    done = subprocess.run([program], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "200\n"), done
