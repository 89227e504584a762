# SPDX-License-Identifier: GPL-2.0-or-later
"""Which C libraries and kinds of programs get a stub, as docs/compatibility.md says."""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fasttree import made_options, publish
from tests.support.keeper import own_directory
from tests.support.places import ROOT
from tests.support.release import make_tree
from tests.support.run import Runner
from tests.support.userlands import (
    Found,
    Userland,
    measured,
    of_a_tree,
    of_this_machine,
)

RELEASES = {"bullseye": "2.31", "bookworm": "2.36", "trixie": "2.41"}
KINDS = ("", ", static", ", a thread from the start", ", a thread later")

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the stub is x86_64's"
)


@pytest.fixture(scope="module")
def options() -> Iterator[list[Any]]:
    with own_directory("interpose-fast-") as top:
        yield made_options(publish(top))


def told() -> dict[str, str]:
    """The rows of the page, by name: fast, traced or in part."""
    text = (ROOT / "docs/compatibility.md").read_text()
    rows = re.findall(r"(?m)^\| (.+) \| (fast|traced|in part): [\d.]+% \|", text)
    assert len(rows) > 10
    return dict(rows)


def check(run: Runner, userlands: Iterator[Userland], options: list[Any]) -> None:
    """Each is as the page has it, whichever version this machine's library has."""
    rows = told()
    here = {
        name.replace("2.36", ""): verdict
        for name, verdict in rows.items()
        if "2.36" in name
    }
    for userland in userlands:
        found: Found = measured(run, userland, options)
        print(found)
        general = re.sub(r"(?<=glibc )[\d.]+", "", found.name)
        assert found.verdict == rows.get(found.name, here.get(general)), str(found)


def test_programs_of_this_machine_get_it_or_not(
    run: Runner, options: list[Any], place: Path
) -> None:
    check(run, of_this_machine(place), options)


@pytest.mark.long
@pytest.mark.parametrize("suite", RELEASES)
def test_programs_of_each_release_get_it_or_not(
    run: Runner, options: list[Any], place: Path, suite: str
) -> None:
    if os.geteuid() != 0:
        pytest.skip("debootstrap needs root")
    tree = place / suite
    try:
        make_tree(tree, suite, "--include=gcc,libc6-dev")
        userlands = list(of_a_tree(tree))
        names = [f"glibc {RELEASES[suite]}{kind}" for kind in KINDS]
        assert [one.name for one in userlands] == names
        check(run, iter(userlands), options)
    finally:
        shutil.rmtree(tree, ignore_errors=True)
