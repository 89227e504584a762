# SPDX-License-Identifier: GPL-2.0-or-later
"""Catalogs that we write."""

from __future__ import annotations

import sqlite3
import stat
from typing import TYPE_CHECKING

import pytest

from interpose.errors import FormatError
from interpose.formats import flags
from interpose.formats.catalog import CatalogFile
from interpose.formats.catalog_writer import (
    CatalogProperties,
    CatalogWriter,
    NewChunk,
    NewEntry,
)
from interpose.formats.counters import SELF, SUBTREE, Counters, count_catalog
from interpose.formats.hashes import Algorithm, hash_bytes
from interpose.formats.pathhash import parent_hash, path_hash
from interpose.formats.schema import Schema

if TYPE_CHECKING:
    from pathlib import Path

DIRECTORY = stat.S_IFDIR | 0o755
REGULAR = stat.S_IFREG | 0o644
LINK = stat.S_IFLNK | 0o777
HASH = hash_bytes(Algorithm.RIPEMD160, b"content")
ROOT = NewEntry(b"", DIRECTORY, 4096, 1, linkcount=3)


def test_every_kind_of_entry_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "catalog"
    with CatalogWriter(path, CatalogProperties(9, 1234, ttl_s=60)) as writer:
        writer.add(ROOT)
        writer.add(
            NewEntry(
                b"/f\xff",
                REGULAR,
                7,
                -5,
                mtimens=999_999_999,
                uid=1000,
                gid=0xFFFFFFFF,
                content_hash=HASH,
                linkcount=2,
                hardlink_group=3,
                xattr=b"\x01\x00",
                compression=flags.Compression.NONE,
            )
        )
        writer.add(NewEntry(b"/l", LINK, 3, 2, symlink=b"\xfe/x"))
        writer.add(NewEntry(b"/p", stat.S_IFIFO | 0o600, 0, 2))
        nested = flags.NESTED_MOUNTPOINT
        writer.add(NewEntry(b"/n", DIRECTORY, 4096, 2, linkcount=2, flags=nested))
        writer.attach(b"/n", HASH, 5000)
        writer.bind(b"/b", HASH, 6000)
        total = writer.finish(Counters({"regular": 5, "dir": 1}))
    assert (total.values["regular"], total.values["dir"]) == (6, 3)
    with CatalogFile(path) as catalog:
        rows = {row.name: row for row in catalog.rows()}
        assert list(rows) == [b"", b"f\xff", b"l", b"p", b"n"]
        row = rows[b"f\xff"]
        assert (row.md5path_1, row.md5path_2) == path_hash(b"/f\xff")
        assert (row.parent_1, row.parent_2) == parent_hash(b"/f\xff")
        assert row.hardlinks == 3 << 32 | 2
        assert (row.hash, row.size, row.mode) == (HASH.digest, 7, REGULAR)
        assert (row.mtime, row.mtimens) == (-5, 999_999_999)
        assert row.flags == flags.FILE | 1 << 8 | 1 << 11
        assert (row.uid, row.gid, row.xattr) == (1000, 0xFFFFFFFF, b"\x01\x00")
        assert (rows[b"l"].symlink, rows[b"l"].flags) == (b"\xfe/x", 12)
        assert (rows[b"p"].flags, rows[b""].flags) == (20, flags.DIRECTORY)
        assert [(n.path, n.hash, n.size, n.is_bind) for n in catalog.nested()] == [
            (b"/n", HASH, 5000, False),
            (b"/b", HASH, 6000, True),
        ]
        assert (catalog.revision, catalog.last_modified, catalog.ttl_s) == (9, 1234, 60)
        assert catalog.root_prefix == b""
        assert catalog.previous_revision is None
        assert catalog.schema == Schema(2.5, 7)


def test_a_nested_catalog_knows_its_place_and_its_predecessor(tmp_path: Path) -> None:
    path = tmp_path / "catalog"
    properties = CatalogProperties(1, 2, b"/a/\xff", previous_revision=HASH)
    with CatalogWriter(path, properties) as writer:
        writer.add(NewEntry(b"/a/\xff", DIRECTORY, 4096, 1, linkcount=2))
        writer.finish(Counters())
    with CatalogFile(path) as catalog:
        (row,) = catalog.rows()
        assert (row.name, row.flags) == (b"\xff", flags.DIRECTORY | flags.NESTED_ROOT)
        assert catalog.root_prefix == b"/a/\xff"
        assert catalog.previous_revision == HASH
        assert "TTL" not in catalog.properties


