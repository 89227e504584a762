# SPDX-License-Identifier: GPL-2.0-or-later
"""Whole programs: imports, compilers, git, tar, rsync, modules; and an empty job."""

from __future__ import annotations

import os
import shutil
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import software
from benchmarks.calls import cpus_text
from benchmarks.ratios import Ratios
from benchmarks.setting import Session
from benchmarks.ways import CVMFS, HOST, Plan, Way, timed, ways
from tests.support.debian import PYTHON

LIBRARIES = f"usr/lib/{os.uname().machine}-linux-gnu"
STARTS_EACH = 10


@dataclass(frozen=True)
class Job:
    """One program. {top} in its words is the tree, {work} an empty directory.

    tree: of `software.TREES`; own: its programs and libraries come first;
    needs: programs of the host; builds: {work} holds a fresh C project.
    """

    title: str
    tree: str
    words: tuple[str, ...]
    side: str = CVMFS
    own: bool = False
    needs: tuple[str, ...] = ()
    builds: bool = False
    times: int = 1


_PYTHON = f"{{top}}/usr/bin/{PYTHON}"
_GIT = ("git", "-C", "{top}", "status", "--porcelain")
_MODULES = (
    ". {top}/usr/share/lmod/lmod/init/bash; module use {top}/modules;"
    " test $(module -t avail 2>&1 | wc -l) -gt 1000"
)


def _make(tasks: int) -> Job:
    words = ("{top}/usr/bin/make", "-s", f"-j{tasks}", "-C", "{work}/c")
    title = f"make -j{tasks} of a C project"
    return Job(
        title, "compiler", (*words, "CC={top}/usr/bin/gcc"), own=True, builds=True
    )


JOBS = {
    "pass": Job("python -c pass", "python", (_PYTHON, "-c", "pass"), own=True),
    "numpy": Job("import numpy", "python", (_PYTHON, "-c", "import numpy"), own=True),
    "science": Job(
        "import numpy, scipy, matplotlib",
        "python",
        (_PYTHON, "-c", "import numpy, scipy, matplotlib"),
        own=True,
    ),
    "make2": _make(2),
    "make8": _make(8),
    "git host": Job("git status, host", "work", _GIT, HOST, needs=("git",)),
    "git": Job("git status, /cvmfs", "work", _GIT, needs=("git",)),
    "tar": Job(
        "tar of 10,000 files",
        "base",
        ("sh", "-c", "tar -C {top} -cf - . | cat"),
        needs=("tar",),
    ),
    "rsync": Job(
        "rsync of 2,500 files",
        "base",
        ("rsync", "-a", "{top}/part0/", "{work}/copy"),
        needs=("rsync",),
    ),
    "lmod": Job("module avail", "modules", ("bash", "-c", _MODULES), own=True),
    "start": Job("start of /bin/true", "base", ("/bin/true",), HOST, times=STARTS_EACH),
}


def measure(session: Session, names: Sequence[str]) -> list[Ratios]:
    """Milliseconds of each program from its start to its end, with warm caches."""
    found: list[Ratios] = []
    for cpus in session.cpus:
        for name in names:
            found += _one(session, JOBS[name], cpus)
    return found


def _one(session: Session, job: Job, cpus: int) -> list[Ratios]:
    software.need(*job.needs)
    setting = software.TREES[job.tree](session)
    who = ways(session, setting, job.side)
    plan = Plan(session.rounds, cpus, cpus_text(cpus), "ms")
    work = session.base.place / "job"
    return plan.measure(who, lambda way: {job.title: _once(way, job, work)})


def _once(way: Way, job: Job, work: Path) -> float:
    """The median of the program, in an empty directory made outside the clock."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    if job.builds:
        software.project(work / "c")
    words = [one.format(top=way.top, work=work) for one in job.words]
    env = _environment(way.top, work, own=job.own)
    each = [timed(way, words, env, str(work)) for _ in range(job.times)]
    return statistics.median(each)


def _environment(top: Path, work: Path, *, own: bool) -> dict[str, str]:
    path = os.environ.get("PATH", "/usr/bin:/bin")
    env = {
        **{n: v for n, v in os.environ.items() if n.startswith("INTERPOSE_")},
        **software.GIT,
        "PATH": path,
        "HOME": str(work),
        "TMPDIR": str(work),
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        # Lmod keeps no cache of its own between runs.
        "LMOD_SHORT_TIME": "86400",
    }
    if own:
        env["PATH"] = f"{top}/usr/bin:{path}"
        env["LD_LIBRARY_PATH"] = f"{top}/{LIBRARIES}"
        include = f"{top}/usr/include"
        env["C_INCLUDE_PATH"] = f"{include}/{LIBRARIES[8:]}:{include}"
        lua = f"{top}/usr/share/lua/5.3"
        env["LUA_PATH"] = f"{lua}/?.lua;{lua}/?/init.lua;;"
        env["LUA_CPATH"] = f"{top}/{LIBRARIES}/lua/5.3/?.so;;"
    return env
