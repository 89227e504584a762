# SPDX-License-Identifier: GPL-2.0-or-later
"""A subcommand that is told to end tidies up first, and then ends by that signal."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_ENDS = (signal.SIGTERM, signal.SIGHUP)


class _Ended(BaseException):
    """Passes through everything that catches errors, and runs what cleans up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


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
        raise _Ended(_Waiting.number)


def at_a_signal(action: Callable[[], object]) -> None:
    """Do this, too, if a signal ends the command; there is no order among these."""
    _Waiting.last.append(action)


@contextmanager
def ending_by_signal() -> Iterator[None]:
    """In here SIGTERM and SIGHUP end the block in order; a second one ends at once."""

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        signal.signal(number, signal.SIG_DFL)
        if _Waiting.held:
            _Waiting.number = number
            return
        raise _Ended(number)

    is_main = threading.current_thread() is threading.main_thread()
    taken = [n for n in _ENDS if is_main and signal.getsignal(n) == signal.SIG_DFL]
    for number in taken:
        signal.signal(number, end)
    try:
        yield
    except _Ended as ended:
        for action in _Waiting.last:
            action()
        signal.signal(ended.number, signal.SIG_DFL)
        os.kill(os.getpid(), ended.number)
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)
