# SPDX-License-Identifier: GPL-2.0-or-later
"""Bytes from URLs: servers, proxies, retries. Knows no cache and judges no content."""

from __future__ import annotations

from interpose.network.failover import Way
from interpose.network.fetcher import Fetched, Fetcher, Lent
from interpose.network.memory import Memory
from interpose.network.settings import Families, NetworkSettings
from interpose.network.transfer import Sink, Wanted

__all__ = [
    "Families",
    "Fetched",
    "Fetcher",
    "Lent",
    "Memory",
    "NetworkSettings",
    "Sink",
    "Wanted",
    "Way",
]
