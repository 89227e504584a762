# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from urllib.parse import unquote_to_bytes

from hypothesis import given
from hypothesis import strategies as st

from interpose.network.escape import escape


def test_literal_characters_stay() -> None:
    text = "/azAZ09/:.@+-_~[],"
    assert escape(text) == text


def test_other_bytes_become_upper_case_hex() -> None:
    assert escape(b"a b\xff%?#\n") == "a%20b%FF%25%3F%23%0A"


def test_text_is_utf8_with_surrogate_escapes() -> None:
    assert escape("\u00e9\udcff") == "%C3%A9%FF"


@given(st.binary())
def test_escaping_can_be_undone(path: bytes) -> None:
    assert unquote_to_bytes(escape(path)) == path
