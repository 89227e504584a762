# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest

from interpose.errors import ConfigurationError
from interpose.network.settings import NetworkSettings, parse_proxies, parse_servers


def test_servers_are_split_and_trimmed() -> None:
    assert parse_servers(" http://a/x/ ; http://b;; ") == ("http://a/x", "http://b")


def test_blanks_and_missing_schemes_of_proxies_are_mended() -> None:
    groups = parse_proxies("http://a:1 | b:2; DIRECT; direct")
    assert groups == (("http://a:1", "http://b:2"), ("DIRECT",), ("DIRECT",))


def test_fallback_switches_direct_off() -> None:
    groups = parse_proxies("a:1|DIRECT;DIRECT", "c:3;d:4")
    assert groups == (("http://a:1",), ("http://c:3",), ("http://d:4",))


def test_auto_stands_for_what_was_discovered() -> None:
    groups = parse_proxies("auto;DIRECT", automatic="p:1;q:2")
    assert groups == (("http://p:1",), ("http://q:2",), ("DIRECT",))


def test_auto_without_an_answer_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="not in this version"):
        parse_proxies("auto")


def test_no_proxy_means_direct() -> None:
    assert NetworkSettings(("http://a",), ()).proxy_order == ("DIRECT",)


def test_uuid_follows_the_agent_without_odd_characters() -> None:
    settings = NetworkSettings(("http://a",), uuid="ab-1\r\nX: y")
    assert settings.agent == "cvmfs interpose 0.1.0 ab-1Xy"
