# SPDX-License-Identifier: GPL-2.0-or-later
"""Limits of memory that are too low for Python: one line that names the limit.

Not what Python makes of it: tracebacks, messages of libraries that abort, a lock that
is waited for without end.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.limits import without
from tests.support.places import program
from tests.support.run import Runner

Configured = Callable[..., list[Any]]
FQRN = "tricky.example.org"
README = f"/cvmfs/{FQRN}/README"
OURS = 125
TIMEOUT_S = 60.0

for_python = pytest.mark.parametrize(
    "limit", ["-v 8000", "-v 20000", "-d 2500", "-d 5000"]
)


def below(limit: str) -> tuple[str, ...]:
    return without("-sys_resource", f"ulimit {limit}; ")


@pytest.mark.parametrize(
    "limit", ["-v 20000", "-v 38650", "-v 61600", "-v 74000", "-d 5000"]
)
def test_an_open_that_needs_the_resolver_is_an_error(
    run: Runner, configured: Configured, limit: str
) -> None:
    run.before = below(limit)
    result = run("cat", README, options=configured(FQRN))
    assert result.status == 1, result.explain()
    # The job's own line may come in the midst of ours.
    said = os.fsdecode(result.stderr)
    assert (said.count("interpose: "), said.count("ulimit")) == (1, 1), said
    assert "Traceback" not in said


@for_python
def test_a_trace_without_who_formats_it_is_no_run(run: Runner, limit: str) -> None:
    run.before = below(limit)
    result = run("true", options=["--trace", run.place / "trace"])
    assert (result.status, result.stdout) == (OURS, b""), result.explain()
    assert [f"ulimit {limit[:2]}" in line for line in result.errors] == [True]


@pytest.mark.parametrize("limit", ["-v 30000", "-d 15000"])
def test_what_is_enough_for_a_trace_makes_one(run: Runner, limit: str) -> None:
    run.before = below(limit)
    trace = run.place / "trace"
    result = run("true", options=["--trace", trace]).ok()
    assert result.errors == []
    assert "execve" in trace.read_text()


@for_python
@pytest.mark.parametrize("command", [["ls", "/cvmfs"], ["--help"]], ids=["ls", "help"])
def test_a_subcommand_is_not_begun(limit: str, command: list[str]) -> None:
    done = subprocess.run(
        [*below(limit), program("interpose"), *command],
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert (done.returncode, done.stdout) == (OURS, ""), done.stderr
    said = done.stderr.splitlines()
    assert [f"ulimit {limit[:2]}" in line for line in said] == [True], said


@for_python
@pytest.mark.parametrize("name", ["interpose_run", "interpose"])
def test_the_doctor_asks_nobody_and_says_why(
    tmp_path: Path, limit: str, name: str
) -> None:
    words = ["--doctor"] if name == "interpose_run" else ["doctor"]
    done = subprocess.run(
        [*below(limit), program(name), *words, "--cache", tmp_path, FQRN],
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.stderr == ""
    rows = [line for line in done.stdout.splitlines() if FQRN in line]
    assert len(rows) == 3
    assert all(f"raise the limit: ulimit {limit[:2]}" in row for row in rows)
