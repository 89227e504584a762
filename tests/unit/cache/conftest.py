# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from interpose import owned
from interpose.cache import PrivateCache
from interpose.formats.hashes import Algorithm, ContentHash, hash_bytes
from tests.unit.cache.hooked import HookedWalk, compiled


def hash_of(content: bytes) -> ContentHash:
    """The name of the object with this content."""
    return hash_bytes(Algorithm.SHA1, zlib.compress(content))


def files_below(top: Path) -> list[str]:
    """Paths of all files, relative to the top."""
    found = [
        os.path.relpath(os.path.join(directory, name), top)
        for directory, _, names in os.walk(top)
        for name in names
    ]
    return sorted(found)


@pytest.fixture
def private(tmp_path: Path) -> PrivateCache:
    return PrivateCache(tmp_path / "private")


@pytest.fixture(scope="session")
def hooked_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("hooked"))


@pytest.fixture
def walk(hooked_library: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HookedWalk]:
    """The walk that all caches use here, with a test at its elbow."""
    hooked = HookedWalk(hooked_library)
    monkeypatch.setattr(owned, "lib", hooked)
    yield hooked
    hooked.reset()
