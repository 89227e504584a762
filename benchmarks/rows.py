# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of rows: what `make bench` measures, what it must reach and aims at.

A row more is an entry here; the functions that measure are in the files named after
what they ask. Each returns figures by title and condition, or raises NotMeasuredError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks import bundle, calls, events, fetching, jobs, walks
from benchmarks.limits import Limit
from benchmarks.ratios import Ratios
from benchmarks.setting import Session

METADATA = ["stat", "access", "readlink", "ENOENT"]
BY_NAME = [f"{name}, {how}" for how in ("dirfd", "relative") for name in METADATA]


@dataclass(frozen=True)
class Row:
    """One kind of work.

    must, aim: a ratio to native or to the bare filter, ms above native, or MiB.
    asked: it is measured only if `--rows` names it.
    """

    name: str
    work: str
    must: str
    aim: str
    measure: Callable[[Session], list[Ratios]]
    asked: bool = False

    @property
    def must_limit(self) -> Limit | None:
        """`must`, parsed."""
        return Limit.parse(self.must)

    @property
    def aim_limit(self) -> Limit | None:
        """`aim`, parsed."""
        return Limit.parse(self.aim)


_Asker = Callable[[Session, list[str]], list[Ratios]]


def _of(ask: _Asker, *names: str) -> Callable[[Session], list[Ratios]]:
    return lambda session: ask(session, list(names))


ROWS = (
    Row(
        "never-stopped",
        "calls that are never stopped, of the bare filter's cost",
        "bare filter",
        "",
        _of(calls.never_stopped, "getppid", "read", "write", "mmap", "futex"),
    ),
    Row(
        "host",
        "host paths",
        "1.2",
        "1.1",
        _of(calls.on_host, "stat", "access", "readlink", "open+close"),
    ),
    Row(
        "host-enoent", "ENOENT, host paths", "2.8", "1.5", _of(calls.on_host, "ENOENT")
    ),
    Row("cvmfs", "/cvmfs, absolute", "0.3", "0.2", _of(calls.on_cvmfs, *METADATA)),
    Row(
        "cvmfs-by-name",
        "/cvmfs, by dirfd or relative",
        "1.0",
        "0.6",
        _of(calls.on_cvmfs, *BY_NAME),
    ),
    Row(
        "open",
        "open+read+close, /cvmfs",
        "1.4",
        "1.2",
        _of(calls.on_cvmfs, "open+read+close"),
    ),
    Row(
        "descriptors",
        "calls of a descriptor or none, either side",
        "1.3",
        "1.1",
        _of(calls.on_either, "fstat", "dup", "getcwd"),
    ),
    Row(
        "directory",
        "opendir+readdir+closedir, /cvmfs",
        "0.6",
        "0.4",
        _of(calls.on_cvmfs, "opendir+readdir+closedir"),
    ),
    Row("walk", "walks over 125,000 entries", "1.3", "1.0", walks.measure),
    Row("thread", "thread create+join", "1.5", "1.1", _of(events.measure, "thread")),
    Row(
        "processes", "new processes", "1.6", "1.3", _of(events.measure, "spawn", "fork")
    ),
    Row("signal", "signal with a handler", "4", "2", _of(events.measure, "signal")),
    Row(
        "python",
        "Python in /cvmfs, with its start",
        "1.2",
        "1.1",
        _of(jobs.measure, "pass", "numpy", "science"),
    ),
    Row(
        "make",
        "make, the compiler is in /cvmfs",
        "1.25",
        "1.1",
        _of(jobs.measure, "make2", "make8"),
    ),
    Row(
        "git",
        "git status of 2,000 files",
        "1.25",
        "1.1",
        _of(jobs.measure, "git host", "git"),
    ),
    Row("tar", "tar of a tree in /cvmfs", "1.25", "1.1", _of(jobs.measure, "tar")),
    Row(
        "rsync",
        "rsync from a tree in /cvmfs",
        "1.25",
        "1.1",
        _of(jobs.measure, "rsync"),
    ),
    Row(
        "lmod", "Lmod, 1,000 modules in /cvmfs", "1.2", "1.0", _of(jobs.measure, "lmod")
    ),
    Row(
        "busy",
        "64 busy processes at once, /cvmfs",
        "",
        "",
        _of(calls.busy, "stat", "open+read+close"),
    ),
    Row("start", "a run, over native", "4 ms", "3 ms", _of(jobs.measure, "start")),
    Row(
        "memory",
        "PSS of all our processes, 125,000 files",
        "30 MiB",
        "15 MiB",
        walks.memory,
    ),
    Row("stops", "stops of each event", "", "", events.stops, asked=True),
    Row("resolver", "PSS with a resolver, too", "", "", walks.resolver, asked=True),
    Row("indexes", "indexes that are built anew", "", "", walks.indexes, asked=True),
    Row("bundle", "the one-file bundle", "", "", bundle.measure, asked=True),
    Row("fetching", "what is not on the node", "", "", fetching.measure, asked=True),
)


def chosen(names: str) -> list[Row]:
    """The rows of a comma-separated list, or all that need not be asked for.

    Errors: ValueError that names what there is no row of.
    """
    if not names:
        return [row for row in ROWS if not row.asked]
    by_name = {row.name: row for row in ROWS}
    wanted = [name for name in names.split(",") if name]
    unknown = [name for name in wanted if name not in by_name]
    if unknown:
        raise ValueError(f"no row {', '.join(unknown)}; rows: {', '.join(by_name)}")
    return [by_name[name] for name in wanted]


def described(rows: Iterable[Row] = ROWS) -> str:
    """What `--list` prints: name, must, aim, work."""
    lines = [f"{'name':16}{'must':13}{'aim':8}work"]
    for row in rows:
        only = " (only if it is named)" if row.asked else ""
        lines.append(f"{row.name:16}{row.must:13}{row.aim:8}{row.work}{only}")
    return "\n".join(lines)
