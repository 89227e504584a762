# SPDX-License-Identifier: GPL-2.0-or-later
"""Byte ranges as RFC 9110 wants them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpose.publish.server import parse_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-0", (0, 0)),
        ("bytes=2-5", (2, 5)),
        ("bytes=7-", (7, 9)),
        ("bytes=-3", (7, 9)),
        ("bytes=-30", (0, 9)),
        ("bytes=5-100", (5, 9)),
        ("bytes=5-4", None),
        ("bytes=0-1,3-4", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("lines=0-1", None),
    ],
)
def test_range_of_ten_bytes(
    header: str | None, expected: tuple[int, int] | None
) -> None:
    assert parse_range(header, 10) == expected


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0"])
def test_range_outside_of_the_file_is_refused(header: str) -> None:
    with pytest.raises(ValueError, match="bytes"):
        parse_range(header, 10)


@given(st.text(max_size=30), st.integers(0, 100))
def test_any_range_lies_within_the_file(text: str, size: int) -> None:
    try:
        found = parse_range("bytes=" + text, size)
    except ValueError:
        return
    if found is not None:
        first, last = found
        assert 0 <= first <= last < size
