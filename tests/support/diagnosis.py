# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the doctor and reads what it says."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import need_tool, program
from tests.support.run import DEFAULT_PATH

TIMEOUT_S = 90.0
OURS = 125
HINT = "; interpose_run --doctor says more)"
Finding = dict[str, Any]
Words = Sequence[Any]


@dataclass(frozen=True)
class Diagnosis:
    """One `--json`: its status, the object, what stood on standard error."""

    status: int
    found: dict[str, Any]
    errors: str

    def all(self, name: str, about: str = "") -> list[Finding]:
        """Findings of this name; about this repository, if one is named."""
        rows = self.found["findings"]
        return [r for r in rows if r["name"] == name and about in ("", r["about"])]

    def one(self, name: str, about: str = "") -> Finding:
        """The only finding of this name."""
        (row,) = self.all(name, about)
        return row

    def level(self, name: str, about: str = "") -> str:
        """How bad the only finding of this name is."""
        return str(self.one(name, about)["level"])

    @property
    def bad(self) -> list[str]:
        """Names of what is "no", in order."""
        rows = self.found["findings"]
        return [row["name"] for row in rows if row["level"] == "no"]


@dataclass
class Patient:
    """A node, as one sees it behind `before`: words in front of interpose_run."""

    place: Path
    before: Words = ()
    env: Mapping[str, str] | None = None
    uid: int | None = None
    program: Path | None = None

    def start(self, *words: Any, **how: Any) -> subprocess.CompletedProcess[str]:
        """`interpose_run WORDS`."""
        home = self.place / "home"
        home.mkdir(exist_ok=True)
        env = {"PATH": DEFAULT_PATH, "HOME": str(home), "LC_ALL": "C.UTF-8"}
        who: dict[str, Any] = {}
        if self.uid not in (None, os.geteuid()):
            who = {"user": self.uid, "group": self.uid, "extra_groups": []}
        command = [*self.before, self.program or program("interpose_run"), *words]
        return subprocess.run(
            [str(word) for word in command],
            env=dict(env if self.env is None else self.env),
            cwd="/",
            text=True,
            check=False,
            capture_output=True,
            timeout=TIMEOUT_S,
            **{**who, **how},
        )

    def examined(self, *words: Any) -> Diagnosis:
        """What the doctor says as JSON."""
        done = self.start("--doctor", "--json", *words)
        assert done.stdout, (done.returncode, done.stderr)
        return Diagnosis(done.returncode, json.loads(done.stdout), done.stderr)


def says_the_same(patient: Patient, row: str, *words: str | Path) -> Diagnosis:
    """A run fails with one line, and the row gives its reason and its advice."""
    failed = patient.start(*words, "--", "true")
    assert failed.returncode == OURS, failed.stderr
    (line,) = failed.stderr.splitlines()
    assert line.endswith(HINT), line
    said = patient.examined(*words)
    assert said.status == 1
    finding = said.one(row)
    assert finding["level"] == "no"
    assert f"({finding['advice']}{HINT}" in line
    return said


def need_bwrap(*words: str) -> list[str]:
    """Words of bubblewrap that show the host; skip where it cannot."""
    command = [need_tool("bwrap", "bubblewrap"), "--dev-bind", "/", "/", *words]
    tried = subprocess.run([*command, "true"], check=False, capture_output=True)
    if tried.returncode != 0:
        pytest.skip(f"no bubblewrap here: {tried.stderr.decode()}")
    return command
