# SPDX-License-Identifier: GPL-2.0-or-later
"""`interpose fsck`: whether the files of a cache are what their names say."""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

from interpose.cache import eviction
from interpose.cache.census import ASSEMBLED, Item
from interpose.cache.proving import fault
from interpose.commands import options
from interpose.commands.cache import contents_of
from interpose.commands.progress import progress_bar
from interpose.workers import Workers

EXAMPLE = """\
example:
  interpose fsck /gpfs/cvmfs/alien
  interpose fsck --repair ~/.cache/interpose/sft.example.org

Reads every object, packs it and compares the hash with its name; index files are looked
through. Prints a line for each that is wrong; with --repair it is removed, and a job
that wants it gets it again. What cannot be read stays. Files that were put together
from chunks are counted, not proven: only their catalog knows what they are. Status 1:
something was wrong.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `fsck`."""
    parser.epilog = EXAMPLE
    parser.add_argument("directory", type=Path, metavar="DIR", help="a cache")
    parser.add_argument(
        "--repair", action="store_true", help="remove what is not what it should be"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")


class Check:
    """Proves files and remembers which are wrong. Thread-safe."""

    def __init__(self, top: Path, bar: Any, *, repair: bool) -> None:
        self.bad: list[dict[str, Any]] = []
        self._top = top
        self._bar = bar
        self._repair = repair
        self._lock = threading.Lock()

    def look(self, item: Item) -> None:
        """Prove one file."""
        try:
            wrong, may_go = fault(self._top, item), self._repair
        except OSError as error:
            # Who cannot read it does not know what it is.
            wrong, may_go = (error.strerror or str(error)).lower(), False
        with self._lock:
            if self._bar is not None:
                self._bar.update(item.size_bytes)
            if wrong is not None:
                self._found(item, wrong, may_go=may_go)

    def _found(self, item: Item, wrong: str, *, may_go: bool) -> None:
        gone = bool(may_go and eviction.remove(self._top, [item]))
        path = str(self._top / item.path)
        row = {"path": path, "kind": item.kind, "fault": wrong, "removed": gone}
        self.bad.append(row)


def execute(arguments: argparse.Namespace) -> int:
    """Status 0; 1 if something is wrong, or was."""
    top = arguments.directory.absolute()
    items = contents_of(top)
    whole = sum(item.size_bytes for item in items)
    with progress_bar("checking", "B", whole) as bar:
        check = Check(top, bar, repair=arguments.repair)
        with Workers(os.cpu_count() or 1) as workers:
            for item in items:
                workers.submit(partial(check.look, item))
    unproven = sum(item.kind == ASSEMBLED for item in items)
    check.bad.sort(key=lambda row: str(row["path"]))
    if arguments.json:
        found = {"cache": str(top), "files": len(items), "bytes": whole}
        options.say(json.dumps({**found, "unproven": unproven, "bad": check.bad}))
    else:
        _print(top, check.bad, len(items), unproven)
    kept = sum(not row["removed"] for row in check.bad)
    if arguments.repair and kept:
        sys.stderr.write(
            f"interpose: {kept} files were not removed: {top} (may you read and remove"
            " them?)\n"
        )
    return 1 if check.bad else 0


def _print(top: Path, bad: list[dict[str, Any]], count: int, unproven: int) -> None:
    for row in bad:
        removed = " (removed)" if row["removed"] else ""
        options.say(f"{row['path']}: {row['fault']}{removed}")
    chunked = f", {unproven} of chunks not proven" if unproven else ""
    options.say(f"{top}: {count} files{chunked}, {len(bad)} wrong")
