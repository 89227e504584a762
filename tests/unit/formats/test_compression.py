# SPDX-License-Identifier: GPL-2.0-or-later
"""Objects as they are stored."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpose.errors import FormatError
from interpose.formats.compression import Inflater, deflate, inflate

MANY = 1 << 30


def test_the_empty_object_has_the_official_bytes() -> None:
    assert deflate(b"") == bytes.fromhex("789c030000000001")
    assert inflate(deflate(b""), 0) == b""


@pytest.mark.parametrize("size", [1, (256 << 10) - 1, 256 << 10, 1_000_000, 4 << 20])
def test_content_of_any_size_comes_back_in_bounded_pieces(size: int) -> None:
    inflater = Inflater(size)
    stored = deflate(bytes(size))
    pieces = [piece for byte in stored for piece in inflater.feed(bytes((byte,)))]
    inflater.finish()
    assert b"".join(pieces) == bytes(size)
    assert max(map(len, pieces)) <= 256 << 10
    assert inflate(stored, size) == bytes(size)


def test_an_object_that_inflates_without_end_is_refused_early() -> None:
    inflater = Inflater(1000)
    with pytest.raises(FormatError, match="beyond"):
        list(inflater.feed(deflate(bytes(100 << 20))))
    assert inflater.produced <= 256 << 10


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"x",
        b"\x1f\x8b\x08",
        deflate(b"abc")[:-1],
        deflate(b"abc") + b"x",
        deflate(b"abc")[2:],
        deflate(b"abc") * 2,
    ],
)
def test_other_bytes_are_refused(stored: bytes) -> None:
    with pytest.raises(FormatError):
        inflate(stored, MANY)


def test_bytes_that_follow_later_are_refused() -> None:
    inflater = Inflater(MANY)
    list(inflater.feed(deflate(b"abc")))
    with pytest.raises(FormatError):
        list(inflater.feed(b"x"))


@given(st.binary(max_size=3000), st.integers(1, 200))
def test_pieces_of_any_size_give_the_content(content: bytes, step: int) -> None:
    stored = deflate(content)
    assert zlib.decompress(stored) == content
    inflater = Inflater(len(content))
    pieces = b""
    for position in range(0, len(stored), step):
        pieces += b"".join(inflater.feed(stored[position : position + step]))
    inflater.finish()
    assert pieces == content


@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_a_format_error(stored: bytes) -> None:
    try:
        content = inflate(stored, MANY)
    except FormatError:
        return
    assert zlib.decompress(stored) == content
