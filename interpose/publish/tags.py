# SPDX-License-Identifier: GPL-2.0-or-later
"""The names of revisions.

`trunk` and `trunk-previous` are the newest two, `generic-TIME` stands for each
publication, and the user's own names stay where they were put.

Source: docs/format.md 5.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone

from interpose.errors import InterposeError, UsageError
from interpose.formats.history import TAG_NAME, Tag

TRUNK = "trunk"
TRUNK_PREVIOUS = "trunk-previous"


def check_tag_name(name: str, existing: Iterable[Tag]) -> None:
    """Errors: UsageError for an impossible name, InterposeError for a taken one."""
    if TAG_NAME.fullmatch(name) is None:
        advice = "letters, digits and - _ . / : only"
        raise UsageError("impossible name of a tag", name, advice)
    if name in (TRUNK, TRUNK_PREVIOUS):
        raise UsageError("the name of the tag is reserved", name)
    if any(tag.name == name for tag in existing):
        raise InterposeError("the tag exists already", name, "choose another name")


def next_tags(existing: Iterable[Tag], newest: Tag, name: str | None) -> list[Tag]:
    """All tags after a publication, oldest first.

    `newest` tells about the new revision (its name is not looked at); its description
    goes to the tag `name`, without one to the generic tag.
    """
    tags = {tag.name: tag for tag in existing}
    former = tags.pop(TRUNK, None)
    tags.pop(TRUNK_PREVIOUS, None)
    description = newest.description
    generic = "" if name else description
    _put(tags, newest._replace(name=_generic_name(newest), description=generic))
    if name:
        _put(tags, newest._replace(name=name))
    if former is not None:
        undo = "default undo target"
        _put(tags, former._replace(name=TRUNK_PREVIOUS, description=undo))
    _put(tags, newest._replace(name=TRUNK, description="current HEAD"))
    return list(tags.values())


def _put(tags: dict[str, Tag], tag: Tag) -> None:
    # A second publication within one second takes the generic name over.
    tags[tag.name] = tag


def _generic_name(tag: Tag) -> str:
    time = datetime.fromtimestamp(tag.timestamp, timezone.utc)
    return time.strftime("generic-%Y-%m-%dT%H:%M:%SZ")
