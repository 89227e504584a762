# SPDX-License-Identifier: GPL-2.0-or-later
"""The doctor looks at scratch and caches: their kind, and what room is left."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.diagnosis import Patient, need_bwrap, says_the_same
from tests.support.places import need_tool


@pytest.fixture
def patient(place: Path) -> Patient:
    return Patient(place)


def mounted(options: str, at: Path) -> list[str]:
    """Words that mount a tmpfs in a name space of their own; only root can."""
    at.mkdir(exist_ok=True)
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    script = f'mount -t tmpfs -o {options} none {at} && exec "$0" "$@"'
    command = [need_tool("unshare"), "-m", "sh", "-c", script]
    tried = subprocess.run([*command, "true"], check=False, capture_output=True)
    if tried.returncode != 0:
        pytest.skip(f"no such tmpfs: {tried.stderr.decode()}")
    return command


def test_a_scratch_that_is_not_there_is_told_as_a_run_tells_it(
    patient: Patient,
) -> None:
    said = says_the_same(patient, "scratch", "--scratch", patient.place / "none")
    assert "No such file or directory" in said.one("scratch")["text"]


def test_a_scratch_that_all_may_exchange_is_no_scratch(patient: Patient) -> None:
    base = patient.place / "open"
    base.mkdir()
    base.chmod(0o777)
    said = patient.examined("--scratch", base)
    assert said.level("scratch") == "no"
    assert "sticky" in said.one("scratch")["text"]


def test_a_scratch_that_may_only_be_read(patient: Patient) -> None:
    words = ["--ro-bind", str(patient.place), str(patient.place)]
    (patient.place / "home").mkdir()
    patient.before = need_bwrap(*words)
    said = says_the_same(patient, "scratch", "--scratch", patient.place)
    assert "Read-only file system" in said.one("scratch")["text"]
    assert said.level("cache") == "warning"


def test_a_full_tmpfs_is_told_as_a_run_tells_it(patient: Patient) -> None:
    small = patient.place / "small"
    fill = f'head -c 1M /dev/zero >{small}/full 2>/dev/null; exec "$0" "$@"'
    patient.before = (*mounted("size=64k", small), "sh", "-c", fill)
    said = says_the_same(patient, "scratch", "--scratch", small)
    row = said.one("scratch")
    assert "No space left on device" in row["text"]
    assert (row["facts"]["type"], row["facts"]["free_bytes"]) == ("tmpfs", 0)


def test_little_room_and_noexec_are_warnings(patient: Patient) -> None:
    small = patient.place / "small"
    patient.before = mounted("size=8m,nr_inodes=500,noexec", small)
    said = patient.examined("--scratch", small, "--cache", small / "cache")
    assert said.status == 0
    for name in ("scratch", "cache"):
        row = said.one(name)
        assert row["level"] == "warning"
        assert "programs cannot be executed" in row["text"]
        assert re.search(r"only \d+ inodes free", row["text"])
        assert "only 8 MB free" in row["text"] or "only 7 MB" in row["text"]
        assert row["facts"]["free_inodes"] < 500


@pytest.mark.parametrize(
    ("limit_kib", "used", "level", "text"),
    [
        (1024, 24 << 10, "warning", "only 0 MB left of the quota"),
        (1024, 2 << 20, "warning", "only 0 MB left of the quota"),
        (8 << 20, 1 << 30, "ok", "7168 MB left of the quota"),
    ],
    ids=["little", "exceeded", "enough"],
)
def test_what_is_left_of_a_quota_is_told(
    patient: Patient, compiled: Path, limit_kib: int, used: int, level: str, text: str
) -> None:
    """The program answers for the kernel: few have all that a quota wants."""
    patient.before = (str(compiled / "with_quota"), str(limit_kib), str(used))
    row = patient.examined("--scratch", patient.place).one("scratch")
    assert (row["level"], text in row["text"]) == (level, True), row
    left = max(0, limit_kib * 1024 - used)
    assert row["facts"]["quota_left_bytes"] == left


def test_without_a_quota_nothing_is_told_of_it(
    patient: Patient, compiled: Path
) -> None:
    patient.before = (str(compiled / "with_quota"), "0", "0")
    row = patient.examined("--scratch", patient.place).one("scratch")
    assert "quota" not in row["text"]
    assert "quota_left_bytes" not in row["facts"]


def test_without_a_home_nothing_is_kept(patient: Patient) -> None:
    patient.env = {"PATH": "/usr/bin:/bin"}
    fqrn = "my.example.org"
    said = patient.examined("-r", f"{fqrn}=http://127.0.0.1:9/cvmfs/{fqrn}", fqrn)
    row = said.one("cache")
    assert row["level"] == "warning"
    assert "is not kept" in row["text"]
    assert "HOME" in row["advice"]


def test_a_cache_that_others_can_write_is_told(patient: Patient) -> None:
    cache = patient.place / "cache"
    cache.mkdir()
    cache.chmod(0o777)
    row = patient.examined("--cache", cache).one("cache")
    assert row["level"] == "warning"
    assert "others can write" in row["text"]


def test_an_alien_cache_may_only_be_read(patient: Patient) -> None:
    shared = patient.place / "shared"
    shared.mkdir()
    patient.before = need_bwrap("--ro-bind", str(shared), str(shared))
    row = patient.examined("--alien-cache", shared).one("alien cache")
    assert row["level"] == "ok"
    assert "may only be read" in row["text"] or os.geteuid() == 0


def test_mounts_of_the_host_are_counted(patient: Patient) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    words = ["--tmpfs", "/"]  # nothing is made in the host's own
    for path in sorted(Path("/").iterdir()):
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir() and path.name != "cvmfs":
            words += ["--dev-bind", str(path), str(path)]
    words += ["--tmpfs", "/cvmfs", "--tmpfs", "/cvmfs/a.example.org"]
    patient.before = need_bwrap(*words)
    row = patient.examined().one("cvmfs")
    assert row["facts"]["mounts"] == 2
    assert "tmpfs" in row["text"]
