# SPDX-License-Identifier: GPL-2.0-or-later
"""Extended attributes: names, pages and visibility of the magic ones.

Source: docs/format.md 11.4; values: magic_values.py.
"""

from __future__ import annotations

import errno
import re
import stat
from collections.abc import Iterable
from typing import TYPE_CHECKING

from interpose.errors import InterposeError
from interpose.formats import xattrs
from interpose.repository.magic_values import MAGIC, Magic
from interpose.repository.subject import Subject

if TYPE_CHECKING:
    from interpose.repository.repository import Repository

_OF_THE_ROW = frozenset({"user.hash", "user.lhash"})
PAGE_CHARACTERS = 40000
_PAGE_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}")


class NoAttribute(InterposeError):
    """The attribute does not exist."""

    errno = errno.ENODATA


def names(repository: Repository, subject: Subject) -> list[bytes]:
    """What listxattr shows; visible magic names come twice, as officially."""
    stored = list(xattrs.read(subject.entry.xattr))
    shown: list[bytes] = []
    if _is_visible(repository, subject):
        for name, magic in sorted(MAGIC.items()):
            if _is_there(repository, subject, magic):
                shown += [name.encode()] * 2
    return shown + stored


def value(repository: Repository, subject: Subject, name: bytes) -> bytes:
    """What getxattr gives.

    Errors: NoAttribute; what reading a catalog can raise.
    """
    mode = subject.entry.mode
    if name.startswith(b"user.") and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise NoAttribute("no such attribute")  # The kernel's rule, before any client.
    base, page, is_for_people = _split(name)
    magic = MAGIC.get(base.decode("utf-8", "replace"))
    if magic is not None:
        if not _is_there(repository, subject, magic):
            raise NoAttribute("no such attribute")
        pages = list(_pages(magic, magic.value(repository, subject)))
        return _page(pages, page, is_for_people=is_for_people)
    found = xattrs.read(subject.entry.xattr).get(base)
    if found is None or page not in ("", "0"):
        raise NoAttribute("no such attribute")
    return found


def _split(name: bytes) -> tuple[bytes, str, bool]:
    """Name, page and whether the page is for people."""
    for mark in (b"@", b"~"):
        base, found, page = name.rpartition(mark)
        if found:
            return base, page.decode("latin-1") or "-", mark == b"@"
    return name, "", False


def _page(pages: list[str], page: str, *, is_for_people: bool) -> bytes:
    if page == "?":
        return f"num_pages, {len(pages)}".encode()
    number = int(page) if _PAGE_NUMBER.fullmatch(page) else 0 if not page else -1
    if not 0 <= number < len(pages):
        raise NoAttribute("no such page")
    text = pages[number]
    if is_for_people:
        text = (
            f"# Access page at idx: {number}. Total num pages: {len(pages)} "
            "(access other pages: xattr~<page_num>, starting  with 0; "
            "number of pages available: xattr~?)\n" + text
        )
    return text.encode("utf-8", "surrogateescape")


def _pages(magic: Magic, parts: Iterable[str]) -> Iterable[str]:
    """Parts joined to pages; each page of a table begins with the table's heading."""
    page = magic.heading
    count = 0
    for part in parts:
        page += part
        count += 1
        if len(page) > PAGE_CHARACTERS:
            yield page
            page, count = magic.heading, 0
    if count:
        yield page


def _is_there(repository: Repository, subject: Subject, magic: Magic) -> bool:
    if not magic.applies(subject):
        return False
    if magic.name in repository.view.protected_xattrs and not _is_privileged(
        repository
    ):
        return False
    # Of a chunked file only the catalog knows whether it has a hash as a whole, too.
    needs_row = magic.name in _OF_THE_ROW and subject.is_chunked
    return not needs_row or repository.bulk_hash(subject) is not None


def _is_privileged(repository: Repository) -> bool:
    gid = repository.caches.gid
    return gid == 0 or gid in repository.view.privileged_gids


def _is_visible(repository: Repository, subject: Subject) -> bool:
    visibility = repository.view.xattr_visibility
    if visibility == "rootonly":
        return not subject.path
    return visibility == "always"
