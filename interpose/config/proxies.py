# SPDX-License-Identifier: GPL-2.0-or-later
"""The chain of proxies that two parameters and the environment make.

Source: docs/format.md 12.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from interpose.formats.proxylist import AUTO, DIRECT, Groups, parse_groups, split_list


class ProxyChain(NamedTuple):
    """Groups in their order; `assumed_direct` if nothing usable was configured.

    The group `auto` is left for the network to find out; `auto_may_be_direct` is False
    where a fallback is named: `fallback_groups` of them, at the end.
    """

    groups: Groups
    fallback_groups: int = 0
    assumed_direct: bool = False
    auto_may_be_direct: bool = True


def proxy_chain(
    regular: str, fallback: str, environment: Mapping[str, str]
) -> ProxyChain:
    """The groups that are used, DIRECT if there is nothing else.

    `auto` stands for `$http_proxy`; without that it stays, for what auto-configuration
    files say. A fallback drops DIRECT from the regular list, and has none itself.
    """
    automatic = environment.get("http_proxy", "") or AUTO
    parts = [
        automatic if part.lower() == AUTO else part for part in split_list(regular, ";")
    ]
    groups = parse_groups(";".join(parts))
    extra = _without_direct(parse_groups(fallback))
    if extra:
        groups = _without_direct(groups) + extra
    if not groups:
        return ProxyChain(((DIRECT,),), assumed_direct=True)
    return ProxyChain(groups, len(extra), auto_may_be_direct=not extra)


def _without_direct(groups: Groups) -> Groups:
    kept = (tuple(p for p in group if p != DIRECT) for group in groups)
    return tuple(group for group in kept if group)
