# SPDX-License-Identifier: GPL-2.0-or-later
"""One request to the disk for all that was written. Source: syncfs(2)."""

from __future__ import annotations

import ctypes
import os


def write_to_disk(descriptor: int) -> None:
    """Wait until the file system of `descriptor` has everything on its disk.

    One call: a call for each of thousands of objects would wait for the disk as often.
    Errors: OSError.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "syncfs"):
        os.sync()
        return
    if library.syncfs(descriptor) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
