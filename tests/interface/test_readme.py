# SPDX-License-Identifier: GPL-2.0-or-later
"""The README's commands, copied from it and run (tests/support/tour.py)."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.bundle import made_bundle
from tests.support.places import ROOT
from tests.support.tour import (
    HELLO,
    TIMEOUT_S,
    Tour,
    beside_the_key,
    blocks,
    touring,
)


@pytest.fixture
def tour(place: Path) -> Iterator[Tour]:
    """Somebody whose repository is published and served."""
    with touring(place) as found:
        yield found


def test_every_marked_block_is_run_here() -> None:
    files = ("tests/interface/test_readme.py", "tests/support/tour.py")
    ours = "".join((ROOT / name).read_text(encoding="utf-8") for name in files)
    assert [one for one in blocks("test") if f'"{one}"' not in ours] == []


def test_a_repository_of_ones_own_is_used_with_three_lines(tour: Tour) -> None:
    assert tour.run("use") == blocks("output")["use"]
    assert tour.run("wrap") == HELLO
    shown = tour.run("look")
    url = f"http://127.0.0.1:{tour.port}/cvmfs/my.example.org"
    assert f"CVMFS_SERVER_URL={url}    # from my.conf:1\n" in shown
    assert "my.example.org: OK" in shown
    copy = tour.place / "here/copy/hello"
    assert copy.read_text() in shown
    assert os.access(copy, os.X_OK)


def submitted(text: str) -> dict[str, str]:
    """The commands of an HTCondor submit file."""
    pairs = [line.partition("=") for line in text.splitlines() if "=" in line]
    return {name.strip(): value.strip() for name, _, value in pairs}


def test_the_submit_file_is_the_example() -> None:
    lines = (ROOT / "examples/htcondor.sub").read_text().splitlines(keepends=True)
    text = "".join(line for line in lines if not line.startswith("#"))
    assert blocks("test")["condor"] == text


def in_slot(tour: Tour, job: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The job as a starter runs it: its files side by side, no home, nothing else."""
    here, slot = tour.place / "here", tour.place / "slot"
    slot.mkdir()
    for name in job["transfer_input_files"].split(","):
        if (here / name.strip()).exists():
            shutil.copy(here / name.strip(), slot)
    assert job["executable"] == "dist/interpose_run"
    assert job["transfer_executable"] == "true"
    executable = slot / "condor_exec.exe"
    shutil.copy2(made_bundle(), executable)
    arguments = job["arguments"].replace("/var/tmp/", f"{tour.place}/")
    ended = subprocess.run(
        [executable, *shlex.split(arguments)],
        cwd=slot,
        env={"PATH": "/usr/bin:/bin", "_CONDOR_SCRATCH_DIR": str(slot)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    executable.unlink()
    return ended


def test_a_vanilla_htcondor_job_runs_in_its_slot(tour: Tour) -> None:
    tour.run("use")
    beside_the_key(tour)
    ended = in_slot(tour, submitted(tour.text("condor")))
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, HELLO, "")
    slot = tour.place / "slot"
    assert sorted(path.name for path in slot.iterdir()) == [
        "my.conf",
        "my.example.org.pub",
        "stats.json",
    ]
    assert json.loads((slot / "stats.json").read_text())["exit"] == {"status": 0}


@pytest.mark.long
def test_a_slot_without_the_key_is_held(tour: Tour) -> None:
    tour.run("use")
    beside_the_key(tour)
    (tour.place / "here/my.example.org.pub").unlink()
    job = submitted(tour.text("condor"))
    ended = in_slot(tour, job)
    assert job["on_exit_hold"].endswith(f"(ExitCode == {ended.returncode})")
    assert "my.example.org.pub" in ended.stderr


def test_the_second_node_on_a_shared_cache_fetches_no_object(tour: Tour) -> None:
    tour.run("use")
    assert tour.run("nodes") == HELLO * 2
    here = tour.place / "here"
    first, second = (figures(here / f"node-{number}.json") for number in (1, 2))
    assert first["objects_from"]["network"] > 0
    assert second["objects_from"]["network"] == 0
    assert second["objects_from"]["alien"] > 0


def figures(file: Path) -> dict[str, Any]:
    """What a stats file says of its only repository."""
    (only,) = json.loads(file.read_text())["repositories"]
    found: dict[str, Any] = only
    return found
