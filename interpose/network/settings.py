# SPDX-License-Identifier: GPL-2.0-or-later
"""What one fetcher is told: servers, proxies, time-outs."""

from __future__ import annotations

import re
from typing import NamedTuple

from interpose.formats.proxylist import DIRECT, Groups

USER_AGENT = "cvmfs interpose 0.1.0"


class Families(NamedTuple):
    """Which addresses of a name are used. 0: no preference, and all of them."""

    ipv4_only: bool = False
    preferred_of_proxies: int = 0
    most_of_proxy: int = 0


class NetworkSettings(NamedTuple):
    """Settings of one fetcher; the defaults are those of the official default.conf.

    `servers` are base URLs without a slash at the end. `proxies` are groups of proxy
    URLs or `DIRECT`; none at all means `DIRECT`, and `auto` what the first file of
    `pac_urls` says; the last `fallback_groups` of them are to fall back on. Speeds are
    bytes per second. `max_servers` 0: all. `geo_holds_s`: how long an order is good;
    `proxy_template` is who is named to get it, "": the first proxy. Reset times: see
    failover.Resets. `uuid` follows the User-Agent after a blank. `ca_path` is a bundle
    or a directory of certification authorities for https; empty: those of certifi.

    Source: docs/parameters.md.
    """

    servers: tuple[str, ...]
    proxies: Groups = ((DIRECT,),)
    timeout_s: float = 5.0
    timeout_direct_s: float = 10.0
    low_speed_limit: int = 1024
    max_retries: int = 1
    backoff_init_s: float = 2.0
    backoff_max_s: float = 10.0
    follow_redirects: bool = False
    user_agent: str = USER_AGENT
    offline: bool = False
    send_info: bool = False
    uuid: str = ""
    ca_path: str = ""
    families: Families = Families()
    pac_urls: tuple[str, ...] = ()
    auto_may_be_direct: bool = True
    proxy_shard: bool = False
    proxy_reset_s: float = 300.0
    host_reset_s: float = 1800.0
    use_geo: bool = False
    geo_holds_s: float = 1800.0
    fallback_groups: int = 0
    proxy_template: str = ""
    max_servers: int = 0

    @property
    def agent(self) -> str:
        """The User-Agent as it is sent."""
        uuid = re.sub("[^A-Za-z0-9-]", "", self.uuid)
        return f"{self.user_agent} {uuid}" if uuid else self.user_agent
