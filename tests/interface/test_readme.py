# SPDX-License-Identifier: GPL-2.0-or-later
"""The README's commands, copied from it and run.

A fenced block below `<!-- test: NAME -->` is run here; the block below
`<!-- output: NAME -->` is what it prints. Only the port of the server is another one.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import ROOT, program
from tests.support.run import DEFAULT_PATH
from tests.support.web import RUNNING

TIMEOUT_S = 60.0
PORT = "8000"
HELLO = "hello from /cvmfs/my.example.org/bin/hello\n"


def blocks(kind: str) -> dict[str, str]:
    """Text of the marked blocks by name."""
    pattern = rf"^<!-- {kind}: (\S+) -->\n```\w*\n(.*?)^```$"
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return dict(re.findall(pattern, text, re.MULTILINE | re.DOTALL))


def commands() -> Path:
    """The folder that the README puts into PATH, or that of another program to test."""
    built = program("interpose_run").parent
    return ROOT / "bin" if built == ROOT / ".venv/bin" else built


@dataclass
class Tour:
    """The directory of somebody who follows the README."""

    place: Path
    port: str = PORT

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{commands()}:{DEFAULT_PATH}",
            "HOME": str(self.place / "home"),
            "TMPDIR": str(self.place / "tmp"),
            "LC_ALL": "C.UTF-8",
        }

    def text(self, name: str) -> str:
        return blocks("test")[name].replace(f":{PORT}/", f":{self.port}/")

    def run(self, name: str) -> str:
        """What the block prints; it ends with status 0 and leaves no scratch."""
        ended = subprocess.run(
            ["sh", "-eu", "-c", self.text(name)],
            cwd=self.place / "here",
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout
        assert list((self.place / "tmp").iterdir()) == []
        return ended.stdout


@pytest.fixture
def tour(place: Path) -> Iterator[Tour]:
    """Somebody whose repository is published and served."""
    found = Tour(place)
    for name in ("here", "home", "tmp"):
        (place / name).mkdir()
    assert "is at revision 1" in found.run("publish")
    server = subprocess.Popen(
        [*shlex.split(found.text("serve")), "--port", "0"],
        cwd=place / "here",
        env=found.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    RUNNING.add(server.pid)
    try:
        assert server.stdout is not None
        found.port = re.findall(r":(\d+)/", server.stdout.readline())[0]
        yield found
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=TIMEOUT_S)
        RUNNING.discard(server.pid)


def test_every_marked_block_is_run_here() -> None:
    ours = (ROOT / "tests/interface/test_readme.py").read_text(encoding="utf-8")
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


def test_a_vanilla_htcondor_job_runs_in_its_slot(tour: Tour) -> None:
    tour.run("use")
    here, slot = tour.place / "here", tour.place / "slot"
    slot.mkdir()
    job = submitted(tour.text("condor"))
    configuration = here / "my.conf"
    lines = configuration.read_text().replace(f"{here}/keys/", "")
    configuration.write_text(lines)
    shutil.copy(here / "keys/my.example.org.pub", here)
    for name in job["transfer_input_files"].split(","):
        shutil.copy(here / name.strip(), slot)
    assert Path(job["executable"]).name == "interpose_run"
    command = [program("interpose_run"), *shlex.split(job["arguments"])]
    ended = subprocess.run(
        command,
        cwd=slot,
        env={"PATH": "/usr/bin:/bin", "_CONDOR_SCRATCH_DIR": str(slot)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, HELLO)
    # No home, so the cache is in the scratch: said once (interface of --cache).
    (notice,) = ended.stderr.splitlines()
    assert notice.startswith("interpose: no cache directory can be written")
    assert sorted(path.name for path in slot.iterdir()) == [
        "my.conf",
        "my.example.org.pub",
        "stats.json",
    ]
    assert json.loads((slot / "stats.json").read_text())["exit"] == {"status": 0}


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
