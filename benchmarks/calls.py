# SPDX-License-Identifier: GPL-2.0-or-later
"""Cost of one call, on host paths and on warm paths below /cvmfs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.ratios import Ratios
from benchmarks.setting import ROOT, Setting, contenders

PASSES = 3
MANY_PASSES = 100
NEVER_STOPPED = ("getppid", "read")
FLOOR = "bare filter"


def measure(setting: Setting, rounds: int) -> list[Ratios]:
    """Nanoseconds of each call, per contender."""
    program = compiled(setting, "calls")
    host = lists(setting.place / "host", setting.plain, setting.plain)
    inside = lists(setting.place / "inside", setting.plain, setting.mounted)
    runs = {
        name: [*before, program, *host, str(PASSES)]
        for name, before in contenders(setting).items()
    }
    runs["interpose_run, traced"] = [
        *setting.wrapper("--no-fastpath"),
        program,
        *host,
        str(PASSES),
    ]
    runs["interpose_run, /cvmfs"] = [*setting.wrapper(), program, *inside, str(PASSES)]
    return interleaved(runs, rounds)


def measure_floor(setting: Setting, rounds: int) -> list[Ratios]:
    """Calls that are never stopped, against the least filter that there can be."""
    words = [compiled(setting, "calls")]
    words += lists(setting.place / "floor", setting.plain, setting.plain)
    words += [str(MANY_PASSES), *NEVER_STOPPED]
    bare = compiled(setting, "bare_filter")
    runs = {
        "native": words,
        "tracer, no filter": [bare, "ptrace", *words],
        FLOOR: [bare, "filter", *words],
        "bare filter, twice": [bare, "filter", bare, "filter", *words],
        "bare filter and tracer": [bare, "both", *words],
        "interpose_run": [*setting.wrapper(), *words],
    }
    results = interleaved(runs, rounds)
    for result in results:
        result.title += ", never stopped"
        result.floor = FLOOR
    return results


def compiled(setting: Setting, name: str) -> str:
    """The program made from NAME.c of this directory."""
    program = str(setting.place / name)
    source = str(ROOT / f"benchmarks/{name}.c")
    subprocess.run(
        [os.environ.get("CC", "cc"), "-O2", "-o", program, source], check=True
    )
    return program


def interleaved(runs: Mapping[str, Sequence[str]], rounds: int) -> list[Ratios]:
    """Every run once per round; each prints lines "CALL NANOSECONDS"."""
    results: dict[str, Ratios] = {}
    for _ in range(rounds):
        for name, command in runs.items():
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
