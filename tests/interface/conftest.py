# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of the user's contract."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.places import NUMBERS, need_tool

SOURCES = Path(__file__).with_name("launch_programs")


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory with the C programs of launch_programs/, compiled."""
    directory = tmp_path_factory.mktemp("launch")
    directory.chmod(0o755)
    compiler = need_tool("cc", "gcc")
    for source in SOURCES.glob("*.c"):
        target = directory / source.stem
        command = [compiler, "-std=gnu11", "-O1", NUMBERS, "-o", target, source]
        command += ["-pthread", "-lrt"]  # part of libc since glibc 2.34
        subprocess.run(list(map(str, command)), check=True)
    return directory