def test_statistics_hold_all_rows_and_count_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "catalog"
    chunked = flags.CHUNKED
    with CatalogWriter(path, CatalogProperties(1, 2)) as writer:
        writer.add(ROOT)
        writer.add(
            NewEntry(b"/c", REGULAR, 30, 1, flags=chunked, algorithm=Algorithm.SHAKE128)
        )
        writer.add_chunks(b"/c", [NewChunk(0, 10, HASH), NewChunk(10, 20, HASH)])
        external = flags.EXTERNAL
        writer.add(NewEntry(b"/e", REGULAR, 5, 1, content_hash=HASH, flags=external))
        writer.add(NewEntry(b"/x", LINK, 1, 1, symlink=b"y", xattr=b"\x01\x00"))
        writer.finish(Counters({"chunks": 4}))
    with CatalogFile(path) as catalog:
        found = catalog.counters()
        assert len(found) == 24
        assert sqlite3.connect(path).execute(
            "SELECT count(*) FROM statistics"
        ).fetchone() == (24,)
        chunks = list(catalog.chunks())
        counted = count_catalog(catalog.rows(), len(chunks), len(catalog.nested()))
    assert Counters.from_statistics(found, SELF) == counted
    assert repr(counted) == repr(Counters(counted.values))
    assert hash(counted) == hash(Counters(counted.values))
    assert Counters.from_statistics(found, SUBTREE) == Counters({"chunks": 4})
    assert {name: value for name, value in counted.values.items() if value} == {
        "dir": 1,
        "regular": 2,
        "symlink": 1,
        "xattr": 1,
        "chunked": 1,
        "chunked_size": 30,
        "chunks": 2,
        "file_size": 35,
        "external": 1,
        "external_file_size": 5,
    }
    assert [(chunk.offset, chunk.size) for chunk in chunks] == [(0, 10), (10, 20)]


def test_texts_are_found_as_texts_and_the_journal_is_a_rollback_journal(
    tmp_path: Path,
) -> None:
    path = tmp_path / "catalog"
    with CatalogWriter(path, CatalogProperties(1, 2)) as writer:
        writer.add(ROOT)
        for number in range(5000):
            name = b"/f%d" % number
            writer.add(NewEntry(name, REGULAR, 1, 1, content_hash=HASH))
        writer.attach(b"/n", HASH, 1)
        writer.finish(Counters())
    assert [entry.name for entry in tmp_path.iterdir()] == ["catalog"]
    assert path.read_bytes()[18:20] == b"\x01\x01"
    connection = sqlite3.connect(path)
    for query, expected in (
        ("SELECT count(*) FROM catalog WHERE name = 'f4999'", 1),
        ("SELECT count(*) FROM nested_catalogs WHERE path = '/n'", 1),
        ("SELECT count(*) FROM catalog WHERE typeof(symlink) = 'text'", 5001),
        ("SELECT count(*) FROM catalog", 5001),
    ):
        assert connection.execute(query).fetchone() == (expected,)
    connection.close()


@pytest.mark.parametrize(
    "entry",
    [
        NewEntry(b"/f", REGULAR, 1, 1),
        NewEntry(b"/f", REGULAR, 1, 1, algorithm=Algorithm.SHA1),
        NewEntry(b"/f", REGULAR, 1, 1, flags=flags.CHUNKED),
        NewEntry(b"/d", DIRECTORY, 1, 1, content_hash=HASH),
        NewEntry(b"/d", DIRECTORY, 1, 1, symlink=b"x"),
        NewEntry(b"/l", LINK, 1, 1),
        NewEntry(b"/l", LINK, 1, 1, symlink=b"a\0b"),
    ],
)
def test_entries_that_contradict_themselves_are_refused(
    tmp_path: Path, entry: NewEntry
) -> None:
    writer = CatalogWriter(tmp_path / "c", CatalogProperties(1, 2))
    with writer, pytest.raises(ValueError, match="of b'/"):
        writer.add(entry)


def test_impossible_paths_and_chunks_with_gaps_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError):
        CatalogWriter(tmp_path / "c", CatalogProperties(1, 2, b"nested"))
    with CatalogWriter(tmp_path / "c", CatalogProperties(1, 2)) as writer:
        with pytest.raises(FormatError):
            writer.add(NewEntry(b"/..", DIRECTORY, 1, 1))
        with pytest.raises(FormatError):
            writer.attach(b"/", HASH, 1)
        with pytest.raises(FormatError):
            writer.bind(b"x", HASH, 1)
        with pytest.raises(ValueError, match="follow"):
            writer.add_chunks(b"/c", [NewChunk(0, 1, HASH), NewChunk(2, 1, HASH)])
        with pytest.raises(ValueError, match="follow"):
            writer.add_chunks(b"/c", [NewChunk(0, 0, HASH)])


def test_what_sqlite_refuses_is_an_os_error(tmp_path: Path) -> None:
    path = tmp_path / "c"
    with CatalogWriter(path, CatalogProperties(1, 2)) as writer:
        writer.add(ROOT)
        writer.add(ROOT)
        with pytest.raises(OSError, match="SQLite"):
            writer.finish(Counters())
    with pytest.raises(FileExistsError):
        CatalogWriter(path, CatalogProperties(1, 2))
