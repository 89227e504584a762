# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of repositories."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpose.errors import FormatError
from interpose.formats.fqrn import Fqrn


def test_a_name_knows_its_organisation_and_its_domain() -> None:
    fqrn = Fqrn.parse("atlas-nightlies.cern.ch")
    assert fqrn == "atlas-nightlies.cern.ch"
    assert (fqrn.organisation, fqrn.domain) == ("atlas-nightlies", "cern.ch")


@pytest.mark.parametrize("text", ["a.b", "0.x", "a_b.c-d", "a" * 57 + ".ch"])
def test_sensible_names_are_taken(text: str) -> None:
    assert Fqrn.parse(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "nodot",
        ".a.b",
        "-a.b",
        "a.b.",
        "a..b",
        "a/b.c",
        "a.b\n",
        "a.b\x00",
        "ä.ch",
        "a b.ch",
        "a" * 58 + ".ch",
        "../etc.passwd",
    ],
)
def test_other_names_are_refused(text: str) -> None:
    with pytest.raises(FormatError):
        Fqrn.parse(text)


@given(st.text(max_size=70))
def test_any_text_is_a_safe_name_or_a_format_error(text: str) -> None:
    try:
        fqrn = Fqrn.parse(text)
    except FormatError:
        return
    assert "/" not in fqrn
    assert fqrn.isascii()
    assert fqrn.isprintable()
