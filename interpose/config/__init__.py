# SPDX-License-Identifier: GPL-2.0-or-later
"""Parameters: which there are, where they come from, what they mean."""

from __future__ import annotations

__all__ = [
    "Addition",
    "Additions",
    "CacheSettings",
    "Configuration",
    "KeySettings",
    "Origin",
    "PinSettings",
    "RepositoryOption",
    "ServerSettings",
    "Sources",
    "ViewSettings",
    "catalog_watermark",
    "from_environment",
    "is_covered",
    "is_listed",
    "known_repositories",
    "load",
]

from interpose.config.additions import Additions
from interpose.config.caches import CacheSettings, catalog_watermark
from interpose.config.configuration import Configuration, load
from interpose.config.derived import (
    KeySettings,
    PinSettings,
    ServerSettings,
    ViewSettings,
)
from interpose.config.environment import from_environment
from interpose.config.files import Origin
from interpose.config.known import is_covered, is_listed, known_repositories
from interpose.config.repository_option import RepositoryOption
from interpose.config.sources import Addition, Sources
