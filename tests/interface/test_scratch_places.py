# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a run's scratch is made, and that nothing but it is changed or removed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.places import program

NOTICE = "no scratch in a directory where all may exchange it"
# Exchanges the only scratch below $BASE for a directory of the user's.
EXCHANGE = """
cd "$BASE" && set -- .interpose-* && mv "$1" moved && mkdir "$1" && echo kept >"$1/own"
"""


def run(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    home = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    return subprocess.run(
        [program("interpose_run"), *words],
        env={**home, **environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def base(place: Path) -> Path:
    path = place / "base"
    path.mkdir()
    path.chmod(0o777)
    return path


def test_where_all_may_exchange_it_another_place_is_taken(base: Path) -> None:
    done = run("-v", "--", "true", TMPDIR=str(base))
    assert done.returncode == 0
    first, *others = done.stderr.splitlines()
    assert first.startswith(f"interpose: {NOTICE}: {base} (")
    assert not any(str(base) in line for line in others)
    named = run("--scratch", base, "--", "true")
    assert named.returncode == 125
    assert NOTICE in named.stderr
    assert list(base.iterdir()) == []


@pytest.mark.parametrize("mode", [0o1777, 0o755, 0o775])
def test_elsewhere_it_is_made_and_removed(base: Path, mode: int) -> None:
    base.chmod(mode)
    done = run("-v", "--", "true", TMPDIR=str(base))
    assert done.returncode == 0
    assert f"scratch is {base}/" in done.stderr
    assert list(base.iterdir()) == []


@pytest.mark.parametrize(("mode", "is_left"), [(0o1777, False), (0o775, True)])
def test_only_what_nobody_else_can_have_named_is_taken_for_a_dead_runs(
    base: Path, mode: int, is_left: bool
) -> None:
    """Where others can rename, it may be a directory of the user's."""
    base.chmod(mode)
    old = base / ".interpose-abcdef"
    old.mkdir()
    (old / "thesis").write_text("years of work")
    os.utime(old, (1, 1))
    run("--scratch", base, "--", "true")
    assert old.exists() == is_left


def test_what_has_been_exchanged_for_the_scratch_stays(base: Path) -> None:
    base.chmod(0o755)
    run("--scratch", base, "--", "sh", "-c", EXCHANGE, BASE=str(base))
    (own,) = base.glob(".interpose-*/own")
    assert own.read_text() == "kept\n"


def test_a_umask_that_takes_everything_takes_nothing_from_it(base: Path) -> None:
    base.chmod(0o755)
    old = os.umask(0o777)
    try:
        done = run("--scratch", base, "--", "true")
    finally:
        os.umask(old)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(base.iterdir()) == []


def test_a_job_that_needs_no_folders_has_none(base: Path) -> None:
    """On a disk they would cost more than the rest of a start."""
    base.chmod(0o755)
    shown = run("--scratch", base, "--", "sh", "-c", 'ls -A "$0"/.interpose-*', base)
    assert shown.stdout == "lock\n"
