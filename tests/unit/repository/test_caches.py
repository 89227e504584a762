# SPDX-License-Identifier: GPL-2.0-or-later
"""Which directories a repository uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from interpose.cache import Turns
from interpose.config import Sources, load
from interpose.errors import CacheError
from interpose.formats.fqrn import Fqrn
from interpose.formats.hashes import Algorithm, hash_bytes
from interpose.repository.caches import Caches

FQRN = Fqrn("sft.example.org")


def caches(place: Path, *options: tuple[str, str], **environment: str) -> Caches:
    sources = Sources(etc=place / "etc", environment={"HOME": str(place / "home")})
    sources = sources._replace(
        options=options,
        environment={**sources.environment, **environment},
    )
    return Caches.of(FQRN, load(FQRN, sources), place / "scratch")


@pytest.mark.parametrize(("shared", "name"), [("yes", "shared"), ("no", FQRN)])
def test_a_cache_base_has_the_official_names_below_it(
    shared: str, name: str, place: Path
) -> None:
    base = str(place / "base")
    options = (("CVMFS_CACHE_BASE", base), ("CVMFS_SHARED_CACHE", shared))
    assert caches(place, *options).private.top == place / "base" / name
    assert not (place / "base").exists()


def test_a_workspace_is_a_place_of_its_own(place: Path) -> None:
    wanted = ("CVMFS_WORKSPACE", str(place / "work"))
    found = caches(place, wanted, INTERPOSE_CACHE=str(place / "mine"))
    assert (found.workspace.top, found.refused) == (place / "work", ())
    found.make_workspace()
    name = hash_bytes(Algorithm.SHA1, b"").text
    with Turns(found.workspace).turn(name, lambda: None):
        assert (place / "work/interpose/turns").exists()
    assert not (place / "mine").exists()
    plain = caches(place, INTERPOSE_CACHE=str(place / "mine"))
    assert plain.workspace is plain.private
    plain.make_workspace()
    assert not (place / "mine").exists()


def test_a_workspace_that_others_may_write_is_not_used(place: Path) -> None:
    (place / "work").mkdir()
    (place / "work").chmod(0o777)
    found = caches(place, ("CVMFS_WORKSPACE", str(place / "work")))
    assert found.workspace is found.private
    assert ["CVMFS_WORKSPACE" in line.advice for line in found.refused] == [True]


def test_a_workspace_that_cannot_be_made_is_not_used(place: Path) -> None:
    (place / "file").touch()
    found = caches(place, ("CVMFS_WORKSPACE", str(place / "file" / "work")))
    assert (found.workspace, found.refused) == (found.private, ())


def test_a_named_cache_is_taken_as_it_is(place: Path) -> None:
    found = caches(place, INTERPOSE_CACHE=str(place / "mine"))
    assert found.private.top == place / "mine"


def test_a_named_cache_that_cannot_be_made_is_an_error(place: Path) -> None:
    (place / "file").touch()
    with pytest.raises(CacheError):
        caches(place, INTERPOSE_CACHE=str(place / "file" / "cache"))


def test_the_scratch_is_the_last_resort(place: Path) -> None:
    (place / "home").touch()
    base = ("CVMFS_CACHE_BASE", str(place / "home" / "x"))
    assert caches(place, base).private.top == place / "scratch" / "c"
