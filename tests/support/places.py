# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things are: the checkout, the shared notes, the programs under test."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# For C programs of tests that call newer calls: "arch/numbers.h".
NUMBERS = f"-I{ROOT / 'native'}"


def shared() -> Path:
    """The shared notes and repositories (INTERPOSE_SHARED, else ../shared)."""
    return Path(os.environ.get("INTERPOSE_SHARED", ROOT.parent / "shared")).resolve()


def need_shared() -> Path:
    """As `shared`, or skip with the reason."""
    place = shared()
    if not (place / "repositories").is_dir():
        pytest.skip("the test repositories are missing: set INTERPOSE_SHARED")
    return place


def program(name: str) -> Path:
    """`interpose_run` or `interpose`: as built into .venv, or as INTERPOSE_RUN names.

    Fails, because a suite that skips its subject proves nothing.
    """
    chosen = os.environ.get("INTERPOSE_RUN")
    if chosen:
        return Path(chosen).resolve().with_name(name)
    for place in (ROOT / ".venv/bin", Path(sys.executable).parent):
        if (place / name).exists():
            return place / name
    pytest.fail(f"{name} is not built: make build")


def need_tool(name: str, package: str = "") -> str:
    """Path of a system tool, or skip naming the Debian package."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{name} is missing (Debian: {package or name})")
    return found


def need_container(*words: str) -> tuple[str, ...]:
    """The words, if they make a container here; else skip with what they said.

    Only `true` runs in it: nothing of ours can be why it fails.
    """
    tried = subprocess.run([*words, "true"], check=False, capture_output=True)
    if tried.returncode != 0:
        pytest.skip(f"no container here: {tried.stderr.decode().strip()}")
    return words


def py_spy() -> str:
    """The profiler of PyPI, if somebody has installed it."""
    beside = f"{os.path.dirname(sys.executable)}:{os.environ.get('PATH', '')}"
    found = shutil.which("py-spy", path=beside)
    if found is None:
        pytest.skip("py-spy is missing (pip install py-spy)")
    return found


def need_user(uid: int) -> None:
    """Skip unless jobs of `uid` can be started and can start our resolver."""
    if uid == os.geteuid():
        return
    if os.geteuid() != 0:
        pytest.skip(f"only root can run as uid {uid}")
    command = [str(program("interpose")), "--version"]
    tried = subprocess.run(
        command, user=uid, group=uid, extra_groups=[], check=False, capture_output=True
    )
    if tried.returncode != 0:
        pytest.skip(f"uid {uid} may not execute the interpreter of .venv")


class Repositories:
    """The shared repositories, unpacked on demand below one document root."""

    def __init__(self, docroot: Path) -> None:
        self.docroot = docroot
        self.source = need_shared() / "repositories"

    def need(self, fqrn: str) -> Path:
        """The stratum directory of `fqrn`; workers of one session share it."""
        wanted = self.docroot / "cvmfs" / fqrn
        with (self.docroot / f".lock-{fqrn}").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = self.docroot / f".done-{fqrn}"
            if not done.exists():
                archive = self.source / f"{fqrn}.tar.xz"
                command = ["tar", "--no-same-owner", "-C", self.docroot, "-xf", archive]
                subprocess.run(command, check=True)
                done.touch()
        return wanted

    def key(self, fqrn: str) -> Path:
        """The master public key."""
        return self.source / "keys" / f"{fqrn}.pub"


def root_is_a_mount() -> bool:
    """False in a tree that somebody entered by chroot alone."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return any(line.split()[4] == "/" for line in lines)
