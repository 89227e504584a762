# SPDX-License-Identifier: GPL-2.0-or-later
"""Directories whose files are asked for, and which files of them come next.

Programs go through a directory as it lists itself (tar, grep -r, cp -r) or by names
(a shell's `*`, sorted()).
"""

from __future__ import annotations

import threading

from interpose import native
from interpose.repository.contents import whole
from interpose.repository.repository import Repository
from interpose.repository.subject import Subject
from interpose.resolver.course import IN_ORDER, Course

FILE_BYTES = 1 << 20
_MOST_SORTED = 5000
# After so many that a cache had, there is nothing to gain.
_HITS = 4


class Directory:
    """A directory, since one of its files was asked for. Thread-safe.

    Errors: FormatError for an index that is damaged.
    """

    def __init__(self, repository: Repository, subject: Subject) -> None:
        self.repository = repository
        self._catalog = subject.catalog
        self._path = subject.path[: subject.path.rindex(b"/")]
        self._index = repository.index(subject.catalog, subject.path)
        self._number = subject.entry.parent
        entry = self._index.entry(self._number)
        self._first, self._count = entry.first_child, entry.child_count
        self._listed = Course(
            self._count, lambda position: self._is_silent(self._first + position)
        )
        self._by_name: Course | None = None
        self._names: list[int] = []
        self._positions: dict[int, int] = {}
        self._asked: list[int] = []
        self._hits = _HITS
        self._lock = threading.Lock()

    def missed(self) -> None:
        """A file was in no cache."""
        self._hits = 0

    def hit(self) -> None:
        """A file that was expected was in a cache."""
        self._hits += 1

    def asked(self, number: int) -> list[Subject]:
        """The entry of this number is asked for; those to get before they are."""
        with self._lock:
            numbers = [
                self._first + at for at in self._listed.asked(number - self._first)
            ]
            if not self._listed.is_followed:
                numbers = self._next_by_name(number)
            if self._hits >= _HITS:
                return []
            return [one for one in map(self._subject, numbers) if self._is_worth(one)]

    def _next_by_name(self, number: int) -> list[int]:
        if self._by_name is None:
            self._asked.append(number)
            if len(self._asked) <= IN_ORDER or self._count > _MOST_SORTED:
                return []
            self._by_name = self._sorted()
        return [self._names[at] for at in self._by_name.asked(self._positions[number])]

    def _sorted(self) -> Course:
        """Another way through the directory: by its names."""
        self._names = self._index.by_name(self._number)
        self._positions = {
            number: position for position, number in enumerate(self._names)
        }
        course = Course(
            len(self._names), lambda position: self._is_silent(self._names[position])
        )
        for earlier in self._asked:
            course.note(self._positions[earlier])
        return course

    def _subject(self, number: int) -> Subject:
        entry = self._index.entry(number)
        path = self._path + b"/" + entry.name
        return Subject(path, entry, number, self._catalog)

    def _is_silent(self, number: int) -> bool:
        subject = self._subject(number)
        if not _has_content(subject):
            return True
        if subject.is_chunked:
            return False
        return self.repository.store.may_be_here(whole(subject))

    def _is_worth(self, subject: Subject) -> bool:
        """Whether it is a small file that is not on the node. Others keep us busy."""
        return (
            _has_content(subject)
            and not subject.is_chunked
            and not subject.entry.flags & native.ENTRY_EXTERNAL
            and 0 < subject.entry.size <= FILE_BYTES
            and not self.repository.store.may_be_here(whole(subject))
        )


def _has_content(subject: Subject) -> bool:
    """Whether it is a file that listings show, with bytes to be had."""
    without = native.ENTRY_NO_CONTENT | native.ENTRY_HIDDEN
    is_shown = not subject.entry.flags & without
    return subject.is_file and subject.entry.digest is not None and is_shown
