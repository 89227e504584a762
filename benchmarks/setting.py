# SPDX-License-Identifier: GPL-2.0-or-later
"""What every measurement stands on: machine, trees, a server, contenders."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BIN = ROOT / ".venv/bin"
FQRN = "bench.example.org"
DIRECTORIES, FILES_EACH = 30, 10


@dataclass
class Setting:
    """A published tree, the plain one it was made from, and a cache."""

    place: Path
    plain: Path
    url: str = ""
    options: list[str] = field(default_factory=list)

    @property
    def mounted(self) -> Path:
        """The tree as a job sees it."""
        return Path("/cvmfs") / FQRN

    def wrapper(self, *more: str | Path) -> list[str]:
        """`interpose_run` with everything that it needs, before a command."""
        cache = ["--cache", str(self.place / "cache")]
        scratch = ["--scratch", str(self.place)]
        words = [str(BIN / "interpose_run"), *cache, *scratch, *self.options]
        return [*words, *map(str, more), "--"]


def machine() -> dict[str, Any]:
    """What the figures depend on besides us."""
    model = ""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    commit = run_text(["git", "-C", str(ROOT), "describe", "--always", "--dirty"])
    return {
        "machine": platform.machine(),
        "processor": model,
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "commit": commit or "unknown",
    }


def run_text(command: Sequence[str]) -> str:
    """Standard output, or nothing if the command failed."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def fill(tree: Path) -> None:
    """300 files, 300 symbolic links, spread over directories."""
    for number in range(DIRECTORIES):
        folder = tree / f"package{number:02}" / "lib"
        folder.mkdir(parents=True)
        for each in range(FILES_EACH):
            file = folder / f"module{each}.py"
            file.write_text(f"value = {number * FILES_EACH + each}\n" * 300)
            (folder / f"link{each}").symlink_to(file.name)


@contextmanager
def published() -> Iterator[Setting]:
    """A setting with a server; everything is removed at the end."""
    place = Path(tempfile.mkdtemp(prefix="interpose-bench-"))
    plain = place / "plain"
    plain.mkdir()
    fill(plain)
    setting = Setting(place, plain)
    try:
        publish(setting, plain, FQRN)
        with serving(place / "storage") as url:
            setting.url = url
            setting.options = options_of(url, place / f"keys/{FQRN}.pub", FQRN)
            yield setting
    finally:
        shutil.rmtree(place, ignore_errors=True)


def publish(setting: Setting, tree: Path, fqrn: str) -> None:
    """Publish `tree` into the setting's storage."""
    words = ["--repository", fqrn, "--storage", setting.place / "storage"]
    keys = ["--keys", setting.place / "keys"]
    command = [BIN / "interpose", "publish", tree, *words, *keys]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def serving(docroot: Path) -> Iterator[str]:
    """The URL of a server on loopback."""
    command = [BIN / "interpose", "serve", docroot, "--port", "0", "--json"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert server.stdout is not None
    try:
        yield json.loads(server.stdout.readline())["url"]
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def options_of(url: str, key: Path, fqrn: str) -> list[str]:
    """Options of interpose_run for one repository."""
    values = {
        "CVMFS_SERVER_URL": f"{url}/cvmfs/@fqrn@",
        "CVMFS_PUBLIC_KEY": str(key),
        "CVMFS_HTTP_PROXY": "DIRECT",
        "CVMFS_REPOSITORIES": fqrn,
    }
    return [word for name in values for word in ("-o", f"{name}={values[name]}")]


def contenders(setting: Setting) -> dict[str, list[str]]:
    """What stands before a command, by name; those that are installed."""
    found: dict[str, list[str]] = {"native": [], "interpose_run": setting.wrapper()}
    if shutil.which("proot"):
        found["proot"] = ["proot"]
    if shutil.which("strace"):
        words = [
            "strace",
            "-f",
            "--seccomp-bpf",
            "-e",
            "trace=%file",
            "-o",
            "/dev/null",
        ]
        found["strace"] = words
    return found
