# SPDX-License-Identifier: GPL-2.0-or-later
"""`make bench`: asks every question, prints a table, keeps the figures as JSON.

`python -m benchmarks.run [--rounds N] [--only NAME...]`
"""

from __future__ import annotations

import argparse
import json
import time

from benchmarks import bundle, calls, events, fetching, processes, walks
from benchmarks.ratios import Ratios, table
from benchmarks.setting import ROOT, Setting, machine, published

QUESTIONS = {
    "calls": calls.measure,
    "floor": calls.measure_floor,
    "bundle": bundle.measure,
    "start": lambda setting, rounds: [processes.measure_start(setting, rounds)],
    "execs": processes.measure_execs,
    "fetching": fetching.measure,
    "numpy": processes.measure_numpy,
    "walks": walks.measure,
    "events": events.measure,
}


def main() -> None:
    """Measure, print, write benchmarks/results/TIME-COMMIT.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=sorted(QUESTIONS))
    arguments = parser.parse_args()
    facts = machine()
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    results: list[Ratios] = []
    with published() as setting:
        warm_up(setting)
        for name in arguments.only or QUESTIONS:
            print(f"measuring: {name}", flush=True)
            results += QUESTIONS[name](setting, arguments.rounds)
    print("\nRatios are medians over rounds, each to native of its round;")
    print("in parentheses the ratio of the least values.\n")
    print(table(results))
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    folder = ROOT / "benchmarks/results"
    folder.mkdir(exist_ok=True)
    file = folder / f"{stamp}-{facts['commit']}.json"
    figures = [result.to_json() for result in results]
    file.write_text(json.dumps({"machine": facts, "results": figures}, indent=1) + "\n")
    print(f"\n{file.relative_to(ROOT)}")


def warm_up(setting: Setting) -> None:
    """Read the whole tree once, so that only warm paths are measured later."""
    read_all = f"tar -cf - {setting.mounted} | wc -c"
    walks.elapsed([*setting.wrapper(), "/bin/sh", "-c", read_all])


if __name__ == "__main__":
    main()
