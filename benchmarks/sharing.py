# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -m benchmarks.sharing`: nodes that share an alien cache, real processes.

Each node is a job with a private cache of its own, whose alien cache lies on a file
system that counts what it is asked and takes so many milliseconds for each operation
(tests/support/sharedfs.py): each node has a client of its own on it. All begin at the
same moment: once with an empty alien cache (cold), once with private caches that are
empty (full), once with all there (warm). As root, for the mounts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.setting import BIN, ROOT, Setting, machine, options_of, publish

FILES, FILE_BYTES = 60, 50_000
PHASES = ("cold", "full", "warm")
READ = "cd /cvmfs/{fqrn}/files && cat * >/dev/null"


def main() -> int:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 10, 40])
    parser.add_argument("--delays", type=float, nargs="+", default=[0, 1, 10])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        print("needs root and /dev/fuse", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="interpose-sharing-") as top:
        rows = list(_rows(Path(top), arguments.nodes, arguments.delays))
    if arguments.json:
        print(json.dumps({"machine": machine(), "files": FILES, "rows": rows}))
    else:
        print_table(rows)
    return 0


def _rows(
    top: Path, counts: list[int], delays: list[float]
) -> Iterator[dict[str, Any]]:
    tree = top / "tree"
    (tree / "files").mkdir(parents=True)
    for number in range(FILES):
        content = b"plain " + random.Random(number).randbytes(FILE_BYTES)
        (tree / f"files/{number:03}").write_bytes(content)
    setting = Setting(top, tree)
    publish(setting, tree)
    with _serving(top / "storage", top / "log") as url:
        for count in counts:
            for delay_ms in delays:
                site = Site(setting, url, top, count, delay_ms)
                for phase in PHASES:
                    yield site.measure(phase)
                site.remove()


@contextlib.contextmanager
def _serving(root: Path, log: Path) -> Iterator[str]:
    """A server 5 ms away that writes a line for each request."""
    words = [sys.executable, "-m", "benchmarks.distant", str(root), "5", str(log)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().decode().strip()}"
        finally:
            server.terminate()


class Site:
    """So many nodes, and what they share."""

    def __init__(
        self, setting: Setting, url: str, top: Path, count: int, delay_ms: float
    ) -> None:
        self._setting = setting
        self._place = top / f"site-{count}-{delay_ms}"
        self._log = top / "log"
        self._delay_ms = delay_ms
        self._nodes = [self._place / f"node-{number}" for number in range(count)]
        self._options = options_of(url, setting.key, setting.fqrn)
        self._options += ["-o", "CVMFS_QUOTA_LIMIT=-1"]
        (self._place / "behind").mkdir(parents=True)
        for node in self._nodes:
            (node / "shared").mkdir(parents=True)
            (node / "scratch").mkdir()

    def measure(self, phase: str) -> dict[str, Any]:
        """Run all nodes at once."""
        if phase == "full":
            for node in self._nodes:
                shutil.rmtree(node / "cache")
        self._log.write_text("")
        begun = time.monotonic()
        jobs = [subprocess.Popen(self._command(node), cwd=ROOT) for node in self._nodes]
        for job in jobs:
            if job.wait() != 0:
                raise SystemExit(f"a job failed: {phase}")
        wall_s = time.monotonic() - begun
        found: Counter[str] = Counter()
        for node in self._nodes:
            found.update(json.loads((node / "counts").read_text()))
        paths = [
            line for line in self._log.read_text().splitlines() if "/data/" in line
        ]
        return {
            "nodes": len(self._nodes),
            "delay_ms": self._delay_ms,
            "phase": phase,
            "wall_s": round(wall_s, 2),
            "requests": len(paths),
            "objects": len(set(paths)),
            "operations": found["operations"],
            "made": sum(_of(found, kind) for kind in _MAKING),
            "opens": _of(found, "OPEN"),
            "looks": _of(found, "LOOKUP"),
        }

    def _command(self, node: Path) -> list[str]:
        shared = [self._place / "behind", node / "shared", node / "counts"]
        head = [sys.executable, "-m", "tests.support.sharedfs", *shared, self._delay_ms]
        run = [BIN / "interpose_run", "--cache", node / "cache", "--alien-cache"]
        run += [node / "shared/alien", "--scratch", node / "scratch", *self._options]
        script = READ.format(fqrn=self._setting.fqrn)
        return [*map(str, [*head, *run]), "--", "sh", "-c", script]

    def remove(self) -> None:
        """All that it has left."""
        shutil.rmtree(self._place)


def _of(found: Counter[str], kind: str) -> int:
    return sum(found[f"{kind} {place}"] for place in _PLACES)


_MAKING = ("CREATE", "LINK", "UNLINK", "MKDIR", "RENAME", "RENAME2", "SETATTR")
_PLACES = ("top", "txn", "folder", "object")


def print_table(rows: list[dict[str, Any]]) -> None:
    """For a page."""
    about = machine()
    names = [
        *("phase", "nodes", "delay_ms", "wall_s", "requests", "objects"),
        *("operations", "made", "opens", "looks"),
    ]
    print(f"Printed by `python -m benchmarks.sharing`: {FILES} files of {FILE_BYTES}")
    print("bytes; " + ", ".join(f"{name} {value}" for name, value in about.items()))
    print()
    print("| " + " | ".join(names) + " | operations a node and file |")
    print("|" + " --- |" * (len(names) + 1))
    for row in rows:
        each = row["operations"] / row["nodes"] / FILES
        cells = [str(row[name]) for name in names]
        print("| " + " | ".join(cells) + f" | {each:.1f} |")


if __name__ == "__main__":
    sys.exit(main())
