# SPDX-License-Identifier: GPL-2.0-or-later
"""The only writer of lines for the user: one, once per cause, at a bounded rate."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from typing import TextIO

LINES_PER_MINUTE = 10


class Messages:
    """Writes `interpose: ...` lines; thread-safe.

    `seen` holds (cause, repository) pairs that were already told.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._quiet = quiet
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: set[tuple[str, str]] = set()
        self._recent: deque[float] = deque(maxlen=LINES_PER_MINUTE)
        self._copies: dict[tuple[Hashable, str], Callable[[str], object]] = {}

    def copy_to(
        self, key: Hashable, repository: str, write: Callable[[str], object]
    ) -> None:
        """Lines of a repository (of all, if that is empty) go there, too.

        So do those of none, once for each `key`.
        """
        with self._lock:
            self._copies[key, repository] = write

    def told(self) -> frozenset[tuple[str, str]]:
        """Pairs of cause and repository that were told."""
        with self._lock:
            return frozenset(self._seen)

    def was_told(self, seen: frozenset[tuple[str, str]]) -> None:
        """Somebody else has told these."""
        with self._lock:
            self._seen |= seen

    def tell(self, text: str, *, cause: str = "", repository: str = "") -> bool:
        """Write `interpose: text`; False if it was told before or too much was said."""
        line = "interpose: " + one_line(text) + "\n"
        with self._lock:
            if cause and (cause, repository) in self._seen:
                return False
            now = self._clock()
            full = len(self._recent) == LINES_PER_MINUTE
            if full and now - self._recent[0] < 60.0:
                return False
            if cause:
                self._seen.add((cause, repository))
            self._recent.append(now)
            for write in self._copies_of(repository):
                write(text)
            if self._quiet:
                return False
            stream = self._stream if self._stream is not None else sys.stderr
            try:
                stream.write(line)
                stream.flush()
            except (OSError, ValueError):
                return False  # The job may have closed our standard error.
        return True

    def _copies_of(self, repository: str) -> list[Callable[[str], object]]:
        found: dict[Hashable, Callable[[str], object]] = {}
        for (key, name), write in self._copies.items():
            if not repository or name in ("", repository):
                found.setdefault(key, write)
        return list(found.values())


class Log:
    """A logger of the standard library, whose import only -v and requests pay for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def info(self, text: str, *values: object) -> None:
        """For -v."""
        if "logging" in sys.modules:
            sys.modules["logging"].getLogger(self._name).info(text, *values)

    def debug(self, text: str, *values: object, exc_info: object = None) -> None:
        """For -vv."""
        if "logging" in sys.modules:
            log = sys.modules["logging"].getLogger(self._name)
            log.debug(text, *values, exc_info=exc_info)


def one_line(text: str) -> str:
    """Text without anything that could start a second line or steer a terminal."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def counted(number: int, one: str, many: str = "") -> str:
    """`1 catalog`, `2 catalogs`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def nearest(word: str, known: Iterable[str], least: float = 0.6) -> str | None:
    """The one of `known` that was probably meant; None if nothing is near.

    `least`: how alike they have to be, from 0 to 1.
    """
    import difflib  # noqa: PLC0415 - only errors ask

    found = difflib.get_close_matches(word, list(known), 1, least)
    return found[0] if found else None
