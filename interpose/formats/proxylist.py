# SPDX-License-Identifier: GPL-2.0-or-later
"""Lists of proxies and servers as texts, in parameters and in answers of the network.

Groups are separated by `;`, members of a group by `|`.
Source: docs/format.md 12.
"""

from __future__ import annotations

DIRECT = "DIRECT"
AUTO = "auto"

Groups = tuple[tuple[str, ...], ...]


def split_list(text: str, separator: str) -> tuple[str, ...]:
    """Members without blanks around them; empty ones vanish."""
    return tuple(part.strip() for part in text.split(separator) if part.strip())


def parse_servers(text: str) -> tuple[str, ...]:
    """URLs of servers in order, without a slash at the end."""
    urls = (url.rstrip("/") for url in split_list(text, ";"))
    return tuple(url for url in urls if url)


def parse_groups(text: str) -> Groups:
    """Groups of proxies with their schemes completed."""
    groups = (
        tuple(_complete(member) for member in split_list(group, "|"))
        for group in split_list(text, ";")
    )
    return tuple(group for group in groups if group)


def _complete(proxy: str) -> str:
    # Hosts without a scheme are common in pilots' settings.
    if proxy.upper() == DIRECT:
        return DIRECT
    if proxy.lower() == AUTO:
        return AUTO
    return proxy if "://" in proxy else f"http://{proxy}"
