# SPDX-License-Identifier: GPL-2.0-or-later
"""Objects on disk, in the official client's layout. Knows no URL."""

from __future__ import annotations

from interpose.cache.alien import AlienCache
from interpose.cache.directory import CacheDirectory
from interpose.cache.eviction import NO_LIMIT, Room
from interpose.cache.found import Found
from interpose.cache.identity import FileIdentity
from interpose.cache.learned import Learned
from interpose.cache.private import PrivateCache
from interpose.cache.receiver import Receiver
from interpose.cache.state import RepositoryState, State, TrustRecord
from interpose.cache.turns import Turns
from interpose.cache.verify import Promise, Repacked, VerifyingSink

__all__ = [
    "NO_LIMIT",
    "AlienCache",
    "CacheDirectory",
    "FileIdentity",
    "Found",
    "Learned",
    "PrivateCache",
    "Promise",
    "Receiver",
    "Repacked",
    "RepositoryState",
    "Room",
    "State",
    "TrustRecord",
    "Turns",
    "VerifyingSink",
]
