# SPDX-License-Identifier: GPL-2.0-or-later
"""64-bit ARM: what programs of all kinds see, traced, beside a real mount."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.arm64 import boot

TESTS = (
    ".venv/bin/python -m pytest -q --tb=short -n 2 -p no:hypothesispytest"
    " tests/differential; echo status $?"
)


@pytest.mark.long
def test_on_64_bit_arm_all_is_as_on_a_mount(
    place: Path, record_property: Callable[[str, object], None]
) -> None:
    try:
        found, said = boot(place, TESTS)
        lines = [line for line in said.splitlines() if " passed" in line]
        record_property("summary", f"{found}: {lines[-1:]}")
        assert "status 0" in said.splitlines(), said[-8000:]
    finally:
        shutil.rmtree(place / "tree", ignore_errors=True)
        (place / "image").unlink(missing_ok=True)
