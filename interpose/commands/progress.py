# SPDX-License-Identifier: GPL-2.0-or-later
"""A progress bar for long work, on a terminal alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def progress_bar(what: str, unit: str, total: int | None = None) -> Iterator[Any]:
    """A bar of tqdm on standard error, None where that is no terminal.

    `total` in units, None if nobody knows; with `unit` "B" it is shown in kB and MB.
    """
    if not sys.stderr.isatty():
        yield None
        return
    try:
        from tqdm import tqdm  # noqa: PLC0415  half a second that few runs need
    except ImportError:
        yield None
        return
    in_bytes = unit == "B"
    shown = unit if in_bytes else f" {unit}"
    with tqdm(
        unit=shown, unit_scale=in_bytes, desc=what, total=total, leave=False
    ) as bar:
        yield bar
