# SPDX-License-Identifier: GPL-2.0-or-later
"""What every measurement stands on: machine, trees, a server."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BIN = ROOT / ".venv/bin"
FQRN = "bench.example.org"
# Directories in directories: 1,000 of the fifth level have ten files and ten links.
FAN_OUT, FILES_EACH = (4, 5, 5, 5, 2), 10


class NotMeasuredError(Exception):
    """Why a row has no figure here."""


@dataclass
class Setting:
    """A published tree, the plain one beside it, and a cache.

    `source` is what was published, if files name their place and it is not `plain`.
    """

    place: Path
    plain: Path
    url: str = ""
    options: list[str] = field(default_factory=list)
    fqrn: str = FQRN
    source: Path | None = None

    @property
    def mounted(self) -> Path:
        """The tree as a job sees it."""
        return Path("/cvmfs") / self.fqrn

    @property
    def key(self) -> Path:
        """The repository's public key."""
        return self.place / f"keys/{self.fqrn}.pub"

    def wrapper(self, *more: str | Path) -> list[str]:
        """`interpose_run` with everything that it needs, before a command."""
        cache = ["--cache", str(self.place / "cache")]
        scratch = ["--scratch", str(self.place)]
        words = [str(BIN / "interpose_run"), *cache, *scratch, *self.options]
        return [*words, *map(str, more), "--"]


@dataclass
class Session:
    """One run of the command: how much is measured, and what was made for it so far."""

    base: Setting
    stack: ExitStack
    rounds: int = 5
    quick: bool = False
    made: dict[str, Any] = field(default_factory=dict)

    @property
    def cpus(self) -> list[int]:
        """How many CPUs are allowed, in turn; two first."""
        count = min(2, len(os.sched_getaffinity(0)))
        return [count] if self.quick or count == 1 else [2, 1]

    def once(self, name: str, make: Callable[[], Setting]) -> Setting:
        """What `make` gives, made when it is wanted first; an error stays the same."""
        if name not in self.made:
            try:
                self.made[name] = make()
            except NotMeasuredError as reason:
                self.made[name] = reason
        kept = self.made[name]
        if isinstance(kept, NotMeasuredError):
            raise kept
        assert isinstance(kept, Setting)
        return kept

    def publish(self, name: str, plain: Path, source: Path | None = None) -> Setting:
        """Publish a tree as NAME.example.org."""
        fqrn, base = f"{name}.example.org", self.base
        here = Setting(base.place, plain, base.url, [], fqrn, source)
        publish(here, source or plain, "--uncompressed")
        here.options = options_of(base.url, here.key, fqrn)
        return here


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
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def run_text(command: Sequence[str]) -> str:
    """Standard output, or nothing if the command failed."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def fill(tree: Path) -> None:
    """10,000 files and as many links, six names below the top.

    No two of them are equal, as hardly any are in what people install.
    """
    for folder in _folders(tree, FAN_OUT):
        folder.mkdir(parents=True)
        for each in range(FILES_EACH):
            head = f"# {folder.relative_to(tree)}, number {each}\n"
            (folder / f"module{each}.py").write_text(head + f"value = {each}\n" * 40)
            (folder / f"link{each}").symlink_to(f"module{each}.py")


def _folders(tree: Path, fan_out: Sequence[int]) -> Iterator[Path]:
    if not fan_out:
        yield tree
        return
    for number in range(fan_out[0]):
        yield from _folders(tree / f"part{number}", fan_out[1:])


@contextmanager
def session(rounds: int, *, quick: bool) -> Iterator[Session]:
    """A session with the first tree and a server; everything is removed at the end."""
    place = Path(tempfile.mkdtemp(prefix="interpose-bench-"))
    # As many names below the root as in /cvmfs/FQRN.
    base = Setting(place, Path(tempfile.mkdtemp(prefix="interpose-bench-plain-")))
    with ExitStack() as stack:
        for each in (place, base.plain):
            stack.callback(shutil.rmtree, each, ignore_errors=True)
        base.plain.chmod(0o755)
        fill(base.plain)
        publish(base, base.plain, "--uncompressed")
        base.url = stack.enter_context(serving(place / "storage"))
        base.options = options_of(base.url, base.key, FQRN)
        _fetch(base)
        yield Session(base, stack, rounds, quick)


def _fetch(setting: Setting) -> None:
    """Bring all objects of the tree into the private cache."""
    find = ["find", str(setting.mounted), "-type", "f", "-exec", "cat", "{}", "+"]
    subprocess.run([*setting.wrapper(), *find], check=True, stdout=subprocess.DEVNULL)


def publish(setting: Setting, tree: Path, *more: str) -> None:
    """Publish `tree` into the setting's storage."""
    command: list[str | Path] = [BIN / "interpose", "publish", tree, *more]
    command += ["--repository", setting.fqrn, "--storage", setting.place / "storage"]
    command += ["--keys", setting.place / "keys"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def serving(docroot: Path) -> Iterator[str]:
    """The URL of a server on loopback."""
    command: list[str | Path] = [BIN / "interpose", "serve", docroot]
    command += ["--port", "0", "--json"]
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


def compiled(setting: Setting, name: str) -> str:
    """The program made from NAME.c of this directory."""
    program = setting.place / name
    if not program.exists():
        flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-pthread"]
        source = str(ROOT / f"benchmarks/{name}.c")
        words = [os.environ.get("CC", "cc"), *flags, "-o", str(program), source]
        subprocess.run(words, check=True)
    return str(program)
