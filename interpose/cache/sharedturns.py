# SPDX-License-Identifier: GPL-2.0-or-later
"""Turns between nodes: of those that miss an object of a shared cache one gets it.

A turn is a file of the cache's `txn`, which one alone can make, and which becomes the
object. Who has it touches it while it lasts; who waits looks for the object, ever less
often. A turn is left by a dead one if its time stands still while one's own clock goes
on, or if it is older than one that was: times of the file system are compared with each
other alone. It is renamed to a name of one's own, and only then is it sure which file
that was. No lock: whatever goes wrong costs a second download (docs/decisions/0026).
"""

from __future__ import annotations

import contextlib
import os
import random
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from interpose import courtesy, owned
from interpose.cache import layout, unfinished
from interpose.cache.turnkinds import Taken

if TYPE_CHECKING:
    from interpose.cache.alien import AlienCache

T = TypeVar("T")
TOUCHED_EVERY_S = 2.0
STALE_AFTER_S = 8.0
# Of one process, for owners that live and bring nothing; then it waits for nobody.
PATIENCE_S = 300.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _SLOWER = 0.01, 0.5, 1.6
# As a rule the object comes before: until then nobody looks how the turn is.
_POLLS_BEFORE_A_LOOK = 3
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


class _Seen(NamedTuple):
    """Which file a turn is, and its time: when its owner touched it."""

    inode: int
    touched_ns: int


class Lent(NamedTuple):
    """A turn's file: `finished()` is to be called before it is published."""

    descriptor: int
    mode: int
    finished: Callable[[], object]


class SharedTurns:
    """The turns in one cache of many nodes. Thread-safe; one for each process."""

    def __init__(self, cache: AlienCache) -> None:
        self._cache = cache
        self._patience_s = PATIENCE_S
        self._dead_ns = 0  # up to here turns are of the dead, by the file system's time
        self._lasts_s = _FIRST_PAUSE_S  # about so long others needed
        self._ours: dict[str, _Turn] = {}

    def wait(
        self, name: str, look: Callable[[], T | None]
    ) -> tuple[T | None, Taken | None]:
        """What `look` finds once others had their turn, or the caller's own turn.

        Neither: there are no turns here. Errors: those of `look`.
        """
        waiting = _Waiting(self._lasts_s)
        file_name = layout.turn_name(name)
        while self._patience_s > 0:
            try:
                mine = self._take(file_name)
            except OSError:
                break
            # Whose turn it was may have ended between the caller's look and ours.
            found = None if mine is None else _look_with(mine, look)
            if mine is None:
                found = self._poll(file_name, waiting, look)
            if mine is not None or found is not None:
                return found, mine
            if waiting.is_in_vain:
                break
        return None, None

    def lend(self, name: str) -> Lent | None:
        """The file of our turn of this name, for the object; once for each turn."""
        turn = self._ours.pop(layout.turn_name(name), None)
        return None if turn is None else turn.lend()

    def _take(self, name: str) -> _Turn | None:
        """The turn, None while another one has it. Errors: OSError."""
        try:
            mine = _Turn.take(self._cache, name, self._ours)
        except FileNotFoundError:
            self._cache.make_workshop()
            mine = _Turn.take(self._cache, name, self._ours)
        return mine

    @property
    def _txn(self) -> Path:
        return self._cache.top / layout.TXN

    def _poll(
        self, name: str, waiting: _Waiting, look: Callable[[], T | None]
    ) -> T | None:
        """What `look` finds; None: the turn is free, or not worth waiting for."""
        while True:
            waiting.pause()
            found = look()
            if found is not None:
                self._lasts_s = (self._lasts_s + waiting.lasted_s) / 2
                return found
            if waiting.polls <= _POLLS_BEFORE_A_LOOK:
                continue
            seen = self._look_at(name)
            if seen is None:
                return None
            if self._is_dead(seen, waiting):
                waiting.is_in_vain = not self._take_away(name, seen)
                return None
            if waiting.lasted_s > self._patience_s:
                self._patience_s -= waiting.lasted_s
                waiting.is_in_vain = True
                return None

    def _look_at(self, name: str) -> _Seen | None:
        try:
            with self._cache.above(self._txn / name) as txn:
                return _seen(txn.status(name))
        except OSError:
            return None

    def _is_dead(self, seen: _Seen, waiting: _Waiting) -> bool:
        if waiting.stands_still(seen):
            self._dead_ns = max(self._dead_ns, seen.touched_ns)
        return seen.touched_ns <= self._dead_ns

    def _take_away(self, name: str, seen: _Seen) -> bool:
        """Free a turn that nobody has; False: it cannot be taken away."""
        aside = layout.temporary_name()
        try:
            with self._cache.above(self._txn / name) as txn:
                where = txn.descriptor
                status = txn.status(name)
                if not stat.S_ISREG(status.st_mode):
                    return False
                if _seen(status) != seen:
                    return True
                os.rename(name, aside, src_dir_fd=where, dst_dir_fd=where)
                if _seen(txn.status(aside)) != seen:
                    # Somebody has taken it meanwhile: he gets it back.
                    owned.rename_new(where, os.fsencode(aside), os.fsencode(name))
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(aside, dir_fd=where)
        except FileNotFoundError:
            return True  # Another one who waited was first.
        except OSError:
            return False
        return True


