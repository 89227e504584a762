# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes histories of schema 1.0, revision 3.

Source: docs/format.md 5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from interpose.errors import FormatError
from interpose.formats.hashes import NO_PREDECESSOR
from interpose.formats.history import TAG_NAME, Tag
from interpose.formats.sqlite_writer import SqliteWriter

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from interpose.formats.fqrn import Fqrn
    from interpose.formats.hashes import ContentHash

# With the keys, references and checks of the official one.
_TABLES = """
CREATE TABLE branches (
  branch TEXT PRIMARY KEY, parent TEXT REFERENCES branches (branch),
  initial_revision INTEGER, CHECK ((branch = '') = (parent IS NULL)));
CREATE TABLE tags (
  name TEXT PRIMARY KEY, hash TEXT, revision INTEGER, timestamp INTEGER,
  channel INTEGER, description TEXT, size INTEGER,
  branch TEXT REFERENCES branches (branch));
CREATE TABLE recycle_bin (hash TEXT PRIMARY KEY, flags INTEGER);
CREATE TABLE properties (key TEXT PRIMARY KEY, value TEXT)
"""


def write_history(
    path: str | os.PathLike[str],
    fqrn: Fqrn,
    tags: Iterable[Tag],
    previous: ContentHash | None = None,
) -> None:
    """Write the history with `tags` to `path`, which must not exist.

    `previous` is the hash of the history that this one replaces.

    Errors: FormatError for a tag with an impossible name or two of one name; OSError.
    """
    rows = {tag.name: _row(tag) for tag in tags}
    properties: dict[str, object] = {
        "schema": "1.0",
        "schema_revision": 3,
        "fqrn": fqrn,
        "previous_revision": NO_PREDECESSOR if previous is None else previous.text,
    }
    writer = SqliteWriter(path, _TABLES)
    try:
        writer.insert("INSERT INTO branches VALUES (?, ?, ?)", [("", None, 0)])
        writer.insert("INSERT INTO tags VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows.values())
        writer.insert_properties(properties)
    except OSError:
        writer.abandon()
        raise
    writer.close()


def _row(tag: Tag) -> tuple[object, ...]:
    if TAG_NAME.fullmatch(tag.name) is None:
        raise FormatError("impossible name of a tag", repr(tag.name[:80]))
    return (
        tag.name,
        tag.root_hash.text,
        tag.revision,
        tag.timestamp,
        0,
        tag.description,
        tag.size,
        tag.branch,
    )
