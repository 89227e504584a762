# SPDX-License-Identifier: GPL-2.0-or-later
"""Cost of what carries no path: descriptors, threads, signals, a shell's redirection.

The time of each, and how often it stops by the run's own statistics.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

from benchmarks.calls import compiled
from benchmarks.ratios import Clock, Ratios
from benchmarks.setting import Setting, contenders

# Of `events.c`: its word, what it is, how many.
ROWS = [
    ("fstat", "fstat of a host file", 20000),
    ("dup", "dup and close", 20000),
    ("thread", "thread, made and joined", 1000),
    ("spawn", "posix_spawn of /bin/true", 100),
    ("signal", "signal with a handler", 5000),
    ("lock", "fcntl lock of a host file", 20000),
    ("epoll", "epoll_wait with a limit", 20000),
]
REDIRECTIONS = 2000
HOST_FILE = "/etc/passwd"


def measure(setting: Setting, rounds: int) -> list[Ratios]:
    """Nanoseconds and stops of each; fstat and dup of /cvmfs, too."""
    program = compiled(setting, "events")
    inside = str(next(iter(sorted(setting.plain.rglob("*.py")))))
    inside = str(setting.mounted / inside[len(str(setting.plain)) + 1 :])
    found = []
    for word, title, count in ROWS:
        job = [program, word, str(count), HOST_FILE]
        time = Ratios(title, "ns")
        for _ in range(rounds):
            for name, before in contenders(setting).items():
                time.add(name, printed([*before, *job]))
            if word in ("fstat", "dup", "lock"):
                words = [*setting.wrapper(), program, word, str(count), inside]
                time.add("interpose_run, /cvmfs", printed(words))
        found += [time, stops(setting, title, job, count)]
    return [*found, *redirection(setting, rounds)]


def redirection(setting: Setting, rounds: int) -> list[Ratios]:
    """`{ :; } 2>&1` of bash."""
    title = "{ :; } 2>&1 in bash"
    loop = f"for ((i = 0; i < {REDIRECTIONS}; i++)); do {{ :; }} 2>&1; done"
    job = ["bash", "-c", loop]
    time = Ratios(title, "ns")
    for _ in range(rounds):
        for name, before in contenders(setting).items():
            with Clock() as clock:
                subprocess.run([*before, *job], check=True)
            time.add(name, clock.ms * 1e6 / REDIRECTIONS)
    return [time, stops(setting, title, job, REDIRECTIONS)]


def printed(command: Sequence[str]) -> float:
    """The number that it prints."""
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


def stops(setting: Setting, title: str, job: Sequence[str], count: int) -> Ratios:
    """How often a call of ours is stopped at its entry or exit, for each."""
    file = setting.place / "stats.json"
    words = [*setting.wrapper("--stats", file), *job]
    subprocess.run(words, check=True, capture_output=True)
    figures = json.loads(file.read_text())["tracer"]
    result = Ratios(f"stops of {title}", "stops")
    total = int(figures["stops"]) + int(figures.get("exit_stops", 0))
    result.add("interpose_run", total / count)
    return result
