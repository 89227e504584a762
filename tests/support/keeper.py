# SPDX-License-Identifier: GPL-2.0-or-later
"""Ends what tests have started and removes their directories when they are killed.

`watched(DIRECTORY)` tells a process of its own about a directory that the tests use. If
the tests die meanwhile, that process ends all processes whose environment or command
line names the directory: each gets a home, a cache or a configuration in it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

# How long processes may come up anew before we give up.
PATIENCE_S = 20.0


class Keeper:
    """The watching process, started with the first directory."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def tell(self, word: str, path: Path) -> None:
        if self._process is None:
            words = [sys.executable, "-I", __file__]
            # Not in the group that a terminal's Ctrl-C goes to; no directory in the
            # environment: nobody's keeper ends another one.
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                cwd="/",
                env={},
                start_new_session=True,
                bufsize=0,
            )
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word} {path}\n".encode())

    def close(self) -> None:
        """No test runs any more."""
        if self._process is not None:
            self._process.communicate()
            self._process = None


KEEPER = Keeper()


@contextlib.contextmanager
def watched(path: Path) -> Iterator[Path]:
    """While this lasts, nothing that uses the directory outlives us."""
    KEEPER.tell("watch", path)
    try:
        yield path
    finally:
        KEEPER.tell("leave", path)


@contextlib.contextmanager
def own_directory(prefix: str) -> Iterator[Path]:
    """A directory that every user may enter, watched and in the end removed."""
    with tempfile.TemporaryDirectory(prefix=prefix) as name:
        Path(name).chmod(0o755)
        with watched(Path(name)):
            yield Path(name)


def users(paths: Iterable[bytes]) -> list[int]:
    """Processes that were started with the name of one of these directories."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/environ", "rb") as environment:
                told = environment.read()
            with open(f"/proc/{name}/cmdline", "rb") as arguments:
                told += arguments.read()
        except OSError:  # gone, or another user's
            continue
        if int(name) != os.getpid() and any(path in told for path in paths):
            found.append(int(name))
    return found


def clear(paths: Iterable[bytes]) -> None:
    """End them all, and remove the directories."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        left = users(paths)
        if not left:
            break
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
    for path in paths:
        shutil.rmtree(os.fsdecode(path), ignore_errors=True)


def main() -> None:
    """Until the end of input, which comes when the tests end or die."""
    watching: set[bytes] = set()
    for line in sys.stdin.buffer:
        word, path = line.rstrip(b"\n").split(b" ", 1)
        (watching.add if word == b"watch" else watching.discard)(path)
    if watching:
        clear(watching)


if __name__ == "__main__":
    main()
