# SPDX-License-Identifier: GPL-2.0-or-later
"""Opening with every flag, and every changing call by path, as on a read-only mount."""

from __future__ import annotations

from tests.differential.conftest import Pair


def test_flags_of_opening_give_what_a_mount_gives(mounted: Pair) -> None:
    mounted.same("opens")


def test_changes_by_path_are_refused_as_on_a_mount(mounted: Pair) -> None:
    mounted.same("changes")
