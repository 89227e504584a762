# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from interpose.formats.proxylist import parse_groups, parse_servers
from interpose.network.settings import NetworkSettings


def test_servers_are_split_and_trimmed() -> None:
    assert parse_servers(" http://a/x/ ; http://b;; ") == ("http://a/x", "http://b")


def test_blanks_and_missing_schemes_of_proxies_are_mended() -> None:
    groups = parse_groups("http://a:1 | b:2; DIRECT; direct;;")
    assert groups == (("http://a:1", "http://b:2"), ("DIRECT",), ("DIRECT",))


def test_uuid_follows_the_agent_without_odd_characters() -> None:
    settings = NetworkSettings(("http://a",), uuid="ab-1\r\nX: y")
    assert settings.agent == "cvmfs interpose 0.1.0 ab-1Xy"
