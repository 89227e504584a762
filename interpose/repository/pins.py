# SPDX-License-Identifier: GPL-2.0-or-later
"""Tags and dates: which root catalog they name, by the repository's history."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timezone
from pathlib import Path

from interpose.cache import inventory
from interpose.config import PinSettings
from interpose.errors import CacheError, ConfigurationError, FormatError
from interpose.formats import limits
from interpose.formats.fqrn import Fqrn
from interpose.formats.hashes import HISTORY, ContentHash
from interpose.formats.history import HistoryFile, Tag
from interpose.repository.objects import StoredObject
from interpose.repository.store import Store

_MOST_BYTES = 1 << 16

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Pins:
    """Finds tags of one repository, and remembers what a history said."""

    def __init__(self, fqrn: Fqrn, store: Store) -> None:
        self._fqrn = fqrn
        self._store = store

    def find(self, pin: PinSettings, history: ContentHash | None) -> Tag:
        """The tag that `pin` (a name or a date) means.

        Errors: ConfigurationError if there is none; those of Store.fetch.
        """
        if history is None:
            raise ConfigurationError("repository without tags", self._where(pin))
        known = self._known(pin, history)
        if known is not None:
            return known
        wanted = StoredObject(history, HISTORY, limit=limits.HISTORY_BYTES)
        with HistoryFile(self._store.fetch(wanted)) as tags:
            date = pin.date
            tag = tags.tag(pin.text) if date is None else tags.by_date(date)
        if tag is None:
            advice = ""
            if pin.date is None and _DAY.match(pin.text):
                advice = f"a date is written {pin.text[:10]}T00:00:00Z"
            raise ConfigurationError(_complaint(pin), self._where(pin), advice)
        self._note(pin, history, tag)
        return tag

    def _where(self, pin: PinSettings) -> str:
        return f"{self._fqrn}@{pin.text}"

    def _path(self, pin: PinSettings, history: ContentHash) -> Path:
        key = f"{history.text} {pin.kind} {pin.text}".encode()
        name = hashlib.sha256(key).hexdigest()
        top = self._store.caches.private.top
        return inventory.PIN.below(top, fqrn=self._fqrn, digest=name)

    def _known(self, pin: PinSettings, history: ContentHash) -> Tag | None:
        private = self._store.caches.private
        data = private.read_small(self._path(pin, history), _MOST_BYTES)
        try:
            found = json.loads(data or b"")
            root_hash = ContentHash.parse(found["root_hash"])
            return Tag(str(found["name"]), root_hash, int(found["revision"]), 0)
        except (ValueError, KeyError, TypeError, FormatError, RecursionError):
            return None

    def _note(self, pin: PinSettings, history: ContentHash, tag: Tag) -> None:
        fields = {
            "name": tag.name,
            "root_hash": tag.root_hash.text,
            "revision": tag.revision,
        }
        try:
            path = self._path(pin, history)
            self._store.caches.private.store_small(path, json.dumps(fields).encode())
        except CacheError:
            pass  # The history is read again.


def _complaint(pin: PinSettings) -> str:
    if pin.date is None:
        return f"no such tag, {pin.text}"
    day = pin.date.astimezone(timezone.utc)
    return f"no repository state as early as {day:%d %b %Y %H:%M:%S} UTC"
