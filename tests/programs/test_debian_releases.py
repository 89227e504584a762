# SPDX-License-Identifier: GPL-2.0-or-later
"""The first steps on a fresh machine of each Debian release: all of README's work."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.release import Release

INSTALL = """
python3 -m venv /fresh && /fresh/bin/pip install -q . && cd / &&
/fresh/bin/interpose_run true && /fresh/bin/interpose --version
"""
ROOMS = "tests/unit tests/native tests/interface tests/faults/test_fast_board.py"
TESTS = f"""
tests/support/install-packages.sh && make -s tools &&
.venv/bin/python -m pytest -q --tb=short -n 3 {ROOMS}
"""


@pytest.mark.long
@pytest.mark.parametrize("suite", ["bullseye", "bookworm", "trixie"])
def test_a_fresh_machine_builds_shows_and_tests_itself(place: Path, suite: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("debootstrap needs root")
    tree = place / suite
    release = Release(tree, suite)
    try:
        for command in ("make demo", INSTALL, TESTS):
            release.run(command)
    finally:
        shutil.rmtree(tree, ignore_errors=True)
