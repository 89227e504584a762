# SPDX-License-Identifier: GPL-2.0-or-later
"""What was fetched goes to a cache that all use, too; that may fail, and costs nothing.

The bytes are ours when they get there, and published from our descriptor. What others
do to the file afterwards harms nobody: it proves nothing (docs/trust.md).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import final

from interpose.cache import AlienCache, Receiver
from interpose.cache.verify import Target
from interpose.errors import CacheError, CacheReadOnly
from interpose.repository.objects import StoredObject

Refused = Callable[[str, CacheError], object]


@final
class ForAll:
    """A target whose bytes go to another one and to a shared cache.

    `refused(label, error)` hears that the cache takes nothing. Ends with its block.
    """

    def __init__(
        self,
        other: Target | None,
        alien: AlienCache,
        wanted: StoredObject,
        refused: Refused,
    ) -> None:
        self._other = other
        self._alien = alien
        self._wanted = wanted
        self._refused = refused
        self._receiver: Receiver | None = None
        self._is_refused = False

    def __enter__(self) -> ForAll:
        return self

    def __exit__(self, *_: object) -> None:
        self._drop()

    def write(self, data: bytes) -> None:
        """Take the next bytes. Errors: those of the other target."""
        if self._other is not None:
            self._other.write(data)
        if not self._is_refused:
            self._try(lambda: self._opened().write(data))

    def abort(self) -> None:
        """Forget the bytes so far; others may come."""
        if self._other is not None:
            self._other.abort()
        self._drop()

    def publish(self) -> None:
        """Let the shared cache have the object. The caller has verified all bytes.

        What is in the way there and must not be replaced stays: it is somebody else's,
        or the object that packs to this raw one, which others use in place.
        """

        def publish() -> None:
            receiver, wanted = self._opened(), self._wanted
            with contextlib.suppress(CacheReadOnly):
                receiver.commit(wanted.hash, yielding=not wanted.is_compressed)

        if not self._is_refused:
            self._try(publish)
            self._receiver = None

    def _opened(self) -> Receiver:
        if self._receiver is None:
            self._receiver = self._alien.receive_object(self._wanted.turn_name)
        return self._receiver

    def _try(self, step: Callable[[], object]) -> None:
        try:
            step()
        except CacheError as error:
            self._is_refused = True
            self._drop()
            self._refused("alien", error)

    def _drop(self) -> None:
        if self._receiver is not None:
            self._receiver.abort()
        self._receiver = None
