# SPDX-License-Identifier: GPL-2.0-or-later
"""A storage in which somebody else has planted things, and how often the disk waits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from interpose.errors import InterposeError
from interpose.publish import storage as storage_module
from interpose.publish.storage import Storage
from tests.unit.publish.conftest import Shop


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A directory of the publisher's with a file that must stay as it is."""
    place = tmp_path / "outside"
    place.mkdir()
    (place / "precious").write_text("precious")
    return place


def assert_untouched(outside: Path) -> None:
    assert [path.name for path in outside.iterdir()] == ["precious"]
    assert (outside / "precious").read_text() == "precious"


@pytest.mark.parametrize("name", [".", "..", "data", "data/txn", "data/ab"])
def test_a_directory_that_is_a_link_is_refused(
    shop: Shop, outside: Path, name: str
) -> None:
    planted = Path(os.path.normpath(shop.directory / name))
    planted.parent.mkdir(parents=True)
    planted.symlink_to(outside)
    with pytest.raises(InterposeError, match="links are not followed"):
        shop.publish()
    assert_untouched(outside)


@pytest.mark.parametrize("kind", ["link", "fifo", "hard"])
def test_what_is_planted_for_manifest_and_whitelist_is_replaced(
    shop: Shop, outside: Path, kind: str
) -> None:
    for name in (".cvmfs_master_replica", ".cvmfswhitelist"):
        planted = shop.directory / name
        planted.parent.mkdir(parents=True, exist_ok=True)
        if kind == "link":
            planted.symlink_to(outside / "precious")
        elif kind == "fifo":
            os.mkfifo(planted)
        else:
            os.link(outside / "precious", planted)
    if kind == "hard":
        shop.publish()
        shop.read()
    else:
        with pytest.raises(InterposeError, match="whitelist"):
            shop.publish()
    assert_untouched(outside)


@pytest.mark.parametrize("kind", ["link", "other bytes"])
def test_what_is_planted_for_an_object_is_replaced(
    shop: Shop, outside: Path, kind: str
) -> None:
    (shop.source / "file").write_bytes(b"content" * 100)
    shop.publish()
    (name,) = [name for name in shop.read().objects if name[-1] not in "CHXM"]
    path = shop.directory / name
    size = path.stat().st_size
    path.unlink()
    if kind == "link":
        (outside / "precious").write_bytes(b"x" * size)
        path.symlink_to(outside / "precious")
    else:
        path.write_bytes(b"x" * size)
        path.chmod(0o666)  # Others may have written it.
    shop.publish()
    shop.read()
    assert [found.name for found in outside.iterdir()] == ["precious"]


def test_a_planted_directory_in_txn_does_no_harm(shop: Shop, outside: Path) -> None:
    shop.publish()
    planted = shop.directory / "data/txn/interpose-publish-old"
    planted.mkdir()
    (planted / "link").symlink_to(outside / "precious")
    (planted / "inner").mkdir()
    shop.publish()
    assert_untouched(outside)


def test_files_are_made_by_name_only_where_nobody_exchanges_them(shop: Shop) -> None:
    with Storage(shop.directory) as storage:
        assert shop.directory in storage.temporary().parents
    shop.directory.chmod(0o777)
    with Storage(shop.directory) as storage:
        place = storage.temporary().parent
        assert shop.directory not in place.parents
        assert place.stat().st_mode & 0o777 == 0o700
    assert not place.exists()


def test_the_disk_is_waited_for_once_and_before_the_manifest(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    rename, fsync = os.rename, os.fsync

    def noted(source: str, target: str, **more: int) -> None:
        events.append(target)
        rename(source, target, **more)

    monkeypatch.setattr(storage_module, "write_to_disk", lambda _: events.append("!"))
    monkeypatch.setattr(os, "rename", noted)
    monkeypatch.setattr(os, "fsync", lambda fd: (events.append("!"), fsync(fd)))
    for number in range(300):
        (shop.source / str(number)).write_bytes(b"%d" % number)
    shop.publish()
    assert len(events) > 300
    assert events[-4:] == [
        "!",
        ".cvmfs_master_replica",
        ".cvmfswhitelist",
        ".cvmfspublished",
    ]
    assert events.count("!") == 1


def test_what_a_killed_publisher_left_is_removed(shop: Shop) -> None:
    left = shop.directory / "data/txn/interpose-publish-abcdefgh"
    left.mkdir(parents=True)
    (left / "0").write_text("half")
    shop.publish()
    assert list((shop.directory / "data/txn").iterdir()) == []
