# SPDX-License-Identifier: GPL-2.0-or-later
"""Keys made for the tests, and the repositories that the official tools made."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.formats.making import KeyPair, OfficialRepository, make_keys

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def master() -> KeyPair:
    """The key that signs whitelists."""
    return make_keys()


@pytest.fixture(scope="session")
def signer() -> KeyPair:
    """The key and certificate that sign manifests."""
    return make_keys()


@pytest.fixture(scope="session")
def stranger() -> KeyPair:
    """A key that nobody knows."""
    return make_keys()


def shared_repositories() -> Path:
    """Where the official repositories are, if they are."""
    return ROOT / os.environ.get("INTERPOSE_SHARED", "../shared") / "repositories"


@pytest.fixture(scope="session")
def official() -> Callable[[str], OfficialRepository]:
    """The repository of this name that the official tools made."""
    shared = shared_repositories()
    if not shared.is_dir():
        pytest.skip(
            "no official repositories: INTERPOSE_SHARED names no such directory"
        )
    known: dict[str, OfficialRepository] = {}

    def load(name: str) -> OfficialRepository:
        if name not in known:
            key = (shared / "keys" / f"{name}.pub").read_bytes()
            files = _read_archive(shared / f"{name}.tar.xz", f"cvmfs/{name}/")
            known[name] = OfficialRepository(name, files, key)
        return known[name]

    return load


def _read_archive(archive: Path, prefix: str) -> dict[str, bytes]:
    files = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            path = member.name.removeprefix("./")
            wanted = path[-1] in "CHX" or "/.cvmfs" in path
            if member.isfile() and wanted and path.startswith(prefix):
                content = tar.extractfile(member)
                assert content is not None
                files[path[len(prefix) :]] = content.read()
    return files
