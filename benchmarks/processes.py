# SPDX-License-Identifier: GPL-2.0-or-later
"""Cost of starting: an empty job, an exec, an import of numpy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.ratios import Clock, Ratios
from benchmarks.setting import Setting, contenders, options_of, publish

EACH = 10
EXECS = 100
NUMPY = "numpy.example.org"


def measure_start(setting: Setting, rounds: int) -> Ratios:
    """Milliseconds of /bin/true, alone and under each contender."""
    result = Ratios("start of /bin/true", "ms")
    for _ in range(rounds):
        for name, before in contenders(setting).items():
            with Clock() as clock:
                for _ in range(EACH):
                    subprocess.run([*before, "/bin/true"], check=True)
            result.add(name, clock.ms / EACH)
    return result


def measure_execs(setting: Setting, rounds: int) -> list[Ratios]:
    """A shell that runs /bin/true a hundred times: time and stops for each."""
    script = f"i=0; while [ $i -lt {EXECS} ]; do /bin/true; i=$((i+1)); done"
    job = ["/bin/sh", "-c", script]
    time = Ratios("fork, exec and exit of /bin/true", "ms")
    for _ in range(rounds):
        for name, before in contenders(setting).items():
            with Clock() as clock:
                subprocess.run([*before, *job], check=True)
            time.add(name, clock.ms / EXECS)
    stops = Ratios("stops per exec", "stops")
    stops.add("interpose_run", count(setting, job) / EXECS)
    return [time, stops]


def count(setting: Setting, job: Sequence[str]) -> int:
    """Stops of a job by its own statistics."""
    file = setting.place / "stats.json"
    subprocess.run([*setting.wrapper("--stats", file), *job], check=True)
    return int(json.loads(file.read_text())["tracer"]["stops"])


def measure_numpy(setting: Setting, rounds: int) -> list[Ratios]:
    """Import numpy from /cvmfs, with a cold and a warm cache, and from a directory."""
    tree = setting.place / "numpy"
    command = [sys.executable, "-m", "pip", "install", "-q", "--target", tree, "numpy"]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        print("numpy cannot be installed here: its import is not measured")
        return []
    publish(setting, tree, NUMPY)
    key = setting.place / f"keys/{NUMPY}.pub"
    here = Setting(setting.place, tree, setting.url)
    here.options = options_of(setting.url, key, NUMPY)
    warm = Ratios("import numpy, warm", "ms")
    cold = Ratios("import numpy, cold", "ms")
    fresh = Setting(setting.place / "fresh", tree, setting.url, here.options)
    fresh.place.mkdir()
    mounted = f"/cvmfs/{NUMPY}"
    imported(here.wrapper(), mounted)
    for _ in range(rounds):
        native = imported([], tree)
        warm.add("native", native)
        warm.add("interpose_run, /cvmfs", imported(here.wrapper(), mounted))
        shutil.rmtree(fresh.place / "cache", ignore_errors=True)
        cold.add("native", native)
        cold.add("interpose_run, /cvmfs", imported(fresh.wrapper(), mounted))
    return [warm, cold]


def imported(before: Sequence[str], path: str | Path) -> float:
    """Milliseconds of one interpreter that imports numpy from `path`."""
    code = "import numpy, sys; assert numpy.__file__.startswith(sys.argv[1])"
    env = {**os.environ, "PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"}
    with Clock() as clock:
        words = [*before, sys.executable, "-c", code, str(path)]
        subprocess.run(words, check=True, env=env)
    return clock.ms
