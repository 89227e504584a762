# SPDX-License-Identifier: GPL-2.0-or-later
"""Caches that the official tools left behind."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from interpose.cache import AlienCache, PrivateCache, Repacked
from interpose.formats.hashes import ContentHash, new_hasher

ROOT = Path(__file__).resolve().parents[3]
SHARED = ROOT / os.environ.get("INTERPOSE_SHARED", "../shared")
SAMPLE = SHARED / "repositories" / "caches" / "sha1-official-cache.tar.xz"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not SAMPLE.is_file():
        pytest.skip(f"no sample caches: {SAMPLE} is missing (set INTERPOSE_SHARED)")
    top = tmp_path_factory.mktemp("official")
    with tarfile.open(SAMPLE) as archive:
        archive.extractall(top)
    return top


@pytest.mark.parametrize(
    "name", ["exclusive/sha1.example.org", "shared/shared", "alien", "preload"]
)
def test_objects_are_found_and_proven_by_recompression(
    unpacked: Path, name: str
) -> None:
    top = unpacked / name
    caches = (PrivateCache(top), AlienCache(top, writable=False))
    files = [path for path in top.glob("[0-9a-f][0-9a-f]/*") if path.is_file()]
    assert len(files) > 20
    for path in files:
        content_hash = ContentHash.parse(path.parent.name + path.name)
        for cache in caches:
            assert cache.find(content_hash) == path
            assert not cache.vouches_for(path)
        algorithm = content_hash.algorithm
        digest = content_hash.digest
        repacked = Repacked(new_hasher(algorithm))
        repacked.update(path.read_bytes())
        assert repacked.digest() == digest
    assert caches[1].breadcrumb("sha1.example.org")
