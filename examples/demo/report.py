# SPDX-License-Identifier: GPL-2.0-or-later
"""The last page of the demonstration: figures of the runs, and the price of it.

`report.py COLD.json WARM.json WRAPPER JOB CVMFS PLAIN`: two statistics files, what
stands before a job, the job, the repository and the plain directory it was made from.
"""

from __future__ import annotations

import json
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROUNDS = 5


def main(arguments: list[str]) -> None:
    """Print the table."""
    cold, warm = (json.loads(Path(name).read_text()) for name in arguments[:2])
    wrapper, job, cvmfs, plain = arguments[2:]
    print(f"  {'':34}{'first run':>12}{'second run':>12}")
    for title, first, second in zip(ROWS, figures(cold), figures(warm)):
        print(f"  {title:34}{first:>12}{second:>12}")
    print()
    inside = [*shlex.split(wrapper), *shlex.split(job), cvmfs]
    outside = [*shlex.split(job), plain]
    times: dict[str, list[float]] = {"inside": [], "outside": []}
    for _ in range(ROUNDS):
        times["inside"].append(seconds(inside))
        times["outside"].append(seconds(outside))
    slow, fast = (statistics.median(times[key]) for key in ("inside", "outside"))
    print(f"  The job from /cvmfs, warm:          {slow * 1000:8.1f} ms")
    print(f"  The job from the plain directory:   {fast * 1000:8.1f} ms")
    print(f"  Ratio (median of {ROUNDS} each):          {slow / fast:8.2f}")


ROWS = (
    "different files read",
    "catalogs loaded",
    "requests to the server",
    "bytes fetched",
    "stops of the tracer",
    "processes of the job",
    "wall clock, ms",
)


def figures(stats: dict[str, Any]) -> list[str]:
    """The values of ROWS."""
    repositories = stats.get("repositories", [])
    network = stats.get("network", {})

    def total(key: str) -> int:
        return sum(int(one.get(key, 0)) for one in repositories)

    values = [
        total("files_read"),
        total("catalogs_loaded"),
        network.get("requests", 0),
        network.get("bytes", 0),
        stats.get("tracer", {}).get("stops", 0),
        stats.get("job", {}).get("processes", 0),
        round(1000 * stats.get("wall_s", 0.0)),
    ]
    return [f"{value:,}" for value in values]


def seconds(command: list[str]) -> float:
    """Wall clock of one run."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    main(sys.argv[1:])
