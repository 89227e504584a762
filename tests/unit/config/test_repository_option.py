# SPDX-License-Identifier: GPL-2.0-or-later
"""The grammar of `-r` and `-o`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpose.config import RepositoryOption
from interpose.config.repository_option import Pin, PinKind, parse_parameter_option
from interpose.errors import UsageError
from interpose.formats.fqrn import Fqrn

FQRN = Fqrn.parse("a.example.org")
HASH = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", RepositoryOption(FQRN)),
        ("@v1.0", RepositoryOption(FQRN, Pin(PinKind.TAG, "v1.0"))),
        (f"@{HASH}", RepositoryOption(FQRN, Pin(PinKind.ROOT_HASH, HASH))),
        (
            f"@{HASH}-shake128=http://h",
            RepositoryOption(
                FQRN, Pin(PinKind.ROOT_HASH, f"{HASH}-shake128"), ("http://h",)
            ),
        ),
        (
            "@2024-01-02T03:04:05Z",
            RepositoryOption(FQRN, Pin(PinKind.DATE, "2024-01-02T03:04:05Z")),
        ),
        ("=http://h/@fqrn@", RepositoryOption(FQRN, None, ("http://h/@fqrn@",))),
        (
            "=http://h?a=b,c;http://i,pubkey=/k,1.pub",
            RepositoryOption(FQRN, None, ("http://h?a=b,c", "http://i"), "/k,1.pub"),
        ),
        (",pubkey=k.pub", RepositoryOption(FQRN, pubkey="k.pub")),
    ],
)
def test_a_repository_option_is_taken_apart(
    text: str, expected: RepositoryOption
) -> None:
    assert RepositoryOption.parse(f"a.example.org{text}") == expected


@pytest.mark.parametrize(
    "text",
    ["", "nodot", "a.b@", "a.b=", "a.b,pubkey=", "=http://h", "a b.c", "a.b,x=y"],
)
def test_a_bad_repository_option_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        RepositoryOption.parse(text)


@given(st.text())
def test_any_text_is_an_option_or_a_usage_error(text: str) -> None:
    try:
        RepositoryOption.parse(text).parameters()
    except UsageError:
        pass


def test_a_parameter_option_is_taken_apart() -> None:
    assert parse_parameter_option("CVMFS_X=a=b") == ("CVMFS_X", "a=b")


@pytest.mark.parametrize("text", ["CVMFS_X", "=1", "A B=1", "1A=1"])
def test_a_bad_parameter_option_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        parse_parameter_option(text)
