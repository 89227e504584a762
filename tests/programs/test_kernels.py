# SPDX-License-Identifier: GPL-2.0-or-later
"""The core of the suite on older kernels, each with its own Debian release."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.machine import boot
from tests.support.release import Release

# What depends on a kernel most: the stub, its neighbours, the filter, random calls.
CORE = (
    "tests/interface/test_fast_path.py tests/interface/test_fast_files.py "
    "tests/interface/test_fast_moves.py tests/interface/test_fast_sites.py "
    "tests/native/test_filter.py tests/native/test_stub_fuzz.py "
    "tests/differential/test_random.py tests/differential/test_opens.py"
)
# The mount that they compare with is a tmpfs, which has neither user attributes nor
# O_DIRECT before Linux 6.6; and a link to an empty name was for root alone before 6.10.
ELSEWHERE = (
    "test_opens.py::test_flags_of_opening_give_what_a_mount_gives",
    "test_random.py::test_what_random_calls_found_once_is_right_now[1234-flags1]",
    "test_random.py::test_random_calls_give_what_a_mount_gives",
    "test_random.py::test_random_calls_of_another_user_give_what_a_mount_gives",
)
TESTS = (
    ".venv/bin/python -m pytest -q --tb=short -rf -n 2 "
    + " ".join(f"--deselect tests/differential/{name}" for name in ELSEWHERE)
    + f" {CORE}; echo status $?"
)

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="an emulated machine of x86_64"
)


@pytest.mark.long
@pytest.mark.parametrize(
    ("suite", "version"), [("bullseye", "5.10"), ("bookworm", "6.1")]
)
def test_the_core_of_the_suite_passes_on_an_older_kernel(
    place: Path,
    record_property: Callable[[str, object], None],
    suite: str,
    version: str,
) -> None:
    if os.geteuid() != 0:
        pytest.skip("debootstrap needs root")
    tree = place / suite
    try:
        release = Release(tree, suite)
        release.run("make -s tools")
        found, said = boot(release, place / "image", TESTS)
        assert found.startswith(f"{version}."), found
        lines = [line for line in said.splitlines() if " passed" in line]
        record_property("summary", f"{found}: {lines[-1:]}")
        (place / "said").write_text(said)
        assert "status 0" in said.splitlines(), f"{said[-2000:]}\n{place / 'said'}"
    finally:
        shutil.rmtree(tree, ignore_errors=True)
        (place / "image").unlink(missing_ok=True)
