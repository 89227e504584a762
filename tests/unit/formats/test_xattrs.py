# SPDX-License-Identifier: GPL-2.0-or-later
"""Extended attributes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpose.errors import FormatError
from interpose.formats import xattrs

ATTRIBUTES = st.dictionaries(
    st.binary(min_size=1, max_size=255).filter(lambda name: 0 not in name),
    st.binary(max_size=255),
    max_size=12,
)


def test_a_blob_has_the_official_form() -> None:
    blob = xattrs.build({b"user.b": b"", b"user.a": b"xy"})
    assert blob == b"\x01\x02" + b"\x06\x02user.axy" + b"\x06\x00user.b"


def test_no_attributes_are_no_blob() -> None:
    assert xattrs.build({}) is None
    assert xattrs.read(None) == {}
    assert xattrs.parse(b"\x01\x00") == {}


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\x01",
        b"\x02\x00",
        b"\x01\x01",
        b"\x01\x01\x01",
        b"\x01\x01\x00\x01x",
        b"\x01\x01\x02\x01xy",
        b"\x01\x00x",
        b"\x01\x01\x01\x00\x00",
        b"\x01\x02\x01\x00a\x01\x00a",
    ],
)
def test_malformed_blobs_are_refused_and_read_as_none(blob: bytes) -> None:
    with pytest.raises(FormatError):
        xattrs.parse(blob)
    assert xattrs.read(blob) == {}


@pytest.mark.parametrize(
    "attributes",
    [
        {b"": b""},
        {b"x" * 256: b""},
        {b"x": bytes(256)},
        {b"a\x00": b""},
        {b"%d" % number: b"" for number in range(256)},
    ],
)
def test_what_a_blob_cannot_hold_is_refused(attributes: dict[bytes, bytes]) -> None:
    with pytest.raises(FormatError):
        xattrs.build(attributes)


@given(ATTRIBUTES)
def test_what_is_built_is_parsed(attributes: dict[bytes, bytes]) -> None:
    blob = xattrs.build(attributes)
    assert xattrs.read(blob) == attributes
    if blob is not None:
        assert list(xattrs.parse(blob)) == sorted(attributes)


@given(st.binary(max_size=60).map(lambda tail: b"\x01" + tail))
def test_any_blob_is_parsed_or_a_format_error(blob: bytes) -> None:
    try:
        found = xattrs.parse(blob)
    except FormatError:
        return
    assert len(found) == blob[1]
