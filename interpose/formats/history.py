# SPDX-License-Identifier: GPL-2.0-or-later
"""The history of a repository: its tags.

Source: docs/format.md 5.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from interpose.errors import FormatError
from interpose.formats import limits
from interpose.formats.hashes import ContentHash
from interpose.formats.sqlite_file import SqliteFile

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from typing_extensions import Self

TAG_NAME = re.compile(r"[A-Za-z0-9._/:-]{1,255}")

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_NEEDED = frozenset({"name", "hash", "revision", "timestamp", "description"})
_MOST_TAGS = 1_000_000


class Tag(NamedTuple):
    """A name for a root catalog.

    `timestamp` is in seconds since 1970; `size` is that of the unpacked catalog in
    bytes, 0 where it is not known; `branch` is "" for the main one.
    """

    name: str
    root_hash: ContentHash
    revision: int
    timestamp: int
    description: str = ""
    size: int = 0
    branch: str = ""


def parse_date(text: str) -> datetime:
    """The time that a pin `YYYY-MM-DDThh:mm:ssZ` names.

    Errors: FormatError for every other text.
    """
    if _DATE.fullmatch(text) is not None:
        try:
            return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z")
        except ValueError:
            pass  # a 30th of February
    raise FormatError("no date", repr(text[:80]), "use YYYY-MM-DDThh:mm:ssZ")


class HistoryFile:
    """The history in the SQLite file at `path`, for one thread at a time.

    Errors: FormatError for whatever is wrong with its content, at opening or while
    reading; OSError if the file is not there.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = SqliteFile(path, "history", limits.HISTORY_BYTES)
        try:
            self._read_properties()
        except FormatError:
            self.close()
            raise

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_properties(self) -> None:
        self.properties = self._file.properties()
        if self.properties.get("schema", "1.0") not in ("1.0", "1"):
            raise FormatError("history of an unknown schema")
        columns = self._file.columns("tags")
        if not columns >= _NEEDED:
            raise FormatError("history without tags")
        size = "size" if "size" in columns else "0"
        branch = "branch" if "branch" in columns else "''"
        columns_or_neutral = f"coalesce({size}, 0), coalesce({branch}, '')"
        self._select = (
            "SELECT name, hash, revision, timestamp, description, "  # noqa: S608
            + columns_or_neutral
            + " FROM tags"
        )

    @property
    def fqrn(self) -> str:
        """The repository's name as the history has it, "" if it has none."""
        return self.properties.get("fqrn", "")

    def tags(self) -> Iterator[Tag]:
        """All tags, oldest revision first."""
        order = f"ORDER BY revision, timestamp, name LIMIT {_MOST_TAGS}"
        return self._tags(order)

    def tag(self, name: str) -> Tag | None:
        """The tag of this name."""
        wanted = name.encode("utf-8", "surrogatepass")
        found = self._tags("WHERE name = CAST(? AS TEXT) LIMIT 1", wanted)
        return next(found, None)

    def by_date(self, date: datetime) -> Tag | None:
        """What the main branch showed at the (aware) time `date`.

        Histories of old writers, without branches, are read too; the official client
        knows no dates for them.
        """
        seconds = int(date.timestamp())
        branch = "AND branch = ''" if "branch" in self._file.columns("tags") else ""
        found = self._tags(
            f"WHERE timestamp <= CAST(? AS INTEGER) {branch} "
            "ORDER BY revision DESC, timestamp DESC LIMIT 1",
            seconds,
        )
        return next(found, None)

    def _tags(self, condition: str, *values: object) -> Iterator[Tag]:
        for row in self._file.rows(f"{self._select} {condition}", values):
            yield _tag(*row)


def _tag(*columns: object) -> Tag:
    name, root_hash, revision, timestamp, description, size, branch = columns
    numbers = (revision, timestamp, size)
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise FormatError("tag with an impossible number")
    if root_hash is None or name is None:
        raise FormatError("tag without name or hash")
    return Tag(
        name=_text(name),
        root_hash=ContentHash.parse(_text(root_hash)),
        revision=int(str(revision)),
        timestamp=int(str(timestamp)),
        description=_text(description),
        size=int(str(size)),
        branch=_text(branch),
    )


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, bytes):
        raise FormatError("tag with a value of a wrong type")
    return value.decode("utf-8", "replace")
