# SPDX-License-Identifier: GPL-2.0-or-later
"""What the jobs of a node learned of the network, kept below `interpose/learned/`.

One file for each network that a node has been in since it was booted: a home may be
shared by nodes that see other servers. It says only what is tried first, never what is
right; a lost or odd one costs time.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interpose.cache import inventory
from interpose.errors import CacheError
from interpose.formats.noted import Noted, recalled

if TYPE_CHECKING:
    from interpose.cache.private import PrivateCache

_VERSION = 1
_MOST_BYTES = 256 * 1024
_MOST_NAMES = 500
_KEPT_S = 86400.0
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class Learned:
    """Short texts by name, each with its time. Thread-safe; safe between processes.

    Of two processes that write at the same time one may lose what it noted.
    """

    def __init__(
        self, cache: PrivateCache, clock: Callable[[], float] = time.time
    ) -> None:
        self._cache = cache
        self._clock = clock
        self._path = inventory.LEARNED.below(cache.top, network=_network())
        self._lock = threading.Lock()
        self._noted: Noted = {}
        self._forgotten: set[str] = set()
        self._seen: tuple[int, int, int] | None = None
        self._is_unsaved = False

    def recall(self, name: str, within_s: float) -> str | None:
        """The text, if it was noted within the last seconds; never from the future."""
        with self._lock:
            self._refresh()
            if self._is_unsaved:
                self._save()
            return recalled(self._noted, name, self._clock(), within_s)

    def note(self, name: str, text: str) -> None:
        """Remember a text. Nothing is made where no cache exists yet: that is later."""
        with self._lock:
            self._refresh()
            self._noted[name] = (self._clock(), text)
            self._forgotten.discard(name)
            self._save()

    def forget(self, name: str) -> None:
        """It holds no longer."""
        with self._lock:
            self._refresh()
            if self._noted.pop(name, None) is not None:
                self._forgotten.add(name)
                self._save()

    def _refresh(self) -> None:
        """Take what others wrote since the last look."""
        try:
            status = self._path.lstat()
        except OSError:
            return
        seen = (status.st_ino, status.st_mtime_ns, status.st_size)
        if seen == self._seen:
            return
        self._seen = seen
        for name, noted in _read(self._path).items():
            if name not in self._forgotten:
                self._noted[name] = max(noted, self._noted.get(name, noted))

    def _save(self) -> None:
        self._is_unsaved = not self._cache.top.is_dir()
        if self._is_unsaved:
            return
        now = self._clock()
        recent = {n: t for n, t in self._noted.items() if 0 <= now - t[0] < _KEPT_S}
        names = sorted(recent, key=lambda name: recent[name][0])[-_MOST_NAMES:]
        fields = {"version": _VERSION, "noted": {name: recent[name] for name in names}}
        try:
            self._cache.store_small(self._path, json.dumps(fields).encode())
        except CacheError:
            return  # The next job learns it for itself.
        self._forgotten.clear()


def _read(path: Path) -> Noted:
    """What a record says; nothing if it is not ours alone, or is odd."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        above = path.parent.lstat()
        with open(os.open(path, flags), "rb") as stream:
            status = os.fstat(stream.fileno())
            is_ours = stat.S_ISREG(status.st_mode) and status.st_nlink <= 1
            if not (is_ours and _only_we_write(status) and _only_we_write(above)):
                return {}
            data = stream.read(_MOST_BYTES + 1)
    except OSError:
        return {}
    try:
        fields = json.loads(data)
        if fields["version"] != _VERSION:
            return {}
        return {str(n): (float(t), str(text)) for n, (t, text) in _items(fields)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _items(fields: Any) -> Any:
    return fields["noted"].items()


def _only_we_write(status: os.stat_result) -> bool:
    return status.st_uid == os.geteuid() and not status.st_mode & _OTHERS_WRITE


def _network() -> str:
    """A name for this boot of this node, and the network that this process is in."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
        where = os.readlink(b"/proc/self/ns/net")
    except OSError:
        boot, where = os.uname().nodename.encode(), b""
    return hashlib.sha256(boot + where).hexdigest()[:16]
