# SPDX-License-Identifier: GPL-2.0-or-later
"""64-bit ARM: what programs of all kinds see, traced, beside a real mount."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.arm64 import boot

# What differs there for reasons that are not ours, or is a limit of that machine
# (docs/compatibility.md).
ELSEWHERE = {
    "test_loader.py": "its programs name the loader of x86_64",
    "test_execs.py::test_programs_start_though_they_are_stopped_and_continued": "takes "
    "longer than its limit where all is emulated, natively too",
    "test_changes.py::test_bad_arguments_and_the_rest_are_as_on_a_mount": "Linux 6.1 "
    "has other errors for calls that came or changed later",
    "test_processes.py::test_calls_disturb_nothing_and_are_not_disturbed": "calls that "
    "an ignored signal ends are not made again: their first argument is gone",
    "test_covered_places.py::test_signals_and_threads_do_not_come_between": "the same",
    "test_random.py": "Linux 6.1, too",
    "test_compatibility.py::test_statfs_tells_a_part_of_the_quota_and_the_flags_of_a_"
    "mount": "its disk is memory, and less than the quota",
    "test_proc_maps.py::test_a_program_below_cvmfs_finds_itself_in_its_maps": "the "
    "repository's busybox is one of x86_64",
    "test_standins.py::test_a_program_that_runs_from_a_copy_has_its_own_name_"
    "everywhere": "the same",
    "test_the_kernels_own.py::test_after_fexecve_comm_is_the_name_of_the_file": "the "
    "same",
}
TESTS = (
    ".venv/bin/python -m pytest -q --tb=short -n 2 -p no:hypothesispytest -rsf "
    + " ".join(f"--deselect tests/differential/{name}" for name in ELSEWHERE)
    + " tests/differential; echo status $?"
)


@pytest.mark.long
def test_on_64_bit_arm_all_is_as_on_a_mount(
    place: Path, record_property: Callable[[str, object], None]
) -> None:
    try:
        found, said = boot(place, TESTS)
        lines = [line for line in said.splitlines() if " passed" in line]
        record_property("summary", f"{found}: {lines[-1:]}")
        (place / "said").write_text(said)
        assert "status 0" in said.splitlines(), f"{said[-2000:]}\n{place / 'said'}"
    finally:
        shutil.rmtree(place / "tree", ignore_errors=True)
        (place / "image").unlink(missing_ok=True)
