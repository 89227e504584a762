# SPDX-License-Identifier: GPL-2.0-or-later
"""Bytes from URLs: servers, proxies, retries. Knows no cache and judges no content."""

from __future__ import annotations

from interpose.network.fetcher import Fetched, Fetcher
from interpose.network.settings import (
    NetworkSettings,
    parse_proxies,
    parse_servers,
)
from interpose.network.transfer import Sink, Wanted

__all__ = [
    "Fetched",
    "Fetcher",
    "NetworkSettings",
    "Sink",
    "Wanted",
    "parse_proxies",
    "parse_servers",
]
