# SPDX-License-Identifier: GPL-2.0-or-later
"""What a job does for a long time leaves nothing in the tracer or the scratch."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import NUMBERS, need_tool
from tests.support.run import Runner

FQRN = "sha1.example.org"
README = f"/cvmfs/{FQRN}/README"
SOURCE = Path(__file__).parent / "programs/many_opens.c"
OPENS = 6000
# Less than 32 bytes for each opening after the first round.
MOST_KIB = 3 * OPENS * 32 // 1024
# Children that open, and die in the middle of it.
DYING = """
import os, sys
for _ in range(400):
    child = os.fork()
    if not child:
        while True:
            os.close(os.open("/proc/self/mounts", os.O_RDONLY))
    for _ in range(_ % 40 * 50):
        pass
    os.kill(child, 9)
    os.waitpid(child, 0)
print("done", flush=True)
sys.stdin.read()
"""
Configured = Callable[..., list[Any]]


@pytest.mark.parametrize(
    "path",
    [
        "/proc/self/mounts",
        pytest.param("/proc/self/maps", marks=pytest.mark.long),
        pytest.param(README, marks=pytest.mark.long),
    ],
)
def test_a_tracer_does_not_grow_with_openings(
    run: Runner, configured: Configured, path: str
) -> None:
    program = run.place / "many_opens"
    words = [need_tool("gcc"), "-O1", NUMBERS, SOURCE, "-o", program]
    subprocess.run([str(word) for word in words], check=True)
    script = f'exec 9<{README} && exec {program} "$1" {OPENS}'
    # Where each new file has a new number.
    with tempfile.TemporaryDirectory(dir="/dev/shm") as scratch:
        options = [*configured(FQRN), "--scratch", scratch]
        done = run("sh", "-c", script, "sh", path, options=options).ok()
    first, last = map(int, done.text.split())
    assert last - first < MOST_KIB, (first, last)


def test_texts_of_openers_that_died_are_not_kept(
    run: Runner, configured: Configured
) -> None:
    script = f'exec 9<{README} && exec python3 -c "$1"'
    front = run.start("sh", "-c", script, "sh", DYING, options=configured(FQRN))
    assert front.stdout
    assert front.stdin
    assert front.stdout.readline() == b"done\n"
    kept = list(run.scratch.glob(".interpose-*/f/*"))
    front.stdin.close()
    assert front.wait(60) == 0
    front.stdout.close()
    assert kept == []
