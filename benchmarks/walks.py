# SPDX-License-Identifier: GPL-2.0-or-later
"""Cost of 125,000 entries: walks over them, our memory, the building of indexes."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.calls import cpus_text
from benchmarks.ratios import OURS, Ratios
from benchmarks.setting import ROOT, NotMeasuredError, Session, Setting, options_of
from benchmarks.setting import serving as server
from benchmarks.ways import CVMFS, Plan, Way, timed, ways

FQRN = "lsst.example.org"
LISTING = "%y %s %P\\0"
JOBS = {
    "find": ["find", "{top}"],
    "find -printf": ["find", "{top}", "-printf", LISTING],
    "ls -lR": ["ls", "-lR", "{top}"],
}
OF_RESOLVER = "resolver"


def shared() -> Path:
    """The shared repositories, as the tests find them."""
    return Path(os.environ.get("INTERPOSE_SHARED", ROOT.parent / "shared"))


def tree(session: Session) -> Setting:
    """The big repository, served, and a plain directory of the same names and sizes."""

    def make() -> Setting:
        archive = shared() / f"repositories/{FQRN}.tar.xz"
        if not archive.exists():
            raise NotMeasuredError(
                "the test repositories are missing: set INTERPOSE_SHARED"
            )
        docroot = session.base.place / "lsst"
        docroot.mkdir()
        subprocess.run(["tar", "-C", docroot, "-xf", archive], check=True)
        url = session.stack.enter_context(server(docroot))
        place = session.base.place / "walk"
        here = Setting(place, place / "plain", url, [], FQRN)
        here.key.parent.mkdir(parents=True)
        shutil.copy(shared() / f"repositories/keys/{FQRN}.pub", here.key)
        here.options = options_of(url, here.key, FQRN)
        words = ["find", str(here.mounted), "-printf", LISTING]
        command = [*here.wrapper(), *words]
        listing = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        sparse_copy(listing, here.plain)
        return here

    return session.once("walk", make)


def measure(session: Session) -> list[Ratios]:
    """Milliseconds of walks that print names, and names with types and sizes.

    Contenders that stop at each call take a minute for each: once is enough.
    """
    setting = tree(session)
    found = []
    for cpus in session.cpus:
        others = 1 if cpus > 1 and not session.quick else 0
        plan = Plan(session.rounds, cpus, cpus_text(cpus), "ms", others)
        for title in JOBS:
            found += plan.measure(ways(session, setting, CVMFS), _walk(title))
    return found


def _walk(title: str) -> Callable[[Way], dict[str, float]]:
    return lambda way: {title: timed(way, _words(title, way.top))}


def _words(title: str, top: Path) -> list[str]:
    return [word.replace("{top}", str(top)) for word in JOBS[title]]


def indexes(session: Session) -> list[Ratios]:
    """What a walk costs that finds no index of any catalog."""
    setting = tree(session)
    build = Ratios("find -printf, indexes built anew", "ms")
    job = _words("find -printf", setting.mounted)
    ours = Way(OURS, tuple(setting.wrapper()), setting.mounted)
    for _ in range(session.rounds):
        warm = timed(ours, job)
        shutil.rmtree(setting.place / "cache/index", ignore_errors=True)
        whole = timed(ours, job)
        build.add(OURS, whole)
        build.add("of this, over warm", whole - warm)
    return [build]


def sparse_copy(listing: bytes, place: Path) -> None:
    """A plain directory with the same names and sizes, its files without bytes."""
    place.mkdir()
    for record in listing.split(b"\0")[:-1]:
        kind, size, name = record.split(b" ", 2)
        path = os.path.join(os.fsencode(place), name)
        if kind == b"d":
            os.makedirs(path, exist_ok=True)
        elif kind == b"f":
            with open(path, "wb") as file:
                file.truncate(int(size))
        else:
            os.symlink(b"nowhere", path)


def memory(session: Session) -> list[Ratios]:
    """PSS of all our processes once the whole tree has been walked, warm.

    The run before has asked for new revisions, so that this one needs no resolver.
    """
    setting = tree(session)
    words = [*setting.wrapper(), "ls", str(setting.mounted)]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return [_memory(setting, "our memory after a walk")]


def resolver(session: Session) -> list[Ratios]:
    """The same with a resolver, which has built all indexes."""
    setting = tree(session)
    shutil.rmtree(setting.place / "cache/index", ignore_errors=True)
    return [_memory(setting, "our memory after a walk that built the indexes")]


def _memory(setting: Setting, title: str) -> Ratios:
    result = Ratios(title, "MiB")
    with holding(setting) as front:
        family = [front, *front.children(recursive=True)]
        total = 0.0
        for process in family:
            pss = ours(process) / 2**20
            if part(process):
                result.add(part(process), pss)
            total += pss
    result.add(OURS, total)
    return result


def part(process: psutil.Process) -> str:
    """The part that a process plays, or nothing if it belongs to the job."""
    words = process.cmdline()
    if words and words[0].endswith("interpose_run"):
        return f"interpose_run {process.pid}"
    if any("interpose" in word and OF_RESOLVER in word for word in words):
        return OF_RESOLVER
    return ""


def ours(process: psutil.Process) -> int:
    """Bytes of a process of ours, and of what we mapped into one of the job's."""
    if part(process):
        return int(process.memory_full_info().pss)
    maps = process.memory_maps(grouped=True)
    return int(sum(one.pss for one in maps if "interpose" in one.path))


@contextmanager
def holding(setting: Setting) -> Iterator[psutil.Process]:
    """A job that has walked the tree and waits, until the block ends."""
    walk = f"find {setting.mounted} -printf '{LISTING}' >/dev/null"
    script = f"{walk}; echo walked; read -r _"
    command = [*setting.wrapper(), "/bin/sh", "-c", script]
    job = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert job.stdout is not None
    job.stdout.readline()
    try:
        yield psutil.Process(job.pid)
    finally:
        job.communicate(b"\n")
