# SPDX-License-Identifier: GPL-2.0-or-later
"""Cost of one call, on host paths and on warm paths below /cvmfs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from benchmarks.ratios import Ratios
from benchmarks.setting import ROOT, Setting, contenders

PASSES = 3


def measure(setting: Setting, rounds: int) -> list[Ratios]:
    """Nanoseconds of each call, per contender."""
    program = setting.place / "calls"
    source = ROOT / "benchmarks/calls.c"
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, "-O2", "-o", program, source], check=True)
    host = lists(setting.place / "host", setting.plain, setting.plain)
    inside = lists(setting.place / "inside", setting.plain, setting.mounted)
    runs = {name: (before, host) for name, before in contenders(setting).items()}
    runs["interpose_run, /cvmfs"] = (setting.wrapper(), inside)
    results: dict[str, Ratios] = {}
    for _ in range(rounds):
        for name, (before, paths) in runs.items():
            command = [*before, program, *paths, str(PASSES)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            for line in done.stdout.splitlines():
                call, _, value = line.rpartition(" ")
                ratios = results.setdefault(call, Ratios(call, "ns"))
                ratios.add(name, float(value))
    return list(results.values())


def lists(place: Path, tree: Path, shown: Path) -> list[str]:
    """Files with the paths of files, links and missing names, as `shown` has them."""
    place.mkdir()
    files = sorted(tree.rglob("*.py"))
    links = sorted(path for path in tree.rglob("link*") if path.is_symlink())
    rows = {
        "files": [shown / path.relative_to(tree) for path in files],
        "links": [shown / path.relative_to(tree) for path in links],
        "missing": [shown / f"{path.relative_to(tree)}.so" for path in files],
    }
    for name, paths in rows.items():
        (place / name).write_text("".join(f"{path}\n" for path in paths))
    return [str(place / name) for name in rows]
