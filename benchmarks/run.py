# SPDX-License-Identifier: GPL-2.0-or-later
"""`make bench`: measures all rows, prints a table, keeps figures, table and picture.

Each figure is a ratio to native of the same interleaved round; native of a row on
/cvmfs is the same tree as a plain directory. Caches are warm, the machine should be
idle.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import chart, report, rows, ways
from benchmarks.ratios import listing
from benchmarks.report import Measured
from benchmarks.setting import ROOT, NotMeasuredError, machine, session

RESULTS = ROOT / "benchmarks/results"
PAGE, PICTURE = ROOT / "docs/benchmarks.md", ROOT / "docs/benchmarks.png"
BEGIN, END = "<!-- figures: made by --docs -->", "<!-- end of figures -->"
SEPARATOR = "; "
IDLE = 0.5  # the load at the start of a run that is to be quoted
EXAMPLES = """
examples:
  make bench                             all rows, five rounds; half an hour or more
  python -m benchmarks.run --list        the rows, what they must reach and aim at
  python -m benchmarks.run --quick       one round in one condition: does it work?
  python -m benchmarks.run --rows host,cvmfs --rounds 3
  python -m benchmarks.run --from benchmarks/results/A.json B.json --docs
                                         draw again, measure nothing

PRoot and strace are contenders where they are installed. Others are named by these
variables:
"""


def main() -> int:
    """Measure, print, write benchmarks/results/TIME-COMMIT.json, .md and .png."""
    arguments = parser().parse_args()
    if arguments.list:
        print(rows.described())
        return 0
    try:
        wanted = rows.chosen(arguments.rows)
    except ValueError as error:
        print(f"benchmarks.run: {error}", file=sys.stderr)
        return 2
    if arguments.kept:
        facts, measured = read(arguments.kept)
        file = arguments.kept[0]
    else:
        facts, measured = measure(wanted, arguments)
        file = keep(facts, measured)
    show(facts, measured, file)
    if arguments.docs:
        page = PAGE.read_text()
        before, _, rest = page.partition(BEGIN)
        text = section(facts, measured)
        PAGE.write_text(f"{before}{BEGIN}\n\n{text}{END}{rest.partition(END)[2]}")
        PICTURE.write_bytes(file.with_suffix(".png").read_bytes())
    return 1 if any(one.reason.startswith("failed") for one in measured) else 0


def parser() -> argparse.ArgumentParser:
    """The command line; its help teaches."""
    variables = "".join(
        f"  {name:24}{what}\n" for name, what in ways.ENVIRONMENT.items()
    )
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.run",
        description=__doc__,
        epilog=EXAMPLES + variables,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--rows", default="", metavar="NAME,...", help="only these rows")
    made.add_argument("--list", action="store_true", help="print the rows")
    made.add_argument(
        "--rounds", type=int, default=5, help="interleaved ones; default 5"
    )
    made.add_argument("--quick", action="store_true", help="one round, one condition")
    made.add_argument(
        "--docs", action="store_true", help="figures into docs/benchmarks.md"
    )
    made.add_argument(
        "--from",
        dest="kept",
        nargs="+",
        type=Path,
        metavar="JSON",
        help="show figures that were measured; later files win",
    )
    return made


def measure(
    wanted: Sequence[rows.Row], arguments: argparse.Namespace
) -> tuple[dict[str, Any], list[Measured]]:
    """The machine, and what came of each row."""
    facts = machine()
    facts["options"] = "--quick" if arguments.quick else f"--rounds {arguments.rounds}"
    if arguments.rows:
        facts["options"] += f" --rows {arguments.rows}"
    rounds = 1 if arguments.quick else arguments.rounds
    print(", ".join(f"{name} {value}" for name, value in facts.items()), flush=True)
    found = []
    with session(rounds, quick=arguments.quick) as here:
        for row in wanted:
            print(f"measuring: {row.name}", flush=True)
            one = Measured(row)
            try:
                one.results = row.measure(here)
            except NotMeasuredError as reason:
                one.reason = str(reason)
            except (subprocess.SubprocessError, OSError) as error:
                one.reason = f"failed: {error}"
            for line in report.lines(one):
                print(f"  {line.title}: {report.number(line.value)} {line.condition}")
            if one.reason:
                print(f"  not measured: {one.reason}")
            found.append(one)
            keep(facts, found)
    return facts, found


def keep(facts: dict[str, Any], measured: Sequence[Measured]) -> Path:
    """Write the figures; after each row, so that a run which is ended leaves some."""
    facts.setdefault("time", time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{facts['time']}-{facts['commit']}.json"
    kept = {"machine": facts, "rows": [one.to_json() for one in measured]}
    file.write_text(json.dumps(kept, indent=1) + "\n")
    return file


def read(files: Sequence[Path]) -> tuple[dict[str, Any], list[Measured]]:
    """Kept figures, in the order of the table of rows."""
    by_name: dict[str, Measured] = {}
    kept = [json.loads(file.read_text()) for file in files]
    for each in kept:
        by_name.update((one["row"], Measured.from_json(one)) for one in each["rows"])
    facts = {**kept[0]["machine"]}
    for name in ("commit", "time", "options"):
        found = dict.fromkeys(str(each["machine"].get(name, "")) for each in kept)
        facts[name] = (SEPARATOR if name == "options" else ", ").join(found)
    facts["load"] = max((each["machine"].get("load", "0") for each in kept), key=float)
    return facts, [by_name[row.name] for row in rows.ROWS if row.name in by_name]


def show(facts: dict[str, Any], measured: Sequence[Measured], file: Path) -> None:
    """Print all; write the table and the picture beside a file of figures."""
    text = section(facts, measured)
    print("\n" + listing([one for each in measured for one in each.results]))
    print(f"\n{text}")
    file.with_suffix(".md").write_text(text)
    file.with_suffix(".png").write_bytes(chart.picture(measured, facts))
    print(f"{os.path.relpath(file, ROOT)}, .md, .png")


def section(facts: dict[str, Any], measured: Sequence[Measured]) -> str:
    """Markdown: machine, what is missed, the table, calls by condition."""
    names = ("processor", "cpus", "kernel", "python", "commit", "load")
    where = ", ".join(f"{name} {facts[name]}" for name in names if name in facts)
    runs = facts["options"].split(SEPARATOR)
    commands = [f"`python -m benchmarks.run {one}`" for one in runs]
    parts = [
        f"Printed by {', '.join(commands)} at {facts['time']}: {where}.",
        warning(facts),
        report.missed(measured),
        report.table(measured),
        report.conditions(measured),
    ]
    return "".join(f"{part}\n\n" for part in parts if part)


def warning(facts: dict[str, Any]) -> str:
    """Why the figures are none to quote, if they are not."""
    said = []
    if "--quick" in facts["options"]:
        said.append("one round and one condition show that rows can be measured")
    if float(facts.get("load", 0)) > IDLE:
        said.append("the machine had other work")
    return f"**No figures to quote**: {'; '.join(said)}." if said else ""


if __name__ == "__main__":
    sys.exit(main())
