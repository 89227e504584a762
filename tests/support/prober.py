# SPDX-License-Identifier: GPL-2.0-or-later
"""Prints what a user may do with each path of a list. `prober.py ROOT LIST.json`.

Runs inside a job with nothing but the standard library.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "chr",
    stat.S_IFBLK: "blk",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "sock",
}
ACCESS = {"access_r": os.R_OK, "access_w": os.W_OK, "access_x": os.X_OK}


def outcome(call: Callable[[], Any]) -> str:
    """`ok`, or the name of the errno."""
    try:
        call()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "ok"


def probe(path: str) -> dict[str, Any]:
    """All that the user may do with `path`."""
    try:
        state = os.lstat(path)
    except OSError as error:
        return {"lstat_errno": errno.errorcode[error.errno]}
    kind = KINDS[stat.S_IFMT(state.st_mode)]
    row: dict[str, Any] = {
        "type": kind,
        "mode": f"{stat.S_IMODE(state.st_mode):04o}",
        "uid": state.st_uid,
        "gid": state.st_gid,
    }
    for name, mode in ACCESS.items():
        row[name] = "ok" if os.access(path, mode) else "denied"
    if kind == "dir":
        row["listdir"] = outcome(lambda: os.listdir(path))
        row["chdir"] = outcome(lambda: os.chdir(path))
        os.chdir("/")
    elif kind != "symlink":
        # A FIFO would wait for its other end.
        row["open_rdonly"] = outcome(lambda: opened(path, os.O_RDONLY))
        row["open_wronly"] = outcome(lambda: opened(path, os.O_WRONLY))
    return row


def opened(path: str, flags: int) -> None:
    """Open and close again."""
    os.close(os.open(path, flags | os.O_NONBLOCK))


if __name__ == "__main__":
    root = sys.argv[1]
    for relative in json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")):
        print(json.dumps({"path": relative, **probe(f"{root}/{relative}")}))
