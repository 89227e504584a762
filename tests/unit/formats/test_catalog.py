# SPDX-License-Identifier: GPL-2.0-or-later
"""Catalogs that somebody bent."""

from __future__ import annotations

import sqlite3
import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interpose.errors import FormatError
from interpose.formats import limits
from interpose.formats.catalog import CatalogFile
from interpose.formats.catalog_writer import (
    CatalogProperties,
    CatalogWriter,
    NewChunk,
    NewEntry,
)
from interpose.formats.counters import Counters
from interpose.formats.hashes import Algorithm, hash_bytes

if TYPE_CHECKING:
    from pathlib import Path

HASH = hash_bytes(Algorithm.SHA1, b"content")
REGULAR = stat.S_IFREG | 0o644
DIRECTORY = stat.S_IFDIR | 0o755


def _write(path: Path, prefix: bytes = b"") -> None:
    with CatalogWriter(path, CatalogProperties(4, 5, prefix)) as writer:
        writer.add(NewEntry(prefix, DIRECTORY, 4096, 1, linkcount=2))
        writer.add(NewEntry(prefix + b"/f", REGULAR, 9, 1, content_hash=HASH))
        chunk = NewChunk(0, 9, HASH)
        writer.add_chunks(prefix + b"/f", [chunk])
        writer.attach(prefix + b"/n", HASH, 7)
        writer.finish(Counters())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A small and correct root catalog."""
    path = tmp_path / "catalog"
    _write(path)
    return path


def _bend(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def _read_all(path: Path) -> int:
    with CatalogFile(path) as catalog:
        assert catalog.previous_revision is None or catalog.previous_revision.text
        assert len(catalog.counters()) == 24
        rows = list(catalog.rows())
        return len(rows) + len(list(catalog.chunks())) + len(catalog.nested())


def test_a_correct_catalog_is_read(path: Path) -> None:
    assert _read_all(path) == 4


BENDS = [
    "UPDATE catalog SET name = 'a/b' WHERE name = 'f'",
    "UPDATE catalog SET name = '..' WHERE name = 'f'",
    "UPDATE catalog SET name = '.' WHERE name = 'f'",
    "UPDATE catalog SET name = '' WHERE name = 'f'",
    "UPDATE catalog SET name = NULL",
    "UPDATE catalog SET name = CAST(x'6100' AS TEXT) WHERE name = 'f'",
    "UPDATE catalog SET name = hex(zeroblob(128)) WHERE name = 'f'",
    "UPDATE catalog SET symlink = NULL",
    "UPDATE catalog SET symlink = CAST(x'6100' AS TEXT)",
    "UPDATE catalog SET hash = zeroblob(19)",
    "UPDATE catalog SET hash = zeroblob(16)",
    "UPDATE catalog SET hash = zeroblob(21)",
    "UPDATE catalog SET hash = 5",
    "UPDATE catalog SET mode = 'x'",
    "UPDATE catalog SET mode = -1",
    "UPDATE catalog SET mode = 420",
    "UPDATE catalog SET mode = 65536 + mode",
    "UPDATE catalog SET mode = NULL",
    "UPDATE catalog SET size = -1",
    "UPDATE catalog SET size = 1.5",
    "UPDATE catalog SET size = 1e30",
    "UPDATE catalog SET mtime = x'00'",
    "UPDATE catalog SET mtimens = 1000000000",
    "UPDATE catalog SET mtimens = 'x'",
    "UPDATE catalog SET uid = -1",
    "UPDATE catalog SET gid = 4294967296",
    "UPDATE catalog SET hardlinks = NULL",
    "UPDATE catalog SET flags = 'x'",
    "UPDATE catalog SET xattr = 5",
    "UPDATE catalog SET md5path_1 = NULL",
    "UPDATE chunks SET offset = -1",
    "UPDATE chunks SET size = -1",
    "UPDATE chunks SET hash = zeroblob(4)",
    "UPDATE chunks SET hash = NULL",
    "UPDATE chunks SET size = 'x'",
    "UPDATE nested_catalogs SET path = 'n'",
    "UPDATE nested_catalogs SET path = '/'",
    "UPDATE nested_catalogs SET path = '/a/../b'",
    "UPDATE nested_catalogs SET path = NULL",
    "UPDATE nested_catalogs SET sha1 = 'x'",
    "UPDATE nested_catalogs SET sha1 = sha1 || 'C'",
    "UPDATE nested_catalogs SET sha1 = x'ff'",
    "UPDATE nested_catalogs SET size = -1",
    "UPDATE nested_catalogs SET size = 'x'",
    "INSERT INTO bind_mountpoints SELECT * FROM nested_catalogs",
    "UPDATE statistics SET value = 'x'",
    "DELETE FROM statistics WHERE counter = 'self_special'",
    "DROP TABLE statistics",
    "UPDATE properties SET value = '2.6' WHERE key = 'schema'",
    "UPDATE properties SET value = 'x' WHERE key = 'schema_revision'",
    "UPDATE properties SET value = '-1' WHERE key = 'revision'",
    "UPDATE properties SET value = x'ff' WHERE key = 'TTL'",
    "INSERT INTO properties VALUES ('root_prefix', 'a')",
    "INSERT INTO properties VALUES ('root_prefix', '/a/..')",
    "INSERT INTO properties VALUES ('root_prefix', '/elsewhere')",
    "INSERT OR REPLACE INTO properties VALUES ('previous_revision', 'x')",
    "DROP TABLE properties",
    "DROP TABLE catalog",
    "ALTER TABLE catalog RENAME COLUMN symlink TO target",
    "ALTER TABLE catalog RENAME COLUMN uid TO owner",
    "ALTER TABLE catalog ADD COLUMN rowid INTEGER",
    "ALTER TABLE catalog ADD COLUMN g INTEGER AS (abs(size)) VIRTUAL",
    "CREATE VIEW v AS SELECT 1",
    "CREATE TRIGGER t AFTER INSERT ON catalog BEGIN DELETE FROM chunks; END",
    "CREATE VIRTUAL TABLE v USING fts4(x)",
]


# Without statistics 2.5 is refused; a missing properties table makes the schema 1.0,
# which the rest of the catalog satisfies.
@pytest.mark.parametrize("statement", BENDS)
def test_a_bent_catalog_is_a_format_error(path: Path, statement: str) -> None:
    _bend(path, statement)
    if statement == "DROP TABLE properties":
        assert _read_all(path) == 4
        return
    with pytest.raises(FormatError):
        _read_all(path)


def test_chunks_that_appear_twice_are_refused(path: Path) -> None:
    _bend(
        path,
        "ALTER TABLE chunks RENAME TO old",
        "CREATE TABLE chunks AS SELECT * FROM old",
        "INSERT INTO chunks SELECT * FROM old",
        "DROP TABLE old",
    )
    with pytest.raises(FormatError, match="twice"):
        _read_all(path)


def test_a_nested_catalog_outside_of_its_parent_is_refused(tmp_path: Path) -> None:
    for number, place in enumerate((b"/a", b"/ab/c", b"/", b"/b/n")):
        path = tmp_path / str(number)
        _write(path, b"/a")
        _bend(path, f"UPDATE nested_catalogs SET path = CAST(x'{place.hex()}' AS TEXT)")
        with pytest.raises(FormatError):
            _read_all(path)


def test_a_nested_catalog_without_hash_cannot_be_entered(path: Path) -> None:
    _bend(path, "UPDATE nested_catalogs SET sha1 = '', size = NULL")
    with CatalogFile(path) as catalog:
        (nested,) = catalog.nested()
    assert (nested.hash, nested.size) == (None, 0)


def test_unknown_nanoseconds_and_empty_hashes_are_read_as_none(path: Path) -> None:
    _bend(path, "UPDATE catalog SET mtimens = -1, hash = x''")
    with CatalogFile(path) as catalog:
        assert [(row.mtimens, row.hash) for row in catalog.rows()] == [(None, None)] * 2


def test_zeros_of_any_length_are_no_previous_revision(path: Path) -> None:
    _bend(
        path,
        f"INSERT OR REPLACE INTO properties VALUES ('previous_revision', '{'0' * 64}')",
    )
    assert _read_all(path) == 4


def test_old_schemas_are_read_with_neutral_values(tmp_path: Path) -> None:
    path = tmp_path / "old"
    _bend(
        path,
        "CREATE TABLE catalog (md5path_1 INTEGER, md5path_2 INTEGER, parent_1 INTEGER, "
        "parent_2 INTEGER, inode INTEGER, hash BLOB, size INTEGER, mode INTEGER, "
        "mtime INTEGER, flags INTEGER, name TEXT, symlink TEXT, "
        "PRIMARY KEY (md5path_1, md5path_2))",
        "INSERT INTO catalog VALUES "
        "(1, 2, 3, 4, 5, zeroblob(20), 6, 33188, 7, 4, 'f', '')",
        "CREATE TABLE nested_catalogs (path TEXT)",
        "INSERT INTO nested_catalogs VALUES ('/n')",
    )
    with CatalogFile(path) as catalog:
        assert catalog.schema.is_legacy
        (row,) = catalog.rows()
        assert (row.hardlinks, row.uid, row.gid, row.xattr) == (1, 0, 0, None)
        assert (row.rowid, row.mtimens) == (1, None)
        assert list(catalog.chunks()) == []
        assert catalog.nested()[0].hash is None
        assert set(catalog.counters().values()) == {0}
        assert catalog.ttl_s == 240
    _bend(
        path,
        "CREATE TABLE properties (key TEXT, value TEXT)",
        "INSERT INTO properties VALUES ('schema', '2.4'), (5, 6)",
    )
    with pytest.raises(FormatError, match="column"):
        CatalogFile(path)


def test_a_closed_catalog_answers_with_a_format_error(path: Path) -> None:
    catalog = CatalogFile(path)
    catalog.close()
    with pytest.raises(FormatError):
        list(catalog.rows())


def test_a_catalog_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        CatalogFile(tmp_path / "missing")


def test_strange_names_of_files_are_opened_and_nothing_is_left_beside(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a?b#c%41 &mode=rw"
    _write(path)
    assert _read_all(path) == 4
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_catalog_beyond_its_bound_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CATALOG_BYTES", 1000)
    with pytest.raises(FormatError, match="more than"):
        CatalogFile(path)


def test_a_query_without_end_is_cut(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT i FROM n WHERE i < 0"
    )
    with CatalogFile(path) as catalog:
        monkeypatch.setattr(catalog._file, "_steps", 3 << 20)
        with pytest.raises(FormatError, match="interrupted"):
            list(catalog._file.rows(endless))
        assert len(list(catalog.rows())) == 2


def test_other_files_are_format_errors(tmp_path: Path) -> None:
    path = tmp_path / "f"
    for content in (b"", b"x", b"SQLite format 3\0", bytes(8192)):
        path.write_bytes(content)
        with pytest.raises(FormatError):
            CatalogFile(path)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """Where to put, and the bytes of, a catalog of several pages."""
    path = tmp_path_factory.mktemp("large") / "catalog"
    with CatalogWriter(path, CatalogProperties(4, 5)) as writer:
        writer.add(NewEntry(b"", DIRECTORY, 4096, 1))
        for number in range(300):
            name = b"/file-%d" % number
            writer.add(NewEntry(name, REGULAR, 1, 1, content_hash=HASH))
            writer.add_chunks(name, [NewChunk(0, 1, HASH)])
        writer.finish(Counters())
    return path, path.read_bytes()


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=150,
)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, 1 << 30), st.binary(min_size=1, max_size=4)),
        min_size=1,
        max_size=8,
    ),
    keep=st.one_of(st.just(1.0), st.floats(0, 1)),
)
def test_any_damage_is_a_format_error_or_readable(
    large: tuple[Path, bytes], changes: list[tuple[int, bytes]], keep: float
) -> None:
    path, content = large
    data = bytearray(content[: int(len(content) * keep)])
    for position, change in changes:
        # Half of the changes go into headers of pages, where they hurt.
        place = position % 100 + position // 7 * 4096 if position % 2 else position
        if data:
            start = place % len(data)
            data[start : start + len(change)] = change
    path.write_bytes(data)
    try:
        _read_all(path)
    except FormatError:
        pass
