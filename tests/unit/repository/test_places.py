# SPDX-License-Identifier: GPL-2.0-or-later
"""Which directories a repository uses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from interpose.config import Sources, load
from interpose.errors import CacheError
from interpose.formats.fqrn import Fqrn
from interpose.repository.places import Places

FQRN = Fqrn("sft.example.org")


def places(place: Path, *options: tuple[str, str], **environment: str) -> Places:
    sources = Sources(etc=place / "etc", environment={"HOME": str(place / "home")})
    sources = replace(
        sources,
        options=options,
        environment={**sources.environment, **environment},
    )
    return Places.of(FQRN, load(FQRN, sources), place / "scratch")


@pytest.mark.parametrize(("shared", "name"), [("yes", "shared"), ("no", FQRN)])
def test_a_cache_base_has_the_official_names_below_it(
    shared: str, name: str, place: Path
) -> None:
    base = str(place / "base")
    options = (("CVMFS_CACHE_BASE", base), ("CVMFS_SHARED_CACHE", shared))
    assert places(place, *options).private.top == place / "base" / name
    assert not (place / "base").exists()


def test_a_named_cache_is_taken_as_it_is(place: Path) -> None:
    found = places(place, INTERPOSE_CACHE=str(place / "mine"))
    assert found.private.top == place / "mine"


def test_a_named_cache_that_cannot_be_made_is_an_error(place: Path) -> None:
    (place / "file").touch()
    with pytest.raises(CacheError):
        places(place, INTERPOSE_CACHE=str(place / "file" / "cache"))


def test_the_scratch_is_the_last_resort(place: Path) -> None:
    (place / "home").touch()
    base = ("CVMFS_CACHE_BASE", str(place / "home" / "x"))
    assert places(place, base).private.top == place / "scratch" / "c"
