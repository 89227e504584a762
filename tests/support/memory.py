# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run has made in memory, seen from outside (docs/decisions/0020)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psutil

from tests.support.places import need_tool

MEMORY = Path("/dev/shm")


def is_tmpfs(path: Path) -> bool:
    words = [need_tool("stat", "coreutils"), "-f", "-c", "%T", str(path)]
    return subprocess.run(words, check=True, capture_output=True).stdout == b"tmpfs\n"


def tracer_of(front: subprocess.Popen[bytes]) -> psutil.Process:
    return psutil.Process(front.pid).children()[0]


def own_number(process: psutil.Process) -> str:
    """The process id as the process itself sees it."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return status.partition("NSpid:")[2].split("\n")[0].split()[-1]


def in_memory(front: subprocess.Popen[bytes], base: Path = MEMORY) -> list[Path]:
    """What this run has made in memory; of its root, which may be another one."""
    # The tracer cannot be looked into; front has the same root.
    top = Path(f"/proc/{front.pid}/root{base}")
    number = own_number(tracer_of(front))
    locks = top.glob(".interpose-*/lock")
    return [path.parent for path in locks if maker(path) == number]


def maker(lock: Path) -> str | None:
    """Who has made it, by his own process id; of another user, or gone by now, None."""
    try:
        return lock.read_text().split()[2]
    except (FileNotFoundError, PermissionError, IndexError):
        return None
