# SPDX-License-Identifier: GPL-2.0-or-later
"""Standard streams that the caller has closed, or that nobody reads any more."""

from __future__ import annotations

import os
import sys
from typing import TextIO


def open_closed() -> None:
    """Occupy the numbers of closed streams, so that no file of ours gets one.

    What is written there fails with EBADF, as on a closed descriptor.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            flags = os.O_WRONLY if number == 0 else os.O_RDONLY
            os.open(os.devnull, flags)  # The lowest free number: this one.
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115


def discard(stream: TextIO) -> None:
    """Keep the interpreter from flushing into a broken stream at its end."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        pass  # It is no file: nothing will be flushed.
