# SPDX-License-Identifier: GPL-2.0-or-later
"""Breadcrumbs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpose.errors import FormatError
from interpose.formats.breadcrumb import Breadcrumb, file_name
from interpose.formats.fqrn import Fqrn
from interpose.formats.hashes import ContentHash

HASH = ContentHash.parse("ab" * 20 + "-rmd160")


def test_a_breadcrumb_has_the_official_form() -> None:
    assert file_name(Fqrn("a.b")) == "cvmfschecksum.a.b"
    crumb = Breadcrumb(HASH, 1_700_000_000, 12)
    assert crumb.format() == HASH.text.encode() + b"T1700000000R12"
    assert Breadcrumb.parse(crumb.format()) == crumb


def test_older_writers_leave_the_revision_out() -> None:
    found = Breadcrumb.parse(HASH.text.encode() + b"T17\n")
    assert found == Breadcrumb(HASH, 17, 0)


@pytest.mark.parametrize("tail", ["", "T", "T0R1", "R1", "T1R", "T-1", "T1x", "T1R1T1"])
def test_breadcrumbs_of_another_form_are_refused(tail: str) -> None:
    with pytest.raises(FormatError):
        Breadcrumb.parse(HASH.text.encode() + tail.encode())


def test_long_breadcrumbs_and_strange_hashes_are_refused() -> None:
    for data in (b"a" * 40 + b"T1" + b" " * 200, b"a" * 40 + b"-md5T1R1", b"\xff"):
        with pytest.raises(FormatError):
            Breadcrumb.parse(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_format_error(data: bytes) -> None:
    with pytest.raises(FormatError):
        Breadcrumb.parse(data)


@given(st.integers(1, 10**17), st.integers(0, 10**17))
def test_what_is_written_is_read(timestamp: int, revision: int) -> None:
    crumb = Breadcrumb(HASH, timestamp, revision)
    assert Breadcrumb.parse(crumb.format()) == crumb
