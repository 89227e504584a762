# SPDX-License-Identifier: GPL-2.0-or-later
"""Cost of what carries no path: threads, processes, signals, a shell's redirection."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

from benchmarks.calls import cpus_text
from benchmarks.ratios import OURS, Ratios
from benchmarks.setting import Session, Setting, compiled
from benchmarks.ways import HOST, Plan, Way, printed, timed, ways

# Of `events.c`: its word, what it is, how many.
EVENTS = {
    "thread": ("thread create+join", 1000),
    "spawn": ("posix_spawn of /bin/true", 100),
    "fork": ("fork+exec of /bin/true", 100),
    "signal": ("signal with a handler", 5000),
    "fstat": ("fstat of a host file", 20000),
    "dup": ("dup and close", 20000),
    "lock": ("fcntl lock of a host file", 20000),
    "epoll": ("epoll_wait with a limit", 20000),
}
REDIRECTIONS = 2000
HOST_FILE = "/etc/passwd"
CONTENDER_ROUNDS = 2


def measure(session: Session, names: Sequence[str]) -> list[Ratios]:
    """Nanoseconds of each event, in one thread."""
    program = compiled(session.base, "events")
    follower = (compiled(session.base, "bare_filter"), "follow")
    bare = Way("bare tracer", follower, session.base.plain)
    found = []
    for cpus in session.cpus:
        plan = Plan(session.rounds, cpus, cpus_text(cpus), "ns", CONTENDER_ROUNDS)
        who = [*ways(session, session.base, HOST), bare]
        found += plan.measure(who, lambda way: _times(way, program, names))
    return found


def _times(way: Way, program: str, names: Sequence[str]) -> dict[str, float]:
    found = {}
    for name in names:
        title, count = EVENTS[name]
        job = [*way.before, program, name, str(count), HOST_FILE]
        found[title] = printed(job)[""]
    return found


def redirection(session: Session) -> list[Ratios]:
    """`{ :; } 2>&1` of bash, its start included."""
    loop = f"for ((i = 0; i < {REDIRECTIONS}; i++)); do {{ :; }} 2>&1; done"
    who = ways(session, session.base, HOST)
    plan = Plan(session.rounds, session.cpus[0], cpus_text(session.cpus[0]), "ms")
    title = f"{REDIRECTIONS} times {{ :; }} 2>&1 in bash"
    return plan.measure(who, lambda way: {title: timed(way, ["bash", "-c", loop])})


def stops(session: Session) -> list[Ratios]:
    """How often each of them stops at entry or exit, by the run's own statistics."""
    program = compiled(session.base, "events")
    found = []
    for name, (title, count) in EVENTS.items():
        result = Ratios(f"stops of {title}", "stops")
        job = [program, name, str(count), HOST_FILE]
        result.add(OURS, _stops(session.base, job) / count)
        found.append(result)
    return [*found, *redirection(session)]


def _stops(setting: Setting, job: Sequence[str]) -> int:
    file = setting.place / "stats.json"
    words = [*setting.wrapper("--stats", file), *job]
    subprocess.run(words, check=True, capture_output=True)
    figures = json.loads(file.read_text())["tracer"]
    return int(figures["stops"]) + int(figures.get("exit_stops", 0))
