# SPDX-License-Identifier: GPL-2.0-or-later
"""The contenders: each is a way in which a command sees a tree.

Programs that Debian does not have are named in the environment, see `ENVIRONMENT`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ratios import BASE, OURS, Clock, Ratios
from benchmarks.setting import NotMeasuredError, Session, Setting

HOST, CVMFS = "host", "/cvmfs"
NO_FASTPATH = "--no-fastpath"
ENVIRONMENT = {
    "INTERPOSE_BENCH_PARROT": "parrot_run of cctools",
    "INTERPOSE_BENCH_CVMFS2": "cvmfs2, the FUSE client (root alone may mount it)",
    "INTERPOSE_BENCH_PROOT": "a PRoot beside that of Debian",
}
STRACE = "strace -f --seccomp-bpf -e trace=%file -o /dev/null".split()
MOST_S = 300


@dataclass(frozen=True)
class Way:
    """What stands before a command, and where the command finds the tree."""

    name: str
    before: tuple[str, ...]
    top: Path
    caches: bool = (
        False  # it has a cache of its own, to be filled before it is measured
    )

    @property
    def contender(self) -> bool:
        """Neither native nor we as we are."""
        return self.name not in (BASE, OURS)


def ways(session: Session, setting: Setting, side: str) -> list[Way]:
    """Native, ours, and the contenders that are there; `side` is HOST or CVMFS."""
    plain = setting.plain
    top = plain if side == HOST else setting.mounted
    found = [
        Way(BASE, (), plain, caches=True),
        Way(OURS, tuple(setting.wrapper()), top, caches=True),
        Way(NO_FASTPATH, tuple(setting.wrapper(NO_FASTPATH)), top),
    ]
    bound = () if side == HOST else ("-b", f"{setting.source or plain}:{top}")
    for name, program in (
        ("PRoot", shutil.which("proot")),
        ("newer PRoot", os.environ.get("INTERPOSE_BENCH_PROOT")),
    ):
        if program:
            found.append(Way(name, (program, *bound), top))
    if shutil.which(STRACE[0]):
        found.append(Way("strace", tuple(STRACE), plain))
    if parrot := os.environ.get("INTERPOSE_BENCH_PARROT"):
        found.append(Way("Parrot", _parrot(parrot, setting), top, caches=True))
    client = os.environ.get("INTERPOSE_BENCH_CVMFS2")
    mount = _mounted(client, session, setting) if client and side == CVMFS else None
    if mount:
        found.append(Way("FUSE client", (), mount, caches=True))
    return found


def _parrot(program: str, setting: Setting) -> tuple[str, ...]:
    """parrot_run with the repository; its cache stays from run to run."""
    address = f"url={setting.url}/cvmfs/{setting.fqrn},pubkey={setting.key}"
    repository = f"PARROT_CVMFS_REPO={setting.fqrn}:{address}"
    place = ("-t", str(setting.place / "parrot"))
    return ("env", repository, "HTTP_PROXY=DIRECT", program, *place)


def _mounted(client: str, session: Session, setting: Setting) -> Path | None:
    """Where the FUSE client shows the tree, until the session ends; if it does."""
    place = setting.place / "fuse" / setting.fqrn
    mount = place / "mount"
    if mount.exists():
        return mount if mount.is_mount() else None
    mount.mkdir(parents=True)
    (place / "config").write_text(
        f"CVMFS_SERVER_URL={setting.url}/cvmfs/{setting.fqrn}\n"
        f"CVMFS_PUBLIC_KEY={setting.key}\nCVMFS_HTTP_PROXY=DIRECT\n"
        f"CVMFS_CACHE_BASE={place}/cache\nCVMFS_RELOAD_SOCKETS={place}\n"
        "CVMFS_SHARED_CACHE=no\nCVMFS_CLAIM_OWNERSHIP=yes\n"
    )
    words = [client, "-o", f"config={place}/config", setting.fqrn, str(mount)]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        print(f"  left out: FUSE client failed: {(done.stderr or done.stdout)[-120:]}")
        return None
    session.stack.callback(subprocess.run, ["umount", "-l", str(mount)], check=False)
    return mount


@contextmanager
def allowed(cpus: int) -> Iterator[None]:
    """Only so many CPUs for what is started in the block."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:cpus])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass(frozen=True)
class Plan:
    """How often and where something is measured."""

    rounds: int
    cpus: int
    condition: str
    unit: str
    contender_rounds: int = 1  # 0: no contenders

    def measure(
        self, who: list[Way], once: Callable[[Way], dict[str, float]]
    ) -> list[Ratios]:
        """Every way once per round, after one that fills its cache; by title.

        A contender that fails is left out, with a line that says so.
        """
        results: dict[str, Ratios] = {}
        left = [way for way in who if self.contender_rounds or not way.contender]
        with allowed(self.cpus):
            for number in range(-1, self.rounds):
                for way in [one for one in left if self._has_turn(one, number)]:
                    found = _tried(way, once)
                    if found is None:
                        left.remove(way)
                    elif number >= 0:
                        self._keep(results, way, found)
        return list(results.values())

    def _has_turn(self, way: Way, number: int) -> bool:
        """Round -1 fills caches."""
        if number < 0:
            return way.caches
        return number < self.contender_rounds or not way.contender

    def _keep(
        self, results: dict[str, Ratios], way: Way, found: dict[str, float]
    ) -> None:
        for title, value in found.items():
            one = results.setdefault(title, Ratios(title, self.unit, self.condition))
            one.add(way.name, value)


def _tried(
    way: Way, once: Callable[[Way], dict[str, float]]
) -> dict[str, float] | None:
    """What it gives, or nothing if a contender fails."""
    try:
        return once(way)
    except (subprocess.SubprocessError, OSError) as error:
        if not way.contender:
            raise NotMeasuredError(reason(way, error)) from error
        print(f"  left out: {reason(way, error)}", flush=True)
        return None


def reason(way: Way, error: Exception) -> str:
    """One line: who failed, and the last line that it said."""
    said = getattr(error, "stderr", None) or b""
    text = said if isinstance(said, str) else said.decode("utf-8", "replace")
    what = str(error)
    if isinstance(error, subprocess.CalledProcessError):
        what = f"status {error.returncode}"
    if isinstance(error, subprocess.TimeoutExpired):
        what = f"no end after {error.timeout:g} s"
    lines = text.strip().splitlines() or [what]
    return f"{way.name} failed: {lines[-1][:120]}"


def printed(command: list[str]) -> dict[str, float]:
    """What a program prints as lines `TITLE NUMBER`."""
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=MOST_S
    )
    lines = [line.rpartition(" ") for line in done.stdout.splitlines()]
    return {title: float(value) for title, _, value in lines}


def timed(
    way: Way, job: list[str], env: dict[str, str] | None = None, cwd: str | None = None
) -> float:
    """Milliseconds of a command, from before its start to its end."""
    with Clock() as clock:
        subprocess.run(
            [*way.before, *job],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=MOST_S,
            env=env,
            cwd=cwd,
        )
    return clock.ms
