# SPDX-License-Identifier: GPL-2.0-or-later
"""An SQLite file that nobody vouches for, opened so that it can only be read.

A hostile file may hold views, triggers and tables that are programs, pages that
point in circles, values of any type in any column: SQL that is ours reads tables
that are plain, within a budget of steps, and whatever SQLite raises is a FormatError.

Source: https://sqlite.org/security.html (the advice for such files).
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from interpose.errors import CacheFull, FormatError
from interpose.formats import limits

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

_LIMIT_LENGTH = 0  # sqlite3.SQLITE_LIMIT_LENGTH
_STEPS_PER_CALL = 1 << 20
# A row takes some 60 steps of SQLite's machine and at least 30 bytes of the file:
# far above what an honest file needs, and circles of pages end.
_STEPS_AT_LEAST = 100 << 20
_STEPS_PER_BYTE = 20
_ROWID_NAMES = frozenset({b"rowid", b"_rowid_", b"oid"})
_ROWS_OF_BATCH = 500
_MOST_TABLES = 1000
_MOST_PROPERTIES = 1000
_NAMELESS = "/memfd:", " (deleted)"  # how the links of /proc/PID/fd begin or end


class SqliteFile:
    """Rows of the file at `path`, texts as bytes; for one thread at a time.

    Errors: FormatError; OSError if there is no such file or no permission; CacheFull
    for a file in memory that this Python cannot read.
    """

    def __init__(self, path: str | os.PathLike[str], what: str, limit: int) -> None:
        self.what = what
        size = os.stat(path).st_size
        if size > limit:
            raise FormatError(f"{what} of more than {limit} bytes")
        self._steps_left = 0
        self._steps = _STEPS_AT_LEAST + _STEPS_PER_BYTE * size
        self._connection = _connect(path, what)
        self._connection.set_progress_handler(self._spend, _STEPS_PER_CALL)
        try:
            self._tables = self._read_schema()
        except FormatError:
            self.close()
            raise

    def close(self) -> None:
        """Give the file back; later calls are FormatErrors."""
        self._connection.close()

    def columns(self, table: str) -> frozenset[str]:
        """Names of the columns of `table`; empty if there is no such table."""
        return self._tables.get(table, frozenset())

    def rows(self, sql: str, values: Sequence[object] = ()) -> Iterator[Any]:
        """The rows of a query.

        Errors: FormatError, also in the midst of the iteration.
        """
        self._steps_left = self._steps
        with translated(self.what):
            yield from self._connection.execute(sql, values)

    def batches(self, sql: str) -> Iterator[list[Any]]:
        """The rows of a query by the hundreds; errors as `rows`."""
        self._steps_left = self._steps
        with translated(self.what):
            cursor = self._connection.execute(sql)
            batch = cursor.fetchmany(_ROWS_OF_BATCH)
            while batch:
                yield batch
                batch = cursor.fetchmany(_ROWS_OF_BATCH)

    def properties(self) -> dict[str, str]:
        """The table of properties; empty if there is none."""
        if not {"key", "value"} <= self.columns("properties"):
            return {}
        found: dict[str, str] = {}
        query = "SELECT key, value FROM properties LIMIT ?"
        for key, value in self.rows(query, (_MOST_PROPERTIES,)):
            if isinstance(key, bytes):
                text = value if isinstance(value, bytes) else str(value).encode()
                found[key.decode("latin-1")] = text.decode("utf-8", "surrogateescape")
        return found

    def _spend(self) -> int:
        self._steps_left -= _STEPS_PER_CALL
        return self._steps_left < 0

    def _read_schema(self) -> dict[str, frozenset[str]]:
        tables: dict[str, frozenset[str]] = {}
        query = "SELECT type, name, sql FROM sqlite_master LIMIT ?"
        for kind, name, sql in list(self.rows(query, (_MOST_TABLES,))):
            if kind == b"table" and _is_plain(name, sql):
                text = name.decode("ascii")
                tables[text] = self._read_columns(text)
            elif kind != b"index":
                raise FormatError(f"{self.what} with more than plain tables")
        return tables

    def _read_columns(self, table: str) -> frozenset[str]:
        found = set()
        query = "SELECT name, hidden FROM pragma_table_xinfo(?)"
        for name, hidden in self.rows(query, (table,)):
            if hidden or name.lower() in _ROWID_NAMES:
                raise FormatError(f"{self.what} with a strange column")
            found.add(name.decode("latin-1"))
        return frozenset(found)


def _is_plain(name: object, sql: object) -> bool:
    return (
        isinstance(name, bytes)
        and isinstance(sql, bytes)
        and name.isascii()
        and sql[:13].upper() == b"CREATE TABLE "
    )


def _connect(path: str | os.PathLike[str], what: str) -> sqlite3.Connection:
    import sqlite3  # noqa: PLC0415
    from urllib.parse import quote  # noqa: PLC0415

    location = f"file:{quote(os.path.abspath(path))}?mode=ro&immutable=1"
    target = os.readlink(path) if os.path.islink(path) else ""
    nameless = target.startswith(_NAMELESS[0]) or target.endswith(_NAMELESS[1])
    with translated(what):
        connection = sqlite3.connect(
            ":memory:" if nameless else location,
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )
        if nameless:
            _load(connection, path)
        connection.text_factory = bytes
        if hasattr(connection, "setlimit"):  # Python 3.11
            connection.setlimit(_LIMIT_LENGTH, limits.SQLITE_VALUE_BYTES)
        for pragma in ("query_only=1", "trusted_schema=0", "cell_size_check=1"):
            connection.execute(f"PRAGMA {pragma}")
        return connection


def _load(connection: sqlite3.Connection, path: str | os.PathLike[str]) -> None:
    """Take in a file without a name; SQLite resolves links and would not find it."""
    if not hasattr(connection, "deserialize"):
        advice = "Python 3.11 reads catalogs from memory"
        raise CacheFull("no disk has space left for a catalog", "", advice)
    with open(path, "rb") as file:
        connection.deserialize(file.read())


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn what SQLite raises into a FormatError about `what`."""
    import sqlite3  # noqa: PLC0415

    try:
        yield
    # OverflowError, UnicodeDecodeError: names in the file that Python cannot hold;
    # MemoryError: SQLite's answer to a page that promises a value without end.
    except (sqlite3.Error, OverflowError, UnicodeDecodeError, MemoryError) as error:
        raise FormatError(f"{what} that SQLite refuses", str(error)) from error
