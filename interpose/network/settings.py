# SPDX-License-Identifier: GPL-2.0-or-later
"""What one fetcher is told: servers, proxies, time-outs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from interpose.errors import ConfigurationError

DIRECT = "DIRECT"
USER_AGENT = "cvmfs interpose 0.1.0"


@dataclass(frozen=True)
class Families:
    """Which addresses of a name are used. 0: no preference, and all of them."""

    ipv4_only: bool = False
    preferred_of_proxies: int = 0
    most_of_proxy: int = 0


@dataclass(frozen=True)
class NetworkSettings:
    """Settings of one fetcher; the defaults are those of the official default.conf.

    `servers` are base URLs without a slash at the end. `proxies` are groups of proxy
    URLs or `DIRECT`; none at all means `DIRECT`. Speeds are bytes per second.
    `uuid` follows the User-Agent after a blank. `ca_path` is a bundle or a directory
    of certification authorities for https; empty means those that requests brings.

    Source: client-parameters.md 3.2.
    """

    servers: tuple[str, ...]
    proxies: tuple[tuple[str, ...], ...] = ((DIRECT,),)
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

    @property
    def agent(self) -> str:
        """The User-Agent as it is sent."""
        uuid = re.sub("[^A-Za-z0-9-]", "", self.uuid)
        return f"{self.user_agent} {uuid}" if uuid else self.user_agent

    @property
    def proxy_order(self) -> tuple[str, ...]:
        """All proxies in the order in which they are tried."""
        return tuple(p for group in self.proxies for p in group) or (DIRECT,)


def parse_servers(text: str) -> tuple[str, ...]:
    """Server URLs of `CVMFS_SERVER_URL` or `CVMFS_EXTERNAL_URL`, in order."""
    urls = (part.strip().rstrip("/") for part in text.split(";"))
    return tuple(url for url in urls if url)


def parse_proxies(
    text: str, fallback: str = "", automatic: str = ""
) -> tuple[tuple[str, ...], ...]:
    """Proxy groups of `CVMFS_HTTP_PROXY` and `CVMFS_FALLBACK_PROXY`.

    `automatic` is what the group `auto` stands for. A fallback switches `DIRECT` of the
    regular list off. Errors: ConfigurationError for `auto` without an answer.
    Source: cvmfs-format.md 12.
    """
    groups: list[tuple[str, ...]] = []
    for part in text.split(";"):
        group = part.strip()
        if group == "auto":
            if not automatic:
                raise ConfigurationError(
                    "proxy discovery is not in this version",
                    "CVMFS_HTTP_PROXY=auto",
                    "name the proxies, or set http_proxy",
                )
            groups.extend(parse_proxies(automatic.replace("auto", "")))
            continue
        groups.append(_members(group))
    if fallback.strip():
        groups = [tuple(p for p in group if p != DIRECT) for group in groups]
        groups.extend(_members(part) for part in fallback.split(";"))
    return tuple(group for group in groups if group)


def _members(group: str) -> tuple[str, ...]:
    # Blanks after `;` and hosts without a scheme are common in pilots' settings.
    names = (name.strip() for name in group.split("|"))
    return tuple(_with_scheme(name) for name in names if name)


def _with_scheme(name: str) -> str:
    if name.upper() == DIRECT:
        return DIRECT
    return name if "://" in name else f"http://{name}"
