# SPDX-License-Identifier: GPL-2.0-or-later
"""What may not be changed, through pointers and descriptors that are not right."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.differential.conftest import Pair


def objects(cache: Path) -> dict[str, tuple[int, int, str]]:
    """Mode, size and digest of each object of a private cache, by its name."""
    found = {}
    for path in cache.rglob("??/??????????????????????????????????????*"):
        info = path.stat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        found[path.name] = (info.st_mode, int(info.st_mtime), digest)
    return found


def test_nothing_is_changed_through_a_descriptor(mounted: Pair) -> None:
    world, run = mounted.world, mounted.run
    fill = "cat file nested/file chunked mode_0755 bin/show > /dev/null"
    root = "/cvmfs/differential.example.org"
    run("/bin/sh", "-c", f"cd {root} && {fill}", options=world.options()).ok()
    before = objects(run.cache)
    assert len(before) >= 5
    mounted.same("changes_by_descriptor")
    after = objects(run.cache)
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("program", ["pointers", "systems"])
def test_bad_arguments_and_the_rest_are_as_on_a_mount(
    mounted: Pair, program: str
) -> None:
    mounted.same(program)
