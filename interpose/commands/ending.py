# SPDX-License-Identifier: GPL-2.0-or-later
"""A subcommand that is told to end tidies up first, and then ends by that signal.

An exception ends what is under way. One that comes up in a finalizer is swallowed by
the interpreter, and somebody's handler may make another one of it: so it comes again
until it gets through, and whatever the end looks like, the signal is what it is.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_ENDS = (signal.SIGTERM, signal.SIGHUP)
_AGAIN_S = 0.05


class _Ended(BaseException):
    """Passes through everything that catches errors, and runs what cleans up."""


class _Waiting:
    """What is still to be done, and a signal that came while it was not to."""

    held = 0
    number = 0
    last: list[Callable[[], object]] = []  # noqa: RUF012 (one list for the process)


@contextmanager
def not_now() -> Iterator[None]:
    """A signal that comes in here ends the block around it when this one is done."""
    _Waiting.held += 1
    try:
        yield
    finally:
        _Waiting.held -= 1
    if _Waiting.number and not _Waiting.held:
        raise _Ended


def at_a_signal(action: Callable[[], object]) -> None:
    """Do this, too, if a signal ends the command; there is no order among these."""
    _Waiting.last.append(action)


@contextmanager
def ending_by_signal() -> Iterator[None]:
    """In here SIGTERM and SIGHUP end the block in order; a second one ends at once."""
    is_main = threading.current_thread() is threading.main_thread()
    taken = [n for n in _ENDS if is_main and signal.getsignal(n) == signal.SIG_DFL]
    for number in taken:
        signal.signal(number, _told)
    try:
        yield
    finally:
        if _Waiting.number:
            _end()
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _told(number: int, frame: FrameType | None) -> None:
    del frame
    signal.signal(number, signal.SIG_DFL)
    _Waiting.number = number
    signal.signal(signal.SIGALRM, _again)
    signal.setitimer(signal.ITIMER_REAL, _AGAIN_S, _AGAIN_S)
    if not _Waiting.held:
        raise _Ended


def _again(number: int, frame: FrameType | None) -> None:
    """Raise once more what was swallowed; while it is under way all is well."""
    del number
    error = sys.exc_info()[1]
    while error is not None and not isinstance(error, _Ended):
        error = error.__context__
    is_at_the_end = frame is not None and frame.f_code in _LAST
    if error is None and not _Waiting.held and not is_at_the_end:
        raise _Ended


def _end() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)
    for action in _Waiting.last:
        action()
    signal.signal(_Waiting.number, signal.SIG_DFL)
    os.kill(os.getpid(), _Waiting.number)


# Where the exception has done its work.
_LAST = (ending_by_signal.__wrapped__.__code__, _end.__code__)  # type: ignore[attr-defined]
