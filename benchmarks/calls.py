# SPDX-License-Identifier: GPL-2.0-or-later
"""Cost of one call, on host paths and on warm paths below /cvmfs, in all conditions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ratios import BASE, OURS, Ratios
from benchmarks.setting import Session, Setting, compiled
from benchmarks.ways import CVMFS, HOST, Plan, Way, printed, ways

BARE_FILTER = "bare filter"
# No contenders: what a tracer costs that does nothing.
FLOORS = {
    "tracer, no filter": "ptrace",
    BARE_FILTER: "filter",
    "bare filter and tracer": "both",
}
THREADS, BUSY = "8", "64p"
MS, QUICK_MS = 60, 25
CONTENDER_ROUNDS = 2


@dataclass(frozen=True)
class Condition:
    """Which paths, how many threads, how many CPUs."""

    paths: str
    workers: str
    cpus: int

    @property
    def first(self) -> bool:
        """The one in which contenders are measured, too."""
        return (self.paths, self.workers) == ("many", "1")

    def __str__(self) -> str:
        many = "10,000 paths" if self.paths == "many" else "1 path"
        count = int(self.workers.rstrip("p"))
        who = "process" if self.workers.endswith("p") else "thread"
        plural = "" if count == 1 else "es" if who == "process" else "s"
        return f"{many}, {count} {who}{plural}, {cpus_text(self.cpus)}"


def cpus_text(cpus: int) -> str:
    """`1 CPU`, `2 CPUs`."""
    return f"{cpus} CPU{'' if cpus == 1 else 's'}"


def conditions(session: Session, paths: Sequence[str]) -> Iterator[Condition]:
    """The first is that of one thread and two CPUs."""
    for cpus in session.cpus:
        for workers in ("1",) if session.quick else ("1", THREADS):
            for kind in paths:
                yield Condition(kind, workers, cpus)


def on_host(session: Session, names: Sequence[str]) -> list[Ratios]:
    """Calls about a plain directory."""
    return _asked(session, HOST, names, names)


def on_cvmfs(session: Session, names: Sequence[str]) -> list[Ratios]:
    """Calls about the same tree below /cvmfs."""
    return _asked(session, CVMFS, names, names)


def on_either(session: Session, names: Sequence[str]) -> list[Ratios]:
    """Calls without a path: of a file of the host, and of one of /cvmfs."""
    found = []
    for side in (HOST, CVMFS):
        titles = [f"{name}, {side}" for name in names]
        found += _asked(session, side, names, titles, ("hot",))
    return found


def busy(session: Session, names: Sequence[str]) -> list[Ratios]:
    """Calls of 64 processes, which one tracer serves."""
    found = []
    for cpus in session.cpus:
        condition = Condition("many", BUSY, cpus)
        plan = _plan(session, condition)
        who = ways(session, session.base, CVMFS)
        found += plan.measure(who, _asking(session, condition, names))
    return found


def never_stopped(session: Session, names: Sequence[str]) -> list[Ratios]:
    """Calls that are never stopped, against the least filter that there can be."""
    bare = compiled(session.base, "bare_filter")
    plain = session.base.plain
    who = [Way(BASE, (), plain)]
    who += [Way(name, (bare, word), plain) for name, word in FLOORS.items()]
    who += [way for way in ways(session, session.base, HOST) if way.name != BASE]
    found = []
    for condition in conditions(session, ("hot",)):
        plan = _plan(session, condition, session.rounds)
        kept = [w for w in who if condition.workers == "1" or w.name in _FLOOR]
        found += plan.measure(kept, _asking(session, condition, names))
    for one in found:
        one.floor = BARE_FILTER
    return found


_FLOOR = (BASE, OURS, BARE_FILTER)


def _plan(session: Session, condition: Condition, rounds: int = 0) -> Plan:
    if not rounds:
        rounds = CONTENDER_ROUNDS if condition.first else 0
    return Plan(session.rounds, condition.cpus, str(condition), "ns", rounds)


def _asked(
    session: Session,
    side: str,
    names: Sequence[str],
    titles: Sequence[str],
    paths: Sequence[str] = ("many", "hot"),
) -> list[Ratios]:
    """The names of calls under their titles, in all conditions."""
    found = []
    who = ways(session, session.base, side)
    for condition in conditions(session, paths):
        plan = _plan(session, condition)
        found += plan.measure(who, _asking(session, condition, names))
    for one in found:
        one.title = dict(zip(names, titles))[one.title]
    return found


def _asking(
    session: Session, condition: Condition, names: Sequence[str]
) -> Callable[[Way], dict[str, float]]:
    """Gives the nanoseconds of each call."""
    base = session.base
    after = [str(lists(base)), condition.paths, condition.workers]
    after += [str(QUICK_MS if session.quick else MS), *names]
    program = compiled(base, "calls")
    return lambda way: printed([*way.before, program, str(way.top), *after])


def lists(setting: Setting) -> Path:
    """A directory of files with names of the tree: files, links, what is missing."""
    place = setting.place / "lists"
    if place.exists():
        return place
    place.mkdir()
    tree = setting.plain
    files = sorted(path.relative_to(tree) for path in tree.rglob("*.py"))
    rows: dict[str, list[Path]] = {
        "files": files,
        "links": sorted(path.relative_to(tree) for path in tree.rglob("link*")),
        "missing": [path.with_suffix(".so") for path in files],
        "directories": sorted({path.parent for path in files}),
    }
    for name, paths in rows.items():
        (place / name).write_text("".join(f"{path}\n" for path in paths))
    return place
