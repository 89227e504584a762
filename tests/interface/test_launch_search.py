# SPDX-License-Identifier: GPL-2.0-or-later
"""The command is searched along PATH as it is natively, in few stops."""

from __future__ import annotations

import platform
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.fast import fast, figures
from tests.support.memory import is_tmpfs
from tests.support.places import program
from tests.support.run import Runner

SHOWN = "#!/bin/sh\necho $0 $PATH\n"


@pytest.fixture
def folders(place: Path) -> Path:
    """`first` and `second` have the command, `shut` one that nobody may execute."""
    for name, mode in (("first", 0o755), ("second", 0o755), ("shut", 0o644)):
        (place / name).mkdir()
        (place / name / "shown").write_text(SHOWN)
        (place / name / "shown").chmod(mode)
    for number in range(20):
        (place / f"empty{number}").mkdir()
    (place / "file").touch()
    (place / "link").symlink_to("second")
    return place


PATHS = (
    "{0}/empty0:{0}/first:{0}/second",
    "{0}/empty0:{0}/link",
    "{0}/empty0:{0}/shut",
    "{0}/shut:{0}/second",
    "{0}/file:{0}/none:{0}/none/more:{0}/second",
    "{0}/empty0:{0}/empty1",
    "{0}/empty0:",
    ":{0}/second",
    "{0}/empty0::{0}/second",
    "",
    "first",
    ".:{0}/second",
    "{0}/second/../first",
    "::",
)


@pytest.mark.parametrize("where", ["first", "empty0"])
@pytest.mark.parametrize("path", PATHS)
def test_it_is_found_where_it_natively_is(folders: Path, path: str, where: str) -> None:
    env = {"PATH": path.format(folders), "HOME": str(folders)}
    found = [
        subprocess.run(
            [*before, "/usr/bin/env", "-C", folders / where, *after, "shown"],
            env=env,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        for before, after in (
            ((), ()),
            ((), (program("interpose_run"), "--")),
            ((), (program("interpose_run"), "--no-fastpath", "--")),
        )
    ]
    native, *ours = found
    for one in ours:
        assert (one.returncode, one.stdout) == (native.returncode, native.stdout)


def test_a_link_may_lead_to_cvmfs(
    run: Runner, configured: Callable[..., list[Any]], place: Path
) -> None:
    """Where the kernel finds nothing."""
    fqrn = "programs.example.org"
    folder = f"/cvmfs/{fqrn}/current"
    (place / "bin").symlink_to(folder)
    (place / "rest").mkdir()
    options = configured(fqrn)
    for path in (place / "bin", folder, f"//cvmfs/{fqrn}/bin", place / "bin/../bin"):
        env = run.environment() | {"PATH": f"{place}/rest:{path}"}
        for _ in range(2):  # the second time the kernel knows the names
            done = run("hello", options=options, env=env)
            assert done.stdout.startswith(b"hello from RPATH")


@pytest.mark.skipif(
    [int(part) for part in re.findall(r"\d+", platform.release())[:2]] < [5, 12],
    reason="the kernel cannot look without waiting",
)
def test_directories_that_do_not_have_it_are_no_stops(
    run: Runner, folders: Path
) -> None:
    if is_tmpfs(folders):
        pytest.skip("a tmpfs keeps no missing names, so that each look may wait")
    empty = ":".join(str(folders / f"empty{number}") for number in range(20))
    paths = ("/usr/bin", f"{empty}:/usr/bin", f"{empty}:/usr/bin")
    envs = [run.environment() | {"PATH": path} for path in paths]
    one, _, many = (figures(fast(run, "true", after=16, env=env)) for env in envs)
    assert many == one
