# SPDX-License-Identifier: GPL-2.0-or-later
"""From parameters to the two fetchers of a repository: stratum and external data."""

from __future__ import annotations

import os

from interpose.config import Configuration, ServerSettings
from interpose.network import Families, Fetcher, Lent, NetworkSettings


def fetchers(
    configuration: Configuration, lent: Lent, *, offline: bool
) -> tuple[Fetcher, Fetcher]:
    """One fetcher for the repository's own servers, one for external data.

    Errors: ConfigurationError.
    """
    settings = ServerSettings.of(configuration)
    order = settings.order
    own = NetworkSettings(
        servers=settings.servers,
        proxies=settings.proxies,
        timeout_s=settings.timeout_s,
        timeout_direct_s=settings.timeout_direct_s,
        low_speed_limit=settings.low_speed_limit,
        max_retries=settings.max_retries,
        backoff_init_s=settings.backoff_init_s,
        backoff_max_s=settings.backoff_max_s,
        follow_redirects=settings.follow_redirects,
        offline=offline,
        send_info=settings.send_info,
        uuid=settings.uuid,
        ca_path=_authorities(settings),
        families=Families(
            order.ipv4_only, order.preferred_family, order.addresses_of_proxy
        ),
        pac_urls=order.pac_urls,
        auto_may_be_direct=order.auto_may_be_direct,
        proxy_shard=order.proxy_shard,
        proxy_reset_s=order.proxy_reset_s,
        host_reset_s=order.host_reset_s,
        use_geo=order.use_geo,
        fallback_groups=settings.fallback_groups,
        proxy_template=order.proxy_template,
        max_servers=order.max_servers,
    )
    external = own._replace(
        servers=settings.external_servers,
        proxies=settings.external_proxies,
        timeout_s=settings.external_timeout_s,
        timeout_direct_s=settings.external_timeout_direct_s,
        use_geo=False,
        fallback_groups=0,
        max_servers=order.max_external_servers,
    )
    return Fetcher(own, lent), Fetcher(external, lent)


def _authorities(settings: ServerSettings) -> str:
    """Where certification authorities are for https; empty: those of requests."""
    if settings.use_system_ca:
        return ""
    if settings.ca_bundle:
        return settings.ca_bundle
    return settings.ca_directory if os.path.isdir(settings.ca_directory) else ""
