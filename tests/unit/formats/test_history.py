# SPDX-License-Identifier: GPL-2.0-or-later
"""Histories, read and written."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpose.errors import FormatError
from interpose.formats.fqrn import Fqrn
from interpose.formats.hashes import Algorithm, hash_bytes
from interpose.formats.history import HistoryFile, Tag, parse_date
from interpose.formats.history_writer import write_history

if TYPE_CHECKING:
    from pathlib import Path

FQRN = Fqrn.parse("demo.example.org")
HASH = hash_bytes(Algorithm.SHAKE128, b"root")
TAGS = [
    Tag("trunk", HASH, 3, 300, "the newest", 4096),
    Tag("v1", HASH, 1, 100),
    Tag("v2", HASH, 2, 200, "größer"),
    Tag("side", HASH, 9, 150, branch="other"),
]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A history with four tags, one of them on another branch."""
    path = tmp_path / "history"
    write_history(path, FQRN, TAGS, previous=HASH)
    return path


def test_the_first_history_names_a_predecessor_of_zeros(tmp_path: Path) -> None:
    """A server's garbage collection reads the property without a default."""
    write_history(tmp_path / "first", FQRN, TAGS)
    with HistoryFile(tmp_path / "first") as history:
        assert history.properties["previous_revision"] == "0" * 40


def _utc(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


def test_tags_are_found_by_name(written: Path) -> None:
    with HistoryFile(written) as history:
        assert history.fqrn == FQRN
        assert history.properties["previous_revision"] == HASH.text
        for tag in TAGS:
            assert history.tag(tag.name) == tag
        for name in ("", "V1", "v1 ", "v%", "\udcff", "\ud800", "v1' OR 1=1 --"):
            assert history.tag(name) is None
        assert [tag.name for tag in history.tags()] == ["v1", "v2", "trunk", "side"]


def test_dates_choose_the_highest_revision_of_the_main_branch(written: Path) -> None:
    with HistoryFile(written) as history:
        found = [history.by_date(_utc(time)) for time in (99, 100, 199, 299, 9999)]
    names = [tag.name if tag else None for tag in found]
    assert names == [None, "v1", "v1", "v2", "trunk"]


def test_older_histories_without_size_and_branch_are_read(tmp_path: Path) -> None:
    path = tmp_path / "old"
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE tags (name TEXT PRIMARY KEY, hash TEXT, revision INTEGER, "
        "timestamp INTEGER, channel INTEGER, description TEXT)"
    )
    connection.execute("INSERT INTO tags VALUES ('a', ?, 1, 5, 0, NULL)", (HASH.text,))
    connection.commit()
    connection.close()
    with HistoryFile(path) as history:
        assert history.tag("a") == history.by_date(_utc(7)) == Tag("a", HASH, 1, 5)
        assert history.fqrn == ""


# Before SQLite 3.35 a column cannot be dropped.
LESS_COLUMNS = """\
CREATE TABLE less AS SELECT name, hash FROM tags;
DROP TABLE tags;
ALTER TABLE less RENAME TO tags;
"""


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tags SET hash = 'x'",
        "UPDATE tags SET hash = NULL",
        "UPDATE tags SET hash = 5",
        "UPDATE tags SET name = NULL",
        "UPDATE tags SET revision = 'x'",
        "UPDATE tags SET revision = -1",
        "UPDATE tags SET timestamp = 1.5",
        "UPDATE tags SET size = x'00'",
        "UPDATE properties SET value = '2.0' WHERE key = 'schema'",
        "ALTER TABLE tags RENAME TO gone",
        LESS_COLUMNS,
        "DROP TABLE tags",
    ],
)
def test_bent_histories_are_format_errors(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "history"
    write_history(path, FQRN, TAGS[:1])
    connection = sqlite3.connect(path)
    connection.executescript(statement)
    connection.commit()
    connection.close()
    with pytest.raises(FormatError), HistoryFile(path) as history:
        list(history.tags())


def test_tags_with_impossible_names_are_not_written(tmp_path: Path) -> None:
    for name in ("", "a b", "ä", "x" * 256):
        with pytest.raises(FormatError):
            write_history(tmp_path / "h", FQRN, [Tag(name, HASH, 1, 1)])


def test_a_history_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="SQLite"):
        write_history(tmp_path / "h", FQRN, [Tag("a", HASH, 1, 1, object())])  # type: ignore[arg-type]
    with pytest.raises(FileExistsError):
        write_history(tmp_path / "h", FQRN, TAGS)


def test_dates_have_exactly_one_form() -> None:
    assert parse_date("2020-02-29T23:59:50Z") == datetime(
        2020, 2, 29, 23, 59, 50, tzinfo=timezone.utc
    )
    for text in ("2020-02-30T00:00:00Z", "2020-02-29", "2020-02-29T23:59:50", ""):
        with pytest.raises(FormatError):
            parse_date(text)


@given(st.text(max_size=24))
def test_any_text_is_a_date_or_a_format_error(text: str) -> None:
    try:
        assert parse_date(text).tzinfo is not None
    except FormatError:
        pass
