# SPDX-License-Identifier: GPL-2.0-or-later
"""Names in all their forms give what they give on a mount."""

from __future__ import annotations

from tests.differential.conftest import Pair


def test_every_name_in_every_form_gives_what_a_mount_gives(mounted: Pair) -> None:
    mounted.same("paths")
