# SPDX-License-Identifier: GPL-2.0-or-later
"""What the stub has to know of a process: where it is, its memory, its threads."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fast import same
from tests.support.fasttree import TOP, made_options, publish
from tests.support.keeper import own_directory
from tests.support.run import Runner

PYTHON = ("/usr/bin/python3", "-I", "-c")
Options = list[Any]

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the stub is x86_64's"
)


@pytest.fixture(scope="module")
def options() -> Iterator[Options]:
    with own_directory("interpose-fast-") as top:
        yield made_options(publish(top))


def test_a_fork_knows_where_it_is_whatever_other_threads_do(
    run: Runner, options: Options, compiled: Path
) -> None:
    """A thread moves while another forks; the child moves, too, and looks around."""
    words = (compiled / "fork_and_move", f"{TOP}/dir", f"{TOP}/dir/nested", "60")
    assert same(run, *words, options=options).text == "wrong 0\n"