def _seen(status: os.stat_result) -> _Seen:
    return _Seen(status.st_ino, status.st_mtime_ns)


class _Waiting:
    """How long somebody waits, and for whom."""

    def __init__(self, first_pause_s: float) -> None:
        self._since_s = time.monotonic()
        self._pause_s = min(max(first_pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
        self._seen: _Seen | None = None
        self._seen_since_s = 0.0
        self.polls = 0
        self.is_in_vain = False

    @property
    def lasted_s(self) -> float:
        return time.monotonic() - self._since_s

    def stands_still(self, seen: _Seen) -> bool:
        """Whether nobody has touched it for long."""
        now = time.monotonic()
        if seen != self._seen:
            self._seen, self._seen_since_s = seen, now
        return now - self._seen_since_s > STALE_AFTER_S

    def pause(self) -> None:
        """Nodes that began together do not ask together."""
        self.polls += 1
        with courtesy.queue.waiting():
            time.sleep(self._pause_s * random.uniform(0.5, 1.5))  # noqa: S311
        self._pause_s = min(self._pause_s * _SLOWER, _LONGEST_PAUSE_S)


def _look_with(mine: _Turn, look: Callable[[], T | None]) -> T | None:
    """What `look` finds; the turn is given back if it fails."""
    try:
        return look()
    except BaseException:
        mine.give_back()
        raise


class _Turn:
    """A turn that is ours, until it is given back or the process ends.

    The file is held open while it is touched, so that no other is.
    """

    def __init__(
        self,
        cache: AlienCache,
        name: str,
        descriptor: int,
        ours: dict[str, _Turn],
    ) -> None:
        self._cache = cache
        self._name = name
        self._ours = ours  # those whose file is not lent
        self._descriptor = descriptor
        self._made = os.fstat(descriptor)
        self._touched_s = time.monotonic()
        self._may_be_lost = False
        self._is_ours = True
        self._lock = threading.Lock()

    @classmethod
    def take(cls, cache: AlienCache, name: str, ours: dict[str, _Turn]) -> _Turn | None:
        """The turn, None while another one has it. Errors: OSError."""
        with cache.above(cache.top / layout.TXN / name) as txn:
            try:
                made = os.open(name, _NEW, layout.OBJECT_MODE, dir_fd=txn.descriptor)
            except FileExistsError:
                return None
        mine = ours[name] = cls(cache, name, made, ours)
        unfinished.hold(mine.give_back)
        _touching.begin(mine)
        return mine

    def touch(self) -> None:
        """Show those who wait that the owner lives."""
        with self._lock, contextlib.suppress(OSError):
            if self._descriptor >= 0:
                os.utime(self._descriptor)
                self._note_time()

    def lend(self) -> Lent:
        """The file, empty, for what is got; touched until that is whole."""
        mode = stat.S_IMODE(self._made.st_mode)
        return Lent(os.dup(self._descriptor), mode, self._close)

    def give_back(self) -> None:
        """Let others have it; harmless after the end."""
        _touching.end(self)
        self._ours.pop(self._name, None)
        self._close()
        if self._is_ours:
            self._is_ours = False
            with contextlib.suppress(OSError):
                self._unlink()
        unfinished.let_go(self.give_back)

    def _close(self) -> None:
        """What is open for writing cannot be executed."""
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
            self._descriptor = -1

    def _note_time(self) -> None:
        """After so long somebody may have taken it away, and have his own there."""
        now = time.monotonic()
        self._may_be_lost |= now - self._touched_s > STALE_AFTER_S / 2
        self._touched_s = now

    def _unlink(self) -> None:
        self._note_time()
        with self._cache.above(self._cache.top / layout.TXN / self._name) as txn:
            if self._may_be_lost:
                there = txn.status(self._name)
                if not os.path.samestat(self._made, there):
                    return
            os.unlink(self._name, dir_fd=txn.descriptor)


class _Touching:
    """One thread touches the turns that this process has for long."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: dict[_Turn, float] = {}
        self._is_running = False

    def begin(self, turn: _Turn) -> None:
        """From now on, until `end`."""
        with self._lock:
            self._turns[turn] = time.monotonic()
            if not self._is_running:
                # Without threads it is taken for dead after a while.
                with contextlib.suppress(RuntimeError):
                    threading.Thread(target=self._run, daemon=True).start()
                    self._is_running = True

    def end(self, turn: _Turn) -> None:
        """The turn is given back."""
        with self._lock:
            self._turns.pop(turn, None)

    def _run(self) -> None:
        while True:
            time.sleep(TOUCHED_EVERY_S)
            with self._lock:
                self._is_running = bool(self._turns)
                if not self._is_running:
                    return
                before = time.monotonic() - TOUCHED_EVERY_S
                due = [turn for turn, since in self._turns.items() if since <= before]
            for turn in due:
                turn.touch()


_touching = _Touching()
_shared: dict[Path, SharedTurns] = {}


def turns_in(cache: AlienCache) -> SharedTurns:
    """Those of this process in a cache: repositories have one patience together."""
    return _shared.setdefault(cache.top, SharedTurns(cache))
