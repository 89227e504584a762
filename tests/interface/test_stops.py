# SPDX-License-Identifier: GPL-2.0-or-later
"""How often a job stops, where it need not."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.memory import tracer_of
from tests.support.places import need_tool
from tests.support.run import Runner

Configured = Callable[..., list[Any]]
FQRN = "tricky.example.org"
BIG = f"/cvmfs/{FQRN}/bigdir"
REDIRECTIONS = "for ((i = 0; i < {0}; i++)); do {{ :; }} 2>&1; done"
COPIES = "for ((i = 0; i < {0}; i++)); do {{ :; }} 2>&1 7<&9 6<&8; done"
LOCKS = """
import fcntl, os
with open('/etc/passwd') as file:
    for _ in range({0}):
        fcntl.lockf(file, fcntl.LOCK_SH)
        fcntl.flock(file, fcntl.LOCK_SH)
        os.close(os.dup(0))
"""


def stops(run: Runner, *command: str, options: list[Any]) -> int:
    """Entry and exit stops of a job."""
    # Who gets the stub stops for that, too.
    words = [*options, "--no-fastpath"]
    figures = run(*command, options=words, stats=True).ok().stats["tracer"]
    return int(figures["stops"]) + int(figures["exit_stops"])


@pytest.mark.parametrize(
    ("before", "script"),
    [(("bash", "-c"), REDIRECTIONS), (("/usr/bin/python3", "-I", "-c"), LOCKS)],
    ids=["redirections", "locks"],
)
def test_what_is_about_descriptors_stops_nobody_who_has_none_of_ours(
    run: Runner, configured: Configured, before: tuple[str, ...], script: str
) -> None:
    options = configured(FQRN)
    few, many = (
        stops(run, *before, script.format(count), options=options) for count in (2, 300)
    )
    assert few == many


@pytest.mark.parametrize("name", ["entry_00001.dat", "entry_00051.dat"])
def test_copies_of_descriptors_of_ours_stop_nobody(
    run: Runner, configured: Configured, name: str
) -> None:
    """Each turn copies three descriptors of ours or more, and a twin is none less."""
    options = configured(FQRN)
    opens = f"exec 9< {BIG}/entry_00001.dat 8< {BIG}/{name}"
    inside = f"{opens}; ( exec bash -c '{COPIES}' )"
    few, many = (
        stops(run, "bash", "-c", inside.format(count), options=options)
        for count in (2, 102)
    )
    assert few == many


LOOKS = """
import os, sys
print('ready', flush=True)
sys.stdin.readline()
for _ in range(1000):
    os.access('/etc/passwd', os.R_OK)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may attach to the tracer")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="its registers are one set")
def test_a_call_that_passes_takes_two_requests_and_one_look(
    run: Runner, tmp_path: Path
) -> None:
    """Registers, go on; and that a look finds no stop does not happen at each."""
    strace, counted = need_tool("strace"), tmp_path / "counted"
    options = ["--no-fastpath"]
    front = run.start("/usr/bin/python3", "-I", "-S", "-c", LOOKS, options=options)
    assert front.stdout is not None
    assert front.stdout.readline() == b"ready\n"
    words = [strace, "-c", "-U", "name,calls", "-o", str(counted)]
    words += ["-p", str(tracer_of(front).pid)]
    watcher = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    assert watcher.stderr is not None
    assert "attached" in watcher.stderr.readline()
    front.communicate(b"\n")
    watcher.communicate()
    rows = [line.split() for line in counted.read_text().splitlines()]
    calls = {row[0]: int(row[1]) for row in rows if row[1:] and row[1].isdigit()}
    # Between one and two thousand there is room for the end, and for other stops.
    assert 2000 <= calls["ptrace"] < 2500
    assert 1000 <= calls["wait4"] < 1500
