# SPDX-License-Identifier: GPL-2.0-or-later
"""Cost of 125,000 files: a find over them, our memory, the building of indexes."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.ratios import Clock, Ratios
from benchmarks.setting import ROOT, Setting, options_of, serving

FQRN = "lsst.example.org"
TREE = f"/cvmfs/{FQRN}"
LISTING = "%y %s %P\\0"


def shared() -> Path:
    """The shared repositories, as the tests find them."""
    return Path(os.environ.get("INTERPOSE_SHARED", ROOT.parent / "shared"))


def measure(setting: Setting, rounds: int) -> list[Ratios]:
    """All about the big repository, if it is there."""
    archive = shared() / f"repositories/{FQRN}.tar.xz"
    if not archive.exists():
        print("no shared repositories (INTERPOSE_SHARED): no find over 125,000 files")
        return []
    docroot = setting.place / "lsst"
    docroot.mkdir()
    subprocess.run(["tar", "-C", docroot, "-xf", archive], check=True)
    with serving(docroot) as url:
        key = shared() / f"repositories/keys/{FQRN}.pub"
        options = options_of(url, key, FQRN)
        here = Setting(setting.place / "walk", setting.place / "sparse", url, options)
        here.place.mkdir()
        return [*finds(here, rounds), memory(here)]


def finds(setting: Setting, rounds: int) -> list[Ratios]:
    """A find with a stat of each file: cold, without indexes, warm, and native."""
    job = ["find", TREE, "-printf", LISTING]
    cold = Ratios("find, 125,000 files, cold", "ms")
    cold.add("interpose_run, /cvmfs", elapsed([*setting.wrapper(), *job]))
    command = [*setting.wrapper(), *job]
    listing = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    sparse_copy(listing, setting.plain)
    warm = Ratios("find, 125,000 files, warm", "ms")
    build = Ratios("the same, indexes built anew", "ms")
    plain = ["find", str(setting.plain), "-printf", LISTING]
    elapsed(plain)
    for _ in range(rounds):
        warm.add("native", elapsed(plain))
        warm.add("interpose_run, /cvmfs", elapsed([*setting.wrapper(), *job]))
    before = warm.values["interpose_run, /cvmfs"]
    for number in range(min(rounds, 3)):
        shutil.rmtree(setting.place / "cache/index", ignore_errors=True)
        whole = elapsed([*setting.wrapper(), *job])
        build.add("interpose_run, /cvmfs", whole)
        build.add("of this, over warm", whole - before[number])
    return [cold, warm, build]


def elapsed(command: list[str]) -> float:
    """Milliseconds of a command."""
    with Clock() as clock:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return clock.ms


def sparse_copy(listing: bytes, tree: Path) -> None:
    """A plain directory with the same names and sizes, its files without bytes."""
    tree.mkdir()
    for record in listing.split(b"\0")[:-1]:
        kind, size, name = record.split(b" ", 2)
        path = os.path.join(os.fsencode(tree), name)
        if kind == b"d":
            os.makedirs(path, exist_ok=True)
        elif kind == b"f":
            with open(path, "wb") as file:
                file.truncate(int(size))
        else:
            os.symlink(b"nowhere", path)


def memory(setting: Setting) -> Ratios:
    """PSS of all our processes once the whole tree has been walked."""
    result = Ratios("PSS after that walk", "MiB")
    with holding(setting) as front:
        family = [front, *front.children(recursive=True)]
        parts = {process.pid: part(process) for process in family}
        total = 0.0
        for process in family:
            if parts[process.pid]:
                pss = process.memory_full_info().pss / 2**20
                result.add(parts[process.pid], pss)
                total += pss
        result.add("all our processes", total)
    return result


def part(process: psutil.Process) -> str:
    """The part that a process plays, or nothing if it belongs to the job."""
    words = process.cmdline()
    if words and words[0].endswith("interpose_run"):
        return f"interpose_run {process.pid}"
    if any("interpose" in word and "resolver" in word for word in words):
        return "resolver"
    return ""


@contextmanager
def holding(setting: Setting) -> Iterator[psutil.Process]:
    """A job that has walked the tree and waits, until the block ends."""
    script = f"find {TREE} -printf '{LISTING}' >/dev/null; echo walked; read -r _"
    shutil.rmtree(setting.place / "cache/index", ignore_errors=True)
    command = [*setting.wrapper(), "/bin/sh", "-c", script]
    job = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert job.stdout is not None
    job.stdout.readline()
    try:
        yield psutil.Process(job.pid)
    finally:
        job.communicate(b"\n")
