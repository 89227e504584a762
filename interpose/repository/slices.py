# SPDX-License-Identifier: GPL-2.0-or-later
"""Parts of a file that several threads fill; zeros are left out, as holes."""

from __future__ import annotations

import os

from interpose.repository.shelves import Parcel, disk_error

# A hole is a whole number of a file system's blocks; all common ones divide this.
_HOLE_BYTES = 64 * 1024
_ZEROS = bytes(_HOLE_BYTES)


def stretch(parcel: Parcel, size: int) -> None:
    """Give a fresh parcel its final size, with nothing in it.

    Errors: CacheError and below.
    """
    try:
        os.ftruncate(parcel.fileno(), size)
    except OSError as error:
        raise disk_error(error, parcel.where) from error


class Slice:
    """A target inside a parcel that was stretched."""

    def __init__(self, parcel: Parcel, offset: int) -> None:
        self._parcel = parcel
        self._start = offset
        self._offset = offset
        self._is_fresh = True
        self.is_hole = True

    def write(self, data: bytes) -> None:
        """Errors: CacheError and below."""
        view = memoryview(data)
        try:
            while view:
                # Up to the next border, so that whole blocks stay holes.
                size = min(len(view), _HOLE_BYTES - self._offset % _HOLE_BYTES)
                if not (self._is_fresh and _is_zero(view[:size])):
                    self.is_hole = False
                    size = os.pwrite(self._parcel.fileno(), view[:size], self._offset)
                self._offset += size
                view = view[size:]
        except OSError as error:
            raise disk_error(error, self._parcel.where) from error

    def abort(self) -> None:
        """The next try writes over it, its zeros too."""
        self._is_fresh = self._is_fresh and self.is_hole
        self._offset = self._start


def _is_zero(view: memoryview) -> bool:
    if view[0] or view[-1]:
        return False
    return view.tobytes() == _ZEROS[: len(view)]


def copy_within(parcel: Parcel, source: int, target: int, size: int) -> None:
    """Copy bytes to another offset, holes as holes. Errors: CacheError and below."""
    slice_ = Slice(parcel, target)
    while size > 0:
        try:
            block = os.pread(parcel.fileno(), min(size, 1 << 20), source)
        except OSError as error:
            raise disk_error(error, parcel.where) from error
        if not block:
            return
        slice_.write(block)
        source += len(block)
        size -= len(block)
