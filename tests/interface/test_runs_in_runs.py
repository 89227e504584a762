# SPDX-License-Identifier: GPL-2.0-or-later
"""interpose_run below interpose_run, and what a batch system is told of failures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import program
from tests.support.run import Result, Runner

FQRN = "sha1.example.org"
README = f"/cvmfs/{FQRN}/README"
Nested = Callable[..., Result]


@pytest.fixture
def nested(run: Runner, configured: Callable[..., list[Any]], place: Path) -> Nested:
    """`nested(OPTION...)`: cat README below two runs; options are the inner one's."""
    (place / "my.conf").write_text("CVMFS_X=1\n")
    outer = [*configured(FQRN), "--config", str(place / "my.conf"), "-r", FQRN]

    def both(*options: str, command: tuple[str, ...] = ("/bin/cat", README)) -> Result:
        words = [program("interpose_run"), *options, "--", *command]
        return run(*words, options=outer, cwd=place)

    return both


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--config", "my.conf"),
        ("-o", "CVMFS_HTTP_PROXY=DIRECT"),
        ("-r", FQRN),
        ("--repository=sha1.example.org", "--config", "../{place}/my.conf", "-q"),
    ],
)
def test_what_the_outer_run_has_is_joined(
    nested: Nested, place: Path, options: tuple[str, ...]
) -> None:
    words = [word.replace("../{place}", str(place)) for word in options]
    found = nested(*words).ok()
    assert found.stdout == nested().ok().stdout
    assert not found.messages


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--config", "other.conf"), "--config"),
        (("-o", "CVMFS_HTTP_PROXY=http://other:1"), "--option CVMFS_HTTP_PROXY"),
        (("-r", "nowhere.example.org"), "--repository nowhere.example.org"),
        (("-r", f"{FQRN}@v1"), f"--repository {FQRN}@v1"),
        (("--cache", "elsewhere"), "--cache"),
        (("--offline",), "--offline"),
        (("--trace", "calls.txt"), "--trace"),
    ],
)
def test_an_option_that_differs_is_named(
    nested: Nested, options: tuple[str, ...], named: str
) -> None:
    found = nested(*options)
    assert found.status == 125
    assert found.stdout == b""
    assert named in found.messages[-1]


@pytest.mark.parametrize(
    ("command", "expected"),
    [("exit 3", {"status": 3}), ("kill -9 $$", {"signal": 9})],
)
def test_an_inner_run_keeps_its_own_statistics(
    nested: Nested, place: Path, command: str, expected: dict[str, int]
) -> None:
    found = nested("--stats", "inner.json", command=("/bin/sh", "-c", command))
    assert found.status in (3, -9)
    inner = json.loads((place / "inner.json").read_text())
    assert inner["exit"] == expected
    assert inner["command"][-1] == command
    assert inner["wall_s"] > 0


@pytest.mark.parametrize("name", ["srun", "sbatch", "condor_submit", "docker"])
def test_who_starts_processes_elsewhere_costs_one_line(
    run: Runner, place: Path, name: str
) -> None:
    tool = place / name
    shutil.copy("/bin/true", tool)
    script = f"{tool} one; {tool} two; /bin/true"
    found = run("/bin/sh", "-c", script).ok()
    (line,) = found.messages
    assert f"what {name} starts" in line
    assert not run("/bin/sh", "-c", script, options=["-q"]).ok().messages


def wrapped(run: Runner, place: Path, *words: str, **how: Any) -> tuple[Result, str]:
    told = place / "failure"
    environment = {**run.environment(), "_CONDOR_WRAPPER_ERROR_FILE": str(told)}
    result = run(*words, env=environment, **how)
    return result, told.read_text() if told.exists() else ""


@pytest.mark.parametrize(
    "options",
    [["--config", "/nowhere.conf"], ["-o", "x"], ["-r", "a.example.org"]],
)
def test_a_failure_of_ours_is_told_to_condor(
    run: Runner, place: Path, options: list[str]
) -> None:
    result, told = wrapped(run, place, "/bin/true", options=options)
    assert result.status == 125
    assert told == result.messages[-1] + "\n"


@pytest.mark.parametrize(
    "words", [("/bin/sh", "-c", "exit 125"), ("/bin/true",), ("/no/such/command",)]
)
def test_a_failure_of_the_job_is_not(
    run: Runner, place: Path, words: tuple[str, ...]
) -> None:
    assert wrapped(run, place, *words)[1] == ""
