# SPDX-License-Identifier: GPL-2.0-or-later
"""What a stopped call costs, by who answers it and how it waits (docs/decisions/0025).

`python -m benchmarks.stops [--rounds N] [--milliseconds N] [--processes N]`: getppid,
made by one process in three places and by many at once. A round runs all ways in turn;
a figure is the median of the rounds, in brackets the least. What this kernel does not
have is left out, with the reason.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.setting import NotMeasuredError, Setting, compiled, machine

# Of stops.c: its word, and what it does.
WAYS = {
    "native": "native, nobody answers",
    "waitpid": "ptrace: sleeps in waitpid",
    "waitpid-follow": "  the same, goes where the tracee runs",
    "loop": "ptrace: the tracer's loop",
    "loop-former": "  as it was: lingers 1 in 64, asks ABI, looks twice",
    "loop-info": "  the loop + GET_SYSCALL_INFO",
    "loop-twice": "  the loop + a second waitpid",
    "loop-64": "  the loop, whoever runs meanwhile, 1 in 64",
    "loop-elsewhere": "  the loop, lingers if the tracee is on another CPU",
    "loop-never": "  the loop, never lingers",
    "loop-follow": "  the loop, goes where the tracee runs",
    "notify": "user notification",
    "notify-sync": "user notification, SYNC_WAKE_UP",
}
PLACES = {"free": "free", "same": "all on one CPU", "apart": "on two CPUs"}
NOT_HERE = 3
FACTS = ("processor", "cpus", "kernel", "commit", "load")
LEGEND = """In brackets the least of the rounds. CPU: of both for a call, and how often
who answers sleeps for one, free. CPU us: of who answers, for a call; of all: of
everybody; least: what the least lucky process got, of the average."""
# What stops.c prints.
NS, CPU_NS, ALL_CPU_NS, SLEEPS, LEAST = range(5)
Figures = list[tuple[float, ...]]


def once(program: str, way: str, place: str, count: int, ms: int) -> tuple[float, ...]:
    """The figures of one run. Errors: NotMeasuredError where the kernel has it not."""
    words = [program, way, place, str(count), str(ms)]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    if done.returncode == NOT_HERE:
        raise NotMeasuredError(done.stderr.strip())
    done.check_returncode()
    return tuple(float(word) for word in done.stdout.split())


class Measurement:
    """Rounds of all ways, and what was not measured."""

    def __init__(self, program: str, rounds: int, ms: int) -> None:
        """Of `stops.c`, compiled."""
        self.program, self.rounds, self.ms = program, rounds, ms
        self.missing: dict[str, str] = {}

    def run(self, place: str, count: int) -> dict[str, Figures]:
        """The figures of each way; interleaved, as the machine does other things."""
        found: dict[str, Figures] = {}
        for _ in range(self.rounds):
            for way in WAYS:
                if way in self.missing:
                    continue
                try:
                    figures = once(self.program, way, place, count, self.ms)
                except NotMeasuredError as reason:
                    self.missing[way] = str(reason)
                else:
                    found.setdefault(way, []).append(figures)
        return found


def middle(figures: Figures, column: int) -> float:
    """The median of a column."""
    return statistics.median(one[column] for one in figures)


def cell(figures: Figures | None) -> str:
    """Median and least, in microseconds."""
    if not figures:
        return f"{'-':>18}"
    least = min(one[NS] for one in figures) / 1e3
    return f"{f'{middle(figures, NS) / 1e3:.2f} ({least:.2f})':>18}"


def of_one(found: dict[str, dict[str, Figures]]) -> list[str]:
    """A table of one process: by way, in each place."""
    names = "".join(f"{PLACES[place]:>18}" for place in found)
    lines = [f"{'microseconds for a call of one process':52}{names} {'CPU':>5} sleeps"]
    for way, title in WAYS.items():
        line = f"{title:52}" + "".join(cell(each.get(way)) for each in found.values())
        first = next(iter(found.values())).get(way)
        if first:
            cpu, sleeps = middle(first, ALL_CPU_NS) / 1e3, middle(first, SLEEPS)
            line += f" {cpu:>5.2f} {sleeps:>6.2f}"
        lines.append(line)
    return lines


def of_many(found: dict[str, Figures], count: int) -> list[str]:
    """A table of many processes."""
    title = f"calls of {count} busy processes, all CPUs"
    lines = [f"{title:52}{'a second':>10} {'CPU us':>7} {'of all':>7} {'least':>6}"]
    for way, figures in found.items():
        second = 1e9 / middle(figures, NS)
        cpu, everybody = (
            middle(figures, CPU_NS) / 1e3,
            middle(figures, ALL_CPU_NS) / 1e3,
        )
        least = middle(figures, LEAST)
        line = f"{WAYS[way]:52}{second:>10,.0f} {cpu:>7.2f} {everybody:>7.2f}"
        lines.append(f"{line} {least:>6.2f}")
    return lines


def parsed(words: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9, help="9")
    parser.add_argument("--milliseconds", type=int, default=60, help="of each run: 60")
    parser.add_argument("--processes", type=int, default=64, help="of the last table")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = parsed(words)
    if platform.machine() != "x86_64":
        raise SystemExit("benchmarks.stops: not measured: stops.c knows x86_64 alone")
    facts = machine()
    print(", ".join(f"{name} {facts[name]}" for name in FACTS))
    places = list(PLACES) if facts["cpus"] > 1 else ["free"]
    with tempfile.TemporaryDirectory() as folder:
        program = compiled(Setting(Path(folder), Path(folder)), "stops")
        one = Measurement(program, args.rounds, args.milliseconds)
        found = {place: one.run(place, 1) for place in places}
        many = Measurement(program, args.rounds, 5 * args.milliseconds)
        crowd = many.run("free", args.processes)
    for table in (of_one(found), of_many(crowd, args.processes)):
        print("\n" + "\n".join(table))
    print(f"\n{LEGEND}")
    for way, reason in {**one.missing, **many.missing}.items():
        print(f"not measured: {WAYS[way].strip()}: {reason}")


if __name__ == "__main__":
    main()
