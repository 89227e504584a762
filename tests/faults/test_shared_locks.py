# SPDX-License-Identifier: GPL-2.0-or-later
"""Locks of a job on what a cache of several nodes holds.

covers: flock fcntl
"""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.differential.conftest import M32, NO_I386, compiles_i386
from tests.support.places import NUMBERS, need_tool
from tests.support.run import Runner, forced

FQRN = "sha1.example.org"
FILE = f"/cvmfs/{FQRN}/README"
PROGRAM = Path(__file__).parent / "programs/locks.py"
PYTHON = ("/usr/bin/python3", "-I")
Configured = Callable[..., list[Any]]
NEEDS_COPIES = pytest.mark.skipif(
    any({"pidfd_getfd", "all"} & {*names.split(",")} for names in forced().values()),
    reason="without pidfd_getfd a lock is its owner's alone",
)


def words_of(run: Runner, options: Sequence[Any], how: str) -> list[Any]:
    """Options for a cache that is shared, said in the way `how`."""
    alien = run.place / "alien"
    if how == "option":
        return [*options, "--alien-cache", alien]
    if how == "setting":
        return [*options, "-o", f"CVMFS_ALIEN_CACHE={alien}"]
    if how == "own directory":
        folder = run.place / "home/.config/interpose"
        folder.mkdir(parents=True)
        (folder / "default.local").write_text(f"CVMFS_ALIEN_CACHE={alien}\n")
        return list(options)
    file = run.place / "site.conf"
    file.write_text(f"CVMFS_ALIEN_CACHE={alien}\n")
    return [*options, "--config", file]


def others_lock(alien: Path) -> int:
    """Locks all files as another node would: how many."""
    files = [path for path in alien.rglob("*") if path.is_file()]
    for path in files:
        fd = os.open(path, os.O_RDONLY)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(fd)
    return len(files)


@pytest.mark.parametrize("how", ["option", "setting", "file", "own directory"])
def test_locks_hold_in_the_job_and_reach_no_shared_cache(
    run: Runner, configured: Configured, how: str
) -> None:
    options = words_of(run, configured(FQRN, CVMFS_QUOTA_LIMIT="-1"), how)
    run("cat", FILE, options=options).ok()
    holder = run.start(*PYTHON, PROGRAM, FILE, "hold", options=options)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    assert others_lock(run.place / "alien") > 0
    inodes = {path.stat().st_ino for path in (run.place / "alien").rglob("*")}
    # Other processes' locks come and go: a line can be short, or of one that waits.
    locked = re.findall(r" [0-9a-f]+:[0-9a-f]+:(\d+) ", Path("/proc/locks").read_text())
    assert not inodes & set(map(int, locked))
    _, said = holder.communicate(timeout=60)
    assert (holder.returncode, said) == (0, b"")
    run.nothing_left()


@NEEDS_COPIES
@pytest.mark.parametrize("shared", [False, True])
def test_locks_do_what_they_do_natively(
    run: Runner, configured: Configured, shared: bool
) -> None:
    options: list[Any] = configured(FQRN, CVMFS_QUOTA_LIMIT="-1")
    if shared:
        options = words_of(run, options, "option")
    copy = run.place / "copy"
    copy.write_bytes(run("cat", FILE, options=options).ok().stdout)
    copy.chmod(0o444)
    native = subprocess.run(
        [*PYTHON, PROGRAM, copy], check=True, capture_output=True, timeout=60
    )
    result = run(*PYTHON, PROGRAM, FILE, options=options).ok()
    assert result.text.splitlines() == native.stdout.decode().splitlines()
    assert result.errors == []


@NEEDS_COPIES
def test_lock_commands_of_i386_do_what_they_do_natively(
    run: Runner, configured: Configured
) -> None:
    if not compiles_i386():
        pytest.skip(NO_I386)
    options = words_of(run, configured(FQRN, CVMFS_QUOTA_LIMIT="-1"), "option")
    program, copy = run.place / "locks_i386", run.place / "copy"
    source = PROGRAM.with_name("locks_i386.c")
    gcc = [
        need_tool("gcc"),
        *M32,
        "-D_GNU_SOURCE",
        "-O1",
        NUMBERS,
        source,
        "-o",
        program,
    ]
    subprocess.run(gcc, check=True)
    copy.write_bytes(run("cat", FILE, options=options).ok().stdout)
    native = subprocess.run([program, copy], check=True, capture_output=True)
    assert native.stdout.count(b"\n") == 29
    result = run(program, FILE, options=options).ok()
    assert result.text.splitlines() == native.stdout.decode().splitlines()


@NEEDS_COPIES
def test_a_lock_of_the_shell_on_its_own_script_keeps_a_second_one_out(
    run: Runner, configured: Configured
) -> None:
    options = words_of(run, configured(FQRN, CVMFS_QUOTA_LIMIT="-1"), "option")
    script = f"""
        exec 9< {FILE}; flock -n 9 && echo first
        flock -n {FILE} echo second || echo kept out
        exec 9<&-; flock -n {FILE} echo third
        sh -c 'flock 8; echo fourth' 8< {FILE} & flock {FILE} echo fifth; wait
    """
    said = run("bash", "-c", script, options=options).ok().text.split("\n")
    assert said[:3] == ["first", "kept out", "third"]
    assert sorted(said[3:]) == ["", "fifth", "fourth"]


def test_without_pidfd_getfd_a_lock_is_its_owners_alone(
    run: Runner, configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERPOSE_FORCE_FALLBACK", "pidfd_getfd")
    options = words_of(run, configured(FQRN, CVMFS_QUOTA_LIMIT="-1"), "option")
    script = f"exec 9< {FILE}; flock -xn 9 && echo first; flock -xn {FILE} echo second"
    result = run("bash", "-c", script, options=options).ok()
    assert (result.text, result.errors) == ("first\nsecond\n", [])
    assert others_lock(run.place / "alien") > 0
