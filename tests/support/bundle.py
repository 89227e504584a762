# SPDX-License-Identifier: GPL-2.0-or-later
"""The one-file bundle: made once for all workers, and what it leaves in a cache."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.places import ROOT, need_tool

HEADERS = {"zlib.h": "zlib1g-dev", "sha2.h": "libmd-dev"}


def made_bundle() -> Path:
    """dist/interpose_run, made anew where a source is younger."""
    need_tool("make")
    for name, package in HEADERS.items():
        if not Path("/usr/include", name).exists():
            pytest.skip(f"{name} is missing (Debian: {package})")
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build/bundle.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        words = ["make", "-s", "-C", str(ROOT), "bundle"]
        done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "dist/interpose_run"


def unpacked(cache: Path) -> list[Path]:
    """The versions that are there; what else lies beside them is an error."""
    folder = cache / "runtime"
    if not folder.exists():
        return []
    found = sorted(path for path in folder.iterdir() if path.name != "lock")
    assert [path for path in found if len(path.name) != 32] == []
    return found


class BareRoot:
    """A root that an ordinary user cannot write, and a scratch that he can."""

    def __init__(self, root: Path, scratch: Path, bundle: Path) -> None:
        self.root, self.scratch = root, scratch
        scratch.mkdir()
        for name in ("proc", "scratch"):
            (root / name).mkdir(exist_ok=True)
        shutil.copy2(bundle, root / "interpose_run")

    def run(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """Run there; skips where no user namespace can be made."""
        enter = [need_tool("bwrap", "bubblewrap"), "--unshare-user", "--unshare-pid"]
        enter += ["--uid", "1234", "--gid", "1234", "--ro-bind", str(self.root), "/"]
        enter += ["--proc", "/proc", "--bind", str(self.scratch), "/scratch"]
        enter += ["--cap-drop", "ALL", "--"]
        env = {"TMPDIR": "/scratch", "PATH": "/bin"}
        done = subprocess.run(
            [*enter, *words], env=env, capture_output=True, check=False
        )
        if done.stderr.startswith(b"bwrap: "):
            pytest.skip(done.stderr.decode().strip())
        return done

    def reads(
        self, options: Sequence[str | Path], *command: str, is_warm: bool = False
    ) -> bytes:
        """What a job prints: with a Python unpacked first, or, warm, with none."""
        words = [*self._options(options), "--cache", "/scratch/cache", "--", *command]
        elsewhere = self.scratch / "elsewhere"
        if is_warm:
            (version,) = unpacked(self.scratch / "cache")
            version.rename(elsewhere)
        done = self.run("/interpose_run", *words)
        assert (done.returncode, done.stderr) == (0, b"")
        assert len(unpacked(self.scratch / "cache")) == (0 if is_warm else 1)
        if is_warm:
            elsewhere.rename(version)
        return done.stdout

    def reads_without_a_cache(
        self, options: Sequence[str | Path], *command: str
    ) -> bytes:
        """The same where the scratch is all there is; it is empty afterwards."""
        before = sorted(self.scratch.iterdir())
        done = self.run("/interpose_run", *self._options(options), "--", *command)
        # One notice: that the cache ends with the job.
        assert (done.returncode, done.stderr.count(b"\n")) == (0, 1), done.stderr
        assert b"/scratch/" in done.stderr
        assert sorted(self.scratch.iterdir()) == before
        return done.stdout

    def _options(self, options: Sequence[str | Path]) -> list[str]:
        words = [str(word) for word in options]
        (key,) = (word for word in words if word.startswith("CVMFS_PUBLIC_KEY="))
        if not (self.root / "key.pub").exists():  # a new one would not be warm
            shutil.copy2(key.partition("=")[2], self.root / "key.pub")
        return ["CVMFS_PUBLIC_KEY=/key.pub" if word == key else word for word in words]
