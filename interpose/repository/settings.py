# SPDX-License-Identifier: GPL-2.0-or-later
"""From parameters to the two fetchers of a repository: stratum and external data."""

from __future__ import annotations

import os
from dataclasses import replace

from interpose.config import Configuration, ServerSettings
from interpose.network import Fetcher, NetworkSettings


def fetchers(configuration: Configuration, *, offline: bool) -> tuple[Fetcher, Fetcher]:
    """One fetcher for the repository's own servers, one for external data.

    Errors: ConfigurationError.
    """
    settings = ServerSettings.of(configuration)
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
    )
    external = replace(
        own,
        servers=settings.external_servers,
        proxies=settings.external_proxies,
        timeout_s=settings.external_timeout_s,
        timeout_direct_s=settings.external_timeout_direct_s,
    )
    return Fetcher(own), Fetcher(external)


def _authorities(settings: ServerSettings) -> str:
    """The place of certification authorities for https; empty: those of requests."""
    if settings.use_system_ca:
        return ""
    if settings.ca_bundle:
        return settings.ca_bundle
    return settings.ca_directory if os.path.isdir(settings.ca_directory) else ""
