# SPDX-License-Identifier: GPL-2.0-or-later
"""Variables of ours, of pilots and of Parrot."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpose.config import Sources, from_environment, load
from interpose.config.environment import variables
from interpose.config.parrot import entries
from interpose.formats.fqrn import Fqrn

FQRN = Fqrn.parse("sft.example.org")


def proxy(**environment: str) -> str | None:
    sources = Sources(Path("/nonexistent"), environment=environment)
    return load(FQRN, sources).get("CVMFS_HTTP_PROXY")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"OSG_SQUID_LOCATION": "squid.site"}, "squid.site:3128"),
        ({"OSG_SQUID_LOCATION": "http://squid.site/"}, "http://squid.site:3128"),
        ({"OSG_SQUID_LOCATION": "squid.site:80"}, "squid.site:80"),
        ({"OSG_SQUID_LOCATION": "http://[::1]"}, "http://[::1]:3128"),
        ({"OSG_SQUID_LOCATION": "UNAVAILABLE"}, None),
        ({"OSG_SQUID_LOCATION": "None", "GLIDEIN_Proxy_URL": "g:1"}, "g:1"),
        ({"OSG_SQUID_LOCATION": "o:1", "GLIDEIN_Proxy_URL": "g:1"}, "o:1"),
        ({"OSG_SQUID_LOCATION": "o:1", "CVMFS_HTTP_PROXY": "c:1"}, "c:1"),
        ({"HTTP_PROXY": "h:1"}, None),
        ({"HTTP_PROXY": "h:1", "PARROT_CVMFS_REPO": ""}, "h:1"),
    ],
)
def test_pilots_give_proxies_below_the_official_variable(
    environment: dict[str, str], expected: str | None
) -> None:
    assert proxy(**environment) == expected


def parrot(text: str) -> dict[str, str]:
    environment = {"PARROT_CVMFS_REPO": text}
    found = load(FQRN, Sources(Path("/nonexistent"), environment=environment))
    names = ("SERVER_URL", "PUBLIC_KEY", "TIMEOUT", "HTTP_PROXY")
    return {name: found.text(f"CVMFS_{name}") for name in names}


def test_parrots_entries_become_parameters() -> None:
    found = parrot(
        "<default-repositories> *.example.org:url=http://h/cvmfs/*.example.org,"
        "pubkey=/k\\ 1.pub,timeout=9,proxies=p:1 other.org:url=http://no"
    )
    assert found["SERVER_URL"] == "http://h/cvmfs/sft.example.org"
    assert found["PUBLIC_KEY"] == "/k 1.pub"
    assert found["TIMEOUT"] == "9"
    assert found["HTTP_PROXY"] == "p:1"


def test_later_entries_win() -> None:
    assert (
        parrot("*:url=http://a sft.example.org/sub:url=http://b,x=y")["SERVER_URL"]
        == "http://b"
    )


def test_a_literal_comma_needs_two_backslashes() -> None:
    assert parrot("*:url=http://a\\\\,b")["SERVER_URL"] == "http://a,b"


@given(st.text())
def test_any_text_of_parrot_is_survived(text: str) -> None:
    entries(text)
    if "\0" not in text:
        parrot(text)


def test_sources_of_an_environment() -> None:
    found = from_environment({"HOME": "/h", "INTERPOSE_CONFIG": "/a:/b:"})
    assert found.user_dir == Path("/h/.config/interpose")
    assert found.extra == (Path("/a"), Path("/b"))
    found = from_environment({"HOME": "/h", "XDG_CONFIG_HOME": "/x"})
    assert found.user_dir == Path("/x/interpose")
    assert from_environment({}).user_dir is None


def test_variables_of_ours() -> None:
    found = variables({"INTERPOSE_CACHE": "/c", "INTERPOSE_OFFLINE": "1"})
    assert found.cache == Path("/c")
    assert found.offline
    assert not found.trust_cache
    assert found.alien_cache is None
