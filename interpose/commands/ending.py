# SPDX-License-Identifier: GPL-2.0-or-later
"""A subcommand that is told to end tidies up first, and then ends by that signal."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDS = (signal.SIGTERM, signal.SIGHUP)


class _Ended(BaseException):
    """Passes through everything that catches errors, and runs what cleans up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def ending_by_signal() -> Iterator[None]:
    """In here SIGTERM and SIGHUP end the block in order; a second one ends at once."""

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        signal.signal(number, signal.SIG_DFL)
        raise _Ended(number)

    is_main = threading.current_thread() is threading.main_thread()
    taken = [n for n in _ENDS if is_main and signal.getsignal(n) == signal.SIG_DFL]
    for number in taken:
        signal.signal(number, end)
    try:
        yield
    except _Ended as ended:
        signal.signal(ended.number, signal.SIG_DFL)
        os.kill(os.getpid(), ended.number)
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)
