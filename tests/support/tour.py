# SPDX-License-Identifier: GPL-2.0-or-later
"""The README's commands: its marked blocks, and somebody who follows them.

A fenced block below `<!-- test: NAME -->` is run; the one below `<!-- output: NAME -->`
is what it prints. Only the port of the server is another one.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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


@contextlib.contextmanager
def touring(place: Path) -> Iterator[Tour]:
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


def beside_the_key(tour: Tour) -> None:
    """my.conf as a batch system wants it: the key lies in the same directory."""
    here = tour.place / "here"
    configuration = here / "my.conf"
    configuration.write_text(configuration.read_text().replace(f"{here}/keys/", ""))
    shutil.copy(here / "keys/my.example.org.pub", here)
