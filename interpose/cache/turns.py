# SPDX-License-Identifier: GPL-2.0-or-later
"""Turns between processes: of those that miss the same object one gets it first.

A turn is a small file in `txn` that names its owner. It is no lock: who cannot make
one, or has waited long enough for another's, gets the object for itself, too. What the
dead leave is told by their process, or by its age, and swept with other leftovers.
"""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from interpose.cache import layout

if TYPE_CHECKING:
    from interpose.cache.directory import CacheDirectory
    from interpose.formats.hashes import ContentHash

T = TypeVar("T")
# A big object takes longer; to get it twice then costs less than a job that stands.
PATIENCE_S = 10.0
_STALE_AFTER_S = 60.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.002, 0.05
_MAX_OWNER_BYTES = 256


class Turns:
    """The turns in one cache of a node. Thread-safe; safe between processes."""

    def __init__(self, cache: CacheDirectory) -> None:
        self._cache = cache
        self._txn = cache.top / layout.TXN

    @contextlib.contextmanager
    def turn(
        self,
        content_hash: ContentHash,
        look: Callable[[], T | None],
        kind: str = "",
        *,
        is_first: bool = False,
    ) -> Iterator[T | None]:
        """What `look` finds once others had their turn; None: it is the caller's.

        `kind` tells contents apart that have one hash. `is_first`: there may be no
        cache yet, and none stays if nothing is put in it.
        """
        path = self._txn / layout.turn_name(content_hash.text + kind)
        made = self._make() if is_first else []
        found, mine = self._wait(path, look)
        try:
            yield found
        finally:
            if mine:
                _drop(path)
            self._unmake(made)

    def _make(self) -> list[Path]:
        """Directories that were made here, for turns to be possible."""
        made: list[Path] = []
        cache = self._cache
        with contextlib.suppress(OSError):
            if not cache.top.is_dir():
                layout.make_top(cache.top, cache.top_mode, cache.owners)
                made.append(cache.top)
            with cache.opened() as top:
                if not layout.is_directory(top, layout.TXN):
                    layout.make_directory(top, layout.TXN, layout.PRIVATE_MODE)
                    made.append(self._txn)
        return made

    def _unmake(self, made: list[Path]) -> None:
        """Take away what was made, unless there is a cache: others wait in `txn`."""
        with contextlib.suppress(OSError):
            if made and set(os.listdir(self._cache.top)) <= {layout.TXN}:
                for directory in reversed(made):
                    os.rmdir(directory)

    def _wait(self, path: Path, look: Callable[[], T | None]) -> tuple[T | None, bool]:
        until = time.monotonic() + PATIENCE_S
        pause = _FIRST_PAUSE_S
        while True:
            mine = _take(path)
            if mine is None:
                return None, False
            # Whose turn it was may have ended between the caller's look and ours.
            try:
                found = look()
            except BaseException:
                if mine:
                    _drop(path)
                raise
            if mine or found is not None:
                return found, mine
            if time.monotonic() > until:
                return None, False
            if _is_held(path):
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            else:
                _drop(path)


def _take(path: Path) -> bool | None:
    """True: it is ours now; False: somebody has it; None: there are no turns here."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError:
        return False
    except OSError:
        return None
    try:
        os.write(descriptor, _myself(os.getpid()))
    except OSError:
        pass  # The disk is full: without a name it counts until it is old.
    finally:
        os.close(descriptor)
    return True


def _drop(path: Path) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


def _is_held(path: Path) -> bool:
    """Whether the owner lives, or may live, in another container or on another node."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        with open(os.open(path, flags), "rb") as file:
            owner = file.read(_MAX_OWNER_BYTES)
            age_s = time.time() - os.fstat(file.fileno()).st_mtime
    except OSError:
        return False
    # One from the future is of a clock that was wrong.
    if abs(age_s) > _STALE_AFTER_S:
        return False
    words = owner.split()
    if len(words) != 4 or words[:2] != _here():
        return True
    return words[2].isdigit() and owner == _owner(int(words[2]))


@functools.lru_cache(maxsize=1)
def _here() -> list[bytes]:
    """This boot of this node, and the process namespace that numbers are of."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
        return [boot, os.readlink(b"/proc/self/ns/pid")]
    except OSError:
        return [b"unknown", b"unknown"]


@functools.lru_cache(maxsize=1)
def _myself(pid: int) -> bytes:
    return _owner(pid)


def _owner(pid: int) -> bytes:
    """Boot, namespace, number and start time (field 22 of its stat, proc(5))."""
    try:
        status = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return b""
    started = status.rpartition(b")")[2].split()[19]
    return b" ".join([*_here(), b"%d" % pid, started])
