# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls leave registers and stacks alone, in threads, children and under signals."""

from __future__ import annotations

import pytest

from tests.differential.conftest import Pair


def test_calls_leave_registers_and_stacks_alone(mounted: Pair) -> None:
    mounted.same("registers")


@pytest.mark.parametrize("program", ["threads", "signals"])
def test_calls_disturb_nothing_and_are_not_disturbed(pair: Pair, program: str) -> None:
    pair.same(program)
