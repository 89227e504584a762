# SPDX-License-Identifier: GPL-2.0-or-later
"""The table, and the page that is made from it."""

from __future__ import annotations

from pathlib import Path

from interpose.config.document import document
from interpose.config.parameters import PARAMETERS, Kind, read_switch

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_of_parameters_is_up_to_date() -> None:
    page = (ROOT / "docs" / "parameters.md").read_text()
    assert page == document(), (
        "python -m interpose.config.document > docs/parameters.md"
    )


def test_each_row_can_be_read() -> None:
    for row in PARAMETERS.values():
        assert row.weight in "ABCN"
        assert row.help
        assert row.source
        for text in (row.default, row.shipped):
            if row.kind is Kind.NUMBER and text:
                assert text.isdecimal()
            if row.kind is Kind.SWITCH and text:
                assert read_switch(text) is not None
