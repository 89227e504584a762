# SPDX-License-Identifier: GPL-2.0-or-later
"""The one-file bundle: made once for all workers, and what it leaves in a cache."""

from __future__ import annotations

import fcntl
import subprocess
from pathlib import Path

import pytest

from tests.support.places import ROOT, need_tool

HEADERS = {"zlib.h": "zlib1g-dev", "sha2.h": "libmd-dev"}


def made_bundle() -> Path:
    """dist/interpose_run, made anew where a source is younger."""
    need_tool("make")
    for name, package in HEADERS.items():
        if not Path("/usr/include", name).exists():
            pytest.skip(f"{name} is missing (Debian: {package})")
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build/bundle.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        words = ["make", "-s", "-C", str(ROOT), "bundle"]
        done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "dist/interpose_run"


def unpacked(cache: Path) -> list[Path]:
    """The versions that are there; what else lies beside them is an error."""
    folder = cache / "runtime"
    if not folder.exists():
        return []
    found = sorted(path for path in folder.iterdir() if path.name != "lock")
    assert [path for path in found if len(path.name) != 32] == []
    return found
