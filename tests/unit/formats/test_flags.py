# SPDX-License-Identifier: GPL-2.0-or-later
"""Flags of catalog rows."""

from __future__ import annotations

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpose.errors import FormatError
from interpose.formats import flags
from interpose.formats.hashes import Algorithm


def test_algorithm_and_compression_are_read_from_their_bits() -> None:
    value = flags.FILE | 2 << flags.ALGORITHM_SHIFT | 1 << flags.COMPRESSION_SHIFT
    assert flags.algorithm_of(value) is Algorithm.SHAKE128
    assert flags.compression_of(value) is flags.Compression.NONE
    assert flags.algorithm_of(flags.FILE) is Algorithm.SHA1
    assert flags.compression_of(flags.FILE) is flags.Compression.ZLIB


def test_types_have_the_official_bits() -> None:
    kinds = [stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK, stat.S_IFIFO, stat.S_IFBLK]
    found = [flags.flags_of_mode(kind | 0o644) for kind in kinds]
    assert found == [1, 4, 12, 20, 20]


def test_unknown_numbers_are_refused() -> None:
    with pytest.raises(FormatError):
        flags.algorithm_of(7 << flags.ALGORITHM_SHIFT)
    with pytest.raises(FormatError):
        flags.compression_of(2 << flags.COMPRESSION_SHIFT)


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_any_integer_has_meaning_or_is_a_format_error(value: int) -> None:
    for read in (flags.algorithm_of, flags.compression_of):
        try:
            assert read(value) is not None
        except FormatError:
            pass
