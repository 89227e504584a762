# SPDX-License-Identifier: GPL-2.0-or-later
"""A new SQLite file, written once from the beginning to the end.

Source: docs/format.md 9.1 (rollback journal, nothing left beside the file).
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence


class SqliteWriter:
    """The new file at `path`; nothing else reads it before `close`.

    Errors: OSError, for a path that exists, too, and for whatever SQLite refuses.
    """

    def __init__(self, path: str | os.PathLike[str], tables: str) -> None:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        with _translated():
            self._connection = _connect(path)
            # The file is made anew after any failure: no journal, no sync.
            self._connection.execute("PRAGMA journal_mode=OFF")
            self._connection.execute("PRAGMA synchronous=OFF")
            self._connection.execute("BEGIN")
            for statement in tables.split(";"):
                self._connection.execute(statement)

    def insert(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run `sql` once for each of `rows`."""
        with _translated():
            self._connection.executemany(sql, rows)

    def insert_properties(self, properties: Mapping[str, object]) -> None:
        """Write the table of properties; bytes are kept as they are."""
        rows = [
            (key, value if isinstance(value, bytes) else str(value).encode())
            for key, value in properties.items()
        ]
        self.insert("INSERT INTO properties VALUES (?, CAST(? AS TEXT))", rows)

    def close(self) -> None:
        """Complete the file."""
        with _translated():
            self._connection.execute("COMMIT")
            self._connection.close()

    def abandon(self) -> None:
        """Close the file as it is: the caller removes it."""
        self._connection.close()


def _connect(path: str | os.PathLike[str]) -> sqlite3.Connection:
    import sqlite3  # noqa: PLC0415

    return sqlite3.connect(os.fspath(path), isolation_level=None)


@contextmanager
def _translated() -> Iterator[None]:
    import sqlite3  # noqa: PLC0415

    try:
        yield
    except sqlite3.Error as error:
        raise OSError(errno.EIO, f"SQLite: {error}") from error
