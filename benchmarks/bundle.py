# SPDX-License-Identifier: GPL-2.0-or-later
"""The one-file bundle beside the installed interpose_run: a warm job, and a first one.

The first one has an empty cache: the bundle's runtime is unpacked into it.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from benchmarks.ratios import Clock, Ratios
from benchmarks.setting import BIN, ROOT, Session, Setting

FILE = Path("part0/part0/part0/part0/part0/module0.py")


def measure(session: Session) -> list[Ratios]:
    """Milliseconds of a job that reads one small file, warm and in an empty cache."""
    setting, rounds = session.base, session.rounds
    subprocess.run(["make", "-s", "-C", ROOT, "bundle"], check=True)
    programs = {
        "interpose_run": BIN / "interpose_run",
        "bundle": ROOT / "dist/interpose_run",
    }
    warm = Ratios("a warm job: cat of one file", "ms")
    first = Ratios("the same in an empty cache", "ms")
    for _ in range(rounds):
        for result in (first, warm):
            for name, program in programs.items():
                cache = setting.place / f"of-{name}"
                if result is first:
                    shutil.rmtree(cache, ignore_errors=True)
                result.add(name, _cat(setting, program, cache))
        warm.add("native", _native(setting))
    return [first, warm]


def _cat(setting: Setting, program: Path, cache: Path) -> float:
    file = setting.mounted / FILE
    words: list[str | Path] = [
        "--cache",
        cache,
        "--scratch",
        setting.place,
        *setting.options,
    ]
    return _timed([program, *words, "--", "/bin/cat", file])


def _native(setting: Setting) -> float:
    return _timed(["/bin/cat", setting.plain / FILE])


def _timed(command: list[str | Path]) -> float:
    with Clock() as clock:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return clock.ms
