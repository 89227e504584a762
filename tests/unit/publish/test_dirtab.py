# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules for nested catalogs, and what a publication says that it left out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from interpose.errors import InterposeError
from interpose.publish.dirtab import Dirtab
from tests.unit.publish.conftest import Shop, has_xattrs


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        (b"/software/*", b"/software/v1", True),
        (b"/software/*", b"/software/v1/lib", False),
        (b"/software/*/", b"/software/v1", True),
        (b"  /software/v?  # no comment", b"/software/v1", False),
        (b"  /software/v?  ", b"/software/v1", True),
        (b"# /software/*", b"/software/v1", False),
        (b"/*/*", b"/a/b", True),
        (b"/s/v[0-9]", b"/s/v7", True),
        (b"/s/v[!0-9]", b"/s/v7", False),
        (b"/s/v[!0-9]", b"/s/v/", False),
        (b"/s/v[", b"/s/v[", True),
        (b"/s/\\*", b"/s/*", True),
        (b"/s/\\*", b"/s/a", False),
        (b"/s/a.b", b"/s/axb", False),
        (b"/s/*\n! /s/old", b"/s/old", False),
        (b"/s/*\n! /s/old", b"/s/new", True),
        (b"/s/*\n!*.svn", b"/s/.svn", False),
        (b"/s/*\n! */.svn", b"/s/.svn", False),
        (b"/s/*\n! svn", b"/s/no-svn", True),
        (b"", b"/s", False),
    ],
)
def test_rules(text: bytes, path: bytes, expected: bool) -> None:
    assert Dirtab.parse(text).starts_catalog(path) is expected


@pytest.mark.parametrize("text", [b"\nsoftware/*", b"\n/", b"\n!", b"/a\n! /a"])
def test_what_is_no_rule_is_named_by_its_line(text: bytes) -> None:
    with pytest.raises(InterposeError, match=r"/\.cvmfsdirtab line 2"):
        Dirtab.parse(text)


@pytest.mark.parametrize("plain", [False, True])
def test_the_rules_start_catalogs_and_put_markers_there(
    shop: Shop, plain: bool
) -> None:
    from interpose.formats.flags import Compression

    for name in ("v1", "v2/lib", "old"):
        (shop.source / "software" / name).mkdir(parents=True)
        (shop.source / "software" / name / "file").write_text(name)
    (shop.source / "software/v1/.cvmfscatalog").touch()
    (shop.source / ".cvmfsdirtab").write_text("/software/*\n! /software/old\n")
    how = Compression.NONE if plain else Compression.ZLIB
    published = shop.publish(compression=how)
    assert published.totals.catalogs == 3
    found = shop.read()
    assert sorted(found.catalogs) == [b"", b"/software/v1", b"/software/v2"]
    marker = found.rows[b"/software/v2/.cvmfscatalog"]
    official = found.rows[b"/software/v1/.cvmfscatalog"]
    assert (marker.size, marker.hash) == (0, official.hash)
    assert marker.flags == official.flags
    assert b"/software/old/.cvmfscatalog" not in found.rows
    assert not (shop.source / "software/v2/.cvmfscatalog").exists()
    # The same again changes no nested catalog.
    shop.publish(compression=how)
    again = shop.read()
    for path in (b"/software/v1", b"/software/v2"):
        assert again.catalogs[path].content_hash == found.catalogs[path].content_hash


@pytest.mark.parametrize("kind", ["directory", "link", "fifo"])
@pytest.mark.parametrize("place", ["", "below"])
def test_a_marker_that_is_no_file_is_a_remark(
    shop: Shop, kind: str, place: str
) -> None:
    top = shop.source / place
    top.mkdir(exist_ok=True)
    marker = top / ".cvmfscatalog"
    if kind == "directory":
        marker.mkdir()
        (marker / "file").write_text("content")
    elif kind == "link":
        marker.symlink_to("file")
    else:
        os.mkfifo(marker)
    published = shop.publish()
    (remark,) = published.remarks
    assert remark.startswith("1 entry named .cvmfscatalog")
    found = shop.read()
    assert list(found.catalogs) == [b""]
    if kind == "directory":
        name = f"/{place}/.cvmfscatalog/file".replace("//", "/").encode()
        assert name in found.rows


def test_attributes_that_are_left_out_are_counted(shop: Shop) -> None:
    if not has_xattrs(shop.source):
        pytest.skip("the file system of the temporary directory keeps no user.* xattrs")
    for name in ("a", "b", "c"):
        (shop.source / name).touch()
        os.setxattr(shop.source / name, "user.long", b"x" * 300)
        os.setxattr(shop.source / name, "user.good", b"x")
    wanted = ["left out 3 extended attributes of 256 bytes or more"]
    if set_trusted(shop.source / "a"):
        wanted.append("left out 1 extended attribute trusted.*")
    remarks = sorted(shop.publish().remarks)
    assert len(remarks) == len(wanted)
    for remark, start in zip(sorted(remarks), sorted(wanted)):
        assert remark.startswith(start), remarks
    assert all(": /" in remark for remark in remarks)


def set_trusted(path: Path) -> bool:
    """Whether an attribute that only root may set is there now."""
    try:
        os.setxattr(path, "trusted.mine", b"x")
    except OSError:
        return False
    return True
