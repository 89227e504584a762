# SPDX-License-Identifier: GPL-2.0-or-later
"""Path hashes and paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpose.errors import FormatError
from interpose.formats.pathhash import ROOT_HASH, parent_hash, path_hash
from interpose.formats.paths import check_name, check_path, is_below


def test_path_hashes_are_the_official_ones() -> None:
    assert path_hash(b"") == (338333539836370388, 9098107892288553193)
    assert path_hash(b"/a") == (-2906336618250618618, -744252105585281751)
    assert path_hash(b"/a/b") == (-79414819578584146, 8517581007188477988)


def test_parents_are_hashed_likewise() -> None:
    assert parent_hash(b"") == (0, 0)
    assert parent_hash(b"/a") == ROOT_HASH
    assert parent_hash(b"/a/b") == path_hash(b"/a")


@pytest.mark.parametrize("name", [b"a", b"...", b"\xff", b"a\nb", b" ", b"x" * 255])
def test_strange_but_possible_names_are_taken(name: bytes) -> None:
    check_name(name)
    check_path(b"/" + name + b"/" + name)


@pytest.mark.parametrize(
    "name", [b"", b".", b"..", b"a/b", b"a\0", b"\0", b"x" * 256, b"/"]
)
def test_impossible_names_are_refused(name: bytes) -> None:
    with pytest.raises(FormatError):
        check_name(name)


@pytest.mark.parametrize(
    "path", [b"", b"/", b"a", b"//a", b"/a/", b"/a/../b", b"/./a", b"/a" * 40_000]
)
def test_impossible_paths_are_refused(path: bytes) -> None:
    with pytest.raises(FormatError):
        check_path(path)


def test_below_is_by_component() -> None:
    assert is_below(b"/a/b", b"/a")
    assert is_below(b"/a", b"")
    assert not is_below(b"/ab", b"/a")
    assert not is_below(b"/a", b"/a")
    assert not is_below(b"/", b"")


@given(st.binary(max_size=300))
def test_any_name_is_possible_for_a_directory_or_refused(name: bytes) -> None:
    possible = (
        0 < len(name) <= 255
        and name not in (b".", b"..")
        and not {0, ord("/")} & set(name)
    )
    try:
        check_name(name)
    except FormatError:
        assert not possible
    else:
        assert possible
