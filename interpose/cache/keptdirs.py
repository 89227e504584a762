# SPDX-License-Identifier: GPL-2.0-or-later
"""Directories of a shared cache that stay open for a while, as they were judged.

A walk from the root looks at each directory on the way, and asks a file server about
most of them. What was opened stays what it is; who has it judged anew after a moment
sees what its owner has changed.
"""

from __future__ import annotations

import contextlib
import os
import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from interpose.cache.guarded import Directory, Owners, opened

FOR_S = 10.0
_MOST = 300  # All that a cache has, and some


class _Kept:
    """One open directory; closes when nobody uses it any more."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory._replace(descriptor=os.dup(directory.descriptor))
        self.until_s = time.monotonic() + FOR_S
        self.is_noexec: bool | None = None  # not known yet

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):  # It could not be kept.
            os.close(self.directory.descriptor)


class KeptDirectories:
    """Of the cache at `top`, as long as descriptors suffice. Thread-safe."""

    def __init__(self, top: Path, owners: Owners) -> None:
        self._top = top
        self._owners = owners
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most = _MOST if soft == resource.RLIM_INFINITY else min(_MOST, soft // 4)

    @contextlib.contextmanager
    def above(self, path: Path) -> Iterator[Directory]:
        """The directory that holds a path of the cache. Errors: OSError."""
        kept = self._of(path)
        yield kept.directory

    def is_noexec(self) -> bool:
        """Whether nothing in the cache can be executed. Errors: OSError."""
        kept = self._open("")
        if kept.is_noexec is None:
            here = os.statvfs(f"/proc/self/fd/{kept.directory.descriptor}")
            kept.is_noexec = bool(here.f_flag & os.ST_NOEXEC)
        return kept.is_noexec

    def forget(self) -> None:
        """Something is not there any more: look anew."""
        with self._lock:
            self._kept.clear()

    def _of(self, path: Path) -> _Kept:
        return self._open("/".join(path.relative_to(self._top).parts[:-1]))

    def _open(self, names: str) -> _Kept:
        kept = self._kept.get(names)
        if kept is not None and time.monotonic() < kept.until_s:
            return kept
        if names:
            above = self._open("")
            with above.directory.below(*names.split("/")) as directory:
                kept = _Kept(directory)
        else:
            with opened(self._top, self._owners) as directory:
                kept = _Kept(directory)
        with self._lock:
            self._kept.pop(names, None)
            while len(self._kept) >= max(1, self._most):
                del self._kept[next(iter(self._kept))]
            self._kept[names] = kept
        return kept


_of_process: dict[tuple[Path, frozenset[int]], KeptDirectories] = {}


def kept_of(top: Path, owners: Owners) -> KeptDirectories:
    """Those of this process: repositories that share a cache share them."""
    made = KeptDirectories(top, owners)
    return _of_process.setdefault((top, owners.uids), made)
