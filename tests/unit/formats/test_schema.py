# SPDX-License-Identifier: GPL-2.0-or-later
"""Catalog schemas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpose.errors import FormatError
from interpose.formats.schema import COUNTERS, Schema


@pytest.mark.parametrize("number", ["0.9", "1.0", "1.2", "2.4", "2.5", "2.50004"])
def test_the_schemas_of_the_official_client_are_read(number: str) -> None:
    schema = Schema.parse(number, "2")
    assert schema.is_legacy == (number < "2")


@pytest.mark.parametrize(
    "number", ["2.0", "2.3", "2.6", "3.0", "2", "9999", "", "nan", "1e0", "-1", "2,5"]
)
def test_other_schemas_are_refused(number: str) -> None:
    with pytest.raises(FormatError):
        Schema.parse(number, "0")


@pytest.mark.parametrize("revision", ["", "-1", "x", "1.0", "9" * 20])
def test_impossible_revisions_are_refused(revision: str) -> None:
    with pytest.raises(FormatError):
        Schema.parse("2.5", revision)


def test_later_revisions_promise_more_counters() -> None:
    counts = [len(Schema(2.5, revision).promised_counters()) for revision in range(8)]
    assert counts == [8, 8, 9, 11, 11, 12, 12, 12]
    assert len(COUNTERS) == 12
    assert Schema(2.4, 9).promised_counters() == ()


@given(st.text(max_size=12), st.text(max_size=12))
def test_any_texts_are_a_schema_or_a_format_error(number: str, revision: str) -> None:
    try:
        schema = Schema.parse(number, revision)
    except FormatError:
        return
    assert schema.number < 2.6
