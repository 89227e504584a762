# SPDX-License-Identifier: GPL-2.0-or-later
"""Who else could change what: the typed face of native/owned."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from interpose._native import ffi, lib

rename_new, seal_ns = lib.interpose_rename_new, lib.interpose_seal

CAN_BE_WRITTEN, CANNOT_BE_SEEN = "can be written by others", "cannot be looked at"
_NOT_OURS = {
    lib.INTERPOSE_OWNED_FOREIGN: "belongs to somebody else",
    lib.INTERPOSE_OWNED_OPEN: CAN_BE_WRITTEN,
    lib.INTERPOSE_OWNED_UNKNOWN: CANNOT_BE_SEEN,
}


def not_ours(path: str | os.PathLike[str]) -> tuple[str, str] | None:
    """Why and where others could change what an absolute path leads to, or None.

    What is not there yet is nobody's: None. Source: native/owned/owned.h.
    """
    where = ffi.new("char[4096]")
    text = _NOT_OURS.get(lib.interpose_owned(os.fsencode(path), where, 4096))
    return None if text is None else (text, os.fsdecode(ffi.string(where)))


def may_be_stream(head: bytes) -> bool:
    """Whether a file that begins so may be a zlib stream (native/interpose.h)."""
    return bool(lib.interpose_may_be_stream(head, len(head)))


def finish(descriptor: int, mode: int, *, sealed: bool) -> None:
    """Give a finished file its mode, and an object its seal. Errors: OSError."""
    _checked(lib.interpose_finish(descriptor, mode, sealed), "")


def reopened(descriptor: int) -> int:
    """One that names the file only and takes the place of this one, which is closed.

    Errors: OSError.
    """
    return _checked(lib.interpose_reopen(descriptor), "")


def is_of_this_node(descriptor: int) -> bool:
    """Whether what is open is on a file system of this node alone."""
    return bool(lib.interpose_is_of_this_node(descriptor))


class Uids:
    """Numbers of users, as the walks take them."""

    def __init__(self, uids: Iterable[int]) -> None:
        numbers = sorted(uids)
        self._packed = ffi.new("uint32_t[]", numbers), len(numbers)

    def alone_write(self, descriptor: int) -> bool:
        """Whether one of them owns what is open, and nobody else may write it."""
        return bool(lib.interpose_alone_write(descriptor, *self._packed))

    def walk_to(
        self, path: str | os.PathLike[str], names: str = ""
    ) -> tuple[int, bool]:
        """A descriptor of a directory, and whether they alone decide what it holds.

        `names` are plain ones below `path`. Errors: OSError. Source:
        native/interpose.h.
        """
        is_guarded = ffi.new("int *")
        where = os.fsencode(path), os.fsencode(names)
        result = lib.interpose_walk_to(*where, *self._packed, is_guarded)
        return _checked(result, path), bool(is_guarded[0])

    def walk_below(
        self, directory: int, names: str, *, is_guarded: bool
    ) -> tuple[int, bool]:
        """The same for plain names below a directory. Errors: OSError."""
        flag = ffi.new("int *", is_guarded)
        encoded = os.fsencode(names)
        result = lib.interpose_walk_below(directory, encoded, *self._packed, flag)
        return _checked(result, names), bool(flag[0])


def _checked(result: int, path: Any) -> int:
    if result < 0:
        raise OSError(-result, os.strerror(-result), os.fspath(path))
    return int(result)
