# SPDX-License-Identifier: GPL-2.0-or-later
"""Catalogs that the official publisher wrote, compared with what its client showed."""

from __future__ import annotations

import json
import lzma
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from interpose import native
from tests.native.catalogs import Forest
from tests.support.places import Repositories

TYPES = {
    "file": stat.S_IFREG,
    "dir": stat.S_IFDIR,
    "symlink": stat.S_IFLNK,
    "chr": stat.S_IFCHR,
    "blk": stat.S_IFBLK,
    "fifo": stat.S_IFIFO,
    "sock": stat.S_IFSOCK,
}


def truth(repositories: Repositories, name: str) -> list[dict[str, Any]]:
    place = repositories.source / "truth" / f"{name}.jsonl"
    packed = place.with_name(place.name + ".xz")
    data = (
        place.read_bytes() if place.exists() else lzma.decompress(packed.read_bytes())
    )
    return [json.loads(line) for line in data.splitlines()]


@pytest.mark.parametrize(
    "name", ["sha1", "rmd160", "shake128", "tagged", "tricky", "bind", "oldschema"]
)
def test_index_agrees_with_the_official_client(
    repositories: Repositories, tmp_path: Path, name: str
) -> None:
    fqrn = f"{name}.example.org"
    forest = Forest(repositories.need(fqrn), tmp_path)
    expected = truth(repositories, fqrn)
    groups: dict[str, int] = {}
    for line in expected:
        path = line["path"].encode("utf-8", "surrogateescape")
        found = forest.walk(b"/" + path.strip(b"/") if path else b"")
        assert found is not None, path
        compare(found[1], line)
        group = line.get("hardlink_group")
        if group is not None:
            assert groups.setdefault(group, found[1].inode) == found[1].inode
    listed = {path.strip(b"/") for path in forest.paths()}
    known = {line["path"].encode("utf-8", "surrogateescape") for line in expected}
    assert listed == {path.strip(b"/") for path in known if path}


def compare(entry: native.Entry, line: dict[str, Any]) -> None:
    mode = TYPES[line["type"]] | int(str(line["mode"]), 8)
    plain = entry.mode, entry.uid, entry.gid, entry.nlink
    assert plain == (mode, line["uid"], line["gid"], line["nlink"]), line
    assert entry.mtime * 1_000_000_000 + entry.mtime_ns == line["mtime_ns"], line
    if not entry.flags & native.ENTRY_VARIANT:
        assert entry.size == line["size"], line
    if line["type"] == "symlink" and not entry.flags & native.ENTRY_VARIANT:
        target = line["target"].encode("utf-8", "surrogateescape")
        assert entry.target == target, line
    if line.get("rdev"):
        assert entry.device == os.makedev(*line["rdev"]), line
    if entry.flags & native.ENTRY_CHUNKED:
        assert sum(chunk.size for chunk in entry.chunks) == entry.size, line


def test_125000_files_of_lsst_build_and_look_up(
    repositories: Repositories, tmp_path: Path
) -> None:
    forest = Forest(repositories.need("lsst.example.org"), tmp_path)
    paths = list(forest.paths())
    assert len(forest.indexes) > 80
    assert len(paths) > 125_000
    for path in paths[::20]:
        found = forest.walk(path)
        assert found is not None
        assert found[1].name == path.rpartition(b"/")[2]
    assert forest.walk(paths[-1] + b"x") is None
    bytes_in_all = sum(path.stat().st_size for path in tmp_path.glob("*.index"))
    assert bytes_in_all <= 16 << 20
