# SPDX-License-Identifier: GPL-2.0-or-later
"""A run in which everything fails prints a page; the file has all of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.places import ROOT

FAILING = """
import pytest

@pytest.mark.parametrize("number", range(200))
def test_that_fails(number):
    print("a dump\\n" * 30)
    assert number < 0

def test_that_is_skipped():
    pytest.skip("the reason")
"""


@pytest.mark.parametrize(
    ("text", "status", "closing"),
    [
        (FAILING, 1, "200 failed, 1 skipped"),
        ("import nothing_like_this\n", 2, "1 error"),
        ("def test_that_passes(): pass\n", 0, "1 passed"),
    ],
)
def test_a_page_is_printed_and_all_is_in_the_file(
    tmp_path: Path, text: str, status: int, closing: str
) -> None:
    (tmp_path / "test_it.py").write_text(text)
    log = tmp_path / "log"
    words = [sys.executable, "-m", "tests.support.one_page", log, "-ra"]
    words += ["-p", "no:cacheprovider", "-p", "no:xdist", tmp_path / "test_it.py"]
    done = subprocess.run(words, check=False, cwd=ROOT, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert done.returncode == status
    assert any(closing in line for line in lines[-2:])
    assert len(lines) < 100
    assert (f"all of it: {log}" in lines) == (status != 0)
    if text == FAILING:
        assert sum(line.startswith("FAILED") for line in lines) == 20
        assert "... and 180 more" in lines
        assert any(line.startswith("SKIPPED") for line in lines)
        assert log.read_text().count("FAILED") == 200
