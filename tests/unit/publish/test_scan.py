# SPDX-License-Identifier: GPL-2.0-or-later
"""A source that moves while it is read: one clear error, nothing foreign published."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from interpose.errors import InterposeError
from interpose.formats.hashes import Algorithm, ContentHash
from interpose.publish.remarks import Remarks
from interpose.publish.scan import (
    CatalogEnd,
    SourceDirectory,
    open_member,
    open_source,
    scan,
)
from interpose.publish.storage import Storage
from tests.unit.publish.conftest import Shop


@pytest.fixture
def source(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    top = tmp_path / "top"
    top.mkdir()
    root = open_source(str(top))
    yield top, root
    os.close(root)


def test_catalogs_end_after_their_last_directory(source: tuple[Path, int]) -> None:
    top, root = source
    for place in ("a/b/c", "a/d", "e"):
        (top / place).mkdir(parents=True)
    (top / "a" / ".cvmfscatalog").touch()
    (top / "a" / "b" / ".cvmfscatalog").touch()
    events = [
        (event.path, "end")
        if isinstance(event, CatalogEnd)
        else (event.entry.path, event.starts_catalog)
        for event in scan(root, Remarks())
    ]
    assert events == [
        (b"", False),
        (b"/a", True),
        (b"/a/b", True),
        (b"/a/b/c", False),
        (b"/a/b", "end"),
        (b"/a/d", False),
        (b"/a", "end"),
        (b"/e", False),
    ]


def test_directory_that_becomes_a_symlink_is_an_error(
    source: tuple[Path, int], tmp_path: Path
) -> None:
    top, root = source
    (top / "a" / "b").mkdir(parents=True)
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "b").mkdir(parents=True)
    events = scan(root, Remarks())
    next(events)
    next(events)
    os.rename(top / "a", top / "moved")
    os.symlink(elsewhere, top / "a")
    with pytest.raises(InterposeError, match="changed while it was read: /a/b"):
        next(events)


def test_directory_that_changes_is_an_error(source: tuple[Path, int]) -> None:
    top, root = source
    (top / "a").mkdir()
    events = scan(root, Remarks())
    next(events)
    (top / "a" / "late").touch()
    with pytest.raises(InterposeError, match="changed while it was read: /a"):
        next(events)


@pytest.mark.parametrize("what", ["gone", "symlink", "fifo", "longer", "other"])
def test_file_that_changes_is_an_error(source: tuple[Path, int], what: str) -> None:
    top, root = source
    file = top / "file"
    file.write_bytes(b"content")
    directory = next(scan(root, Remarks()))
    assert isinstance(directory, SourceDirectory)
    if what == "longer":
        file.write_bytes(b"content and more")
    else:
        file.unlink()
    if what == "symlink":
        os.symlink("/etc/passwd", file)
    elif what == "fifo":
        os.mkfifo(file)
    elif what == "other":
        file.write_bytes(b"CONTENT")
    with pytest.raises(InterposeError, match="changed while it was read: /file"):
        open_member(root, directory.members[0])


@pytest.mark.parametrize("size", [100, 50_000])
def test_file_that_grows_while_it_is_read_is_an_error(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    (shop.source / "file").write_bytes(bytes(size))
    store = Storage.store

    def store_and_append(
        storage: Storage, stored: bytes, algorithm: Algorithm, kind: str = ""
    ) -> ContentHash:
        if kind in ("", "P"):
            with (shop.source / "file").open("ab") as stream:
                stream.write(b"more")
        return store(storage, stored, algorithm, kind)

    monkeypatch.setattr(Storage, "store", store_and_append)
    with pytest.raises(InterposeError, match="changed while it was read: /file"):
        shop.publish()
    assert not (shop.directory / ".cvmfspublished").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
@pytest.mark.parametrize("name", ["directory", "file"])
def test_what_cannot_be_read_is_named(shop: Shop, name: str) -> None:
    (shop.source / "directory").mkdir()
    (shop.source / "file").write_bytes(b"secret")
    (shop.source / name).chmod(0)
    with pytest.raises(InterposeError, match=f"cannot read the source.*: /{name}"):
        shop.publish()


def test_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(InterposeError, match=r"No such file.*nowhere"):
        open_source(str(tmp_path / "nowhere"))
