# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs of /cvmfs start as from a mount, and know of themselves the same."""

from __future__ import annotations

from tests.differential.conftest import Pair


def test_programs_start_and_know_their_names_as_on_a_mount(mounted: Pair) -> None:
    mounted.same("execs")


def test_programs_start_though_they_are_stopped_and_continued(mounted: Pair) -> None:
    mounted.same("stops_at_exec")


def test_an_exec_that_fails_too_late_ends_the_process(mounted: Pair) -> None:
    mounted.same("exec_without_return")
