# SPDX-License-Identifier: GPL-2.0-or-later
"""The walk of native/owned for all Python here, with a test at its elbow (hooked.c)."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from interpose import owned
from interpose._native import ffi

HERE = Path(__file__).resolve().parent
NFS_TYPE = 0x6969
_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_char_p)


def compiled(place: Path) -> Path:
    """The library, made once."""
    library = place / "hooked.so"
    if not library.exists():
        include = f"-I{HERE.parents[2] / 'native'}"
        words = [os.environ.get("CC", "cc"), "-std=gnu11", "-shared", "-fPIC", include]
        subprocess.run([*words, HERE / "hooked.c", "-o", library], check=True)
    return library


class HookedWalk:
    """Stands for `owned.lib`: the walks are the hooked ones, all else is as it was."""

    def __init__(self, library: Path, original: Any = owned.lib) -> None:
        self._library = ctypes.CDLL(str(library))
        self._original = original
        self._kept: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)

    def interpose_walk_to(self, path: bytes, names: bytes, *rest: Any) -> int:
        """As native/interpose.h."""
        return int(self._library.interpose_walk_to(path, names, *map(_passed, rest)))

    def interpose_walk_below(self, directory: int, names: bytes, *rest: Any) -> int:
        """As native/interpose.h."""
        walk = self._library.interpose_walk_below
        return int(walk(directory, names, *map(_passed, rest)))

    def interpose_alone_write(self, fd: int, *rest: Any) -> int:
        """As native/interpose.h."""
        return int(self._library.interpose_alone_write(fd, *map(_passed, rest)))

    def tell(self, after: Callable[[str], object] | None) -> None:
        """After each call of the system within a walk `after` hears its name."""
        where = ctypes.c_void_p.in_dll(self._library, "hook_after")
        if after is None:
            where.value = None
            return
        heard = after
        callback = _CALLBACK(lambda call: heard(call.decode()) and None)
        self._kept.append(callback)
        where.value = ctypes.cast(callback, ctypes.c_void_p).value

    def give_list(self, path: Path, name: str, value: bytes | int) -> None:
        """A file of a file server has this list, or an error comes when it is read."""
        size = -value if isinstance(value, int) else len(value)
        texts = [ctypes.create_string_buffer(name.encode())]
        texts.append(ctypes.create_string_buffer(b"" if size < 0 else bytes(value)))
        self._kept += texts
        self._number("hook_type", ctypes.c_long, NFS_TYPE)
        self._number("hook_list_ino", ctypes.c_uint64, path.stat().st_ino)
        self._number("hook_list_size", ctypes.c_long, size)
        self._number("hook_list_name", ctypes.c_void_p, ctypes.addressof(texts[0]))
        self._number("hook_list", ctypes.c_void_p, ctypes.addressof(texts[1]))

    def _number(self, name: str, kind: Any, value: int) -> None:
        kind.in_dll(self._library, name).value = value

    def reset(self) -> None:
        """Be as the kernel is."""
        self.tell(None)
        self._number("hook_type", ctypes.c_long, 0)
        self._number("hook_list_name", ctypes.c_void_p, 0)


def _passed(value: Any) -> Any:
    """A pointer of cffi's as one of ctypes', a number with its full width."""
    if isinstance(value, int):
        return ctypes.c_size_t(value)
    return ctypes.c_void_p(int(ffi.cast("uintptr_t", value)))
