# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine of its own for an engine's daemons: a tree, namespaces, loopback only.

The end of its process 1 ends all daemons and jobs, and unmounts all.
"""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.places import need_tool
from tests.support.release import make_tree
from tests.support.run import LEAVE_S
from tests.support.web import RUNNING

# A directory in which trees stay for the next session (four minutes each).
KEPT = "INTERPOSE_TREES"
USER = 4801
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
# The tree below a layer of the box's own, which takes all that is written. A second
# address, because Slurm and Grid Engine resolve names with AI_ADDRCONFIG. No chroot: in
# one nobody may make a user name space.
START = """
set -e
tree=$1; place=$2; root=$place/root
hostname engine; ip link set lo up; ip addr add 10.99.0.1/32 dev lo
mkdir "$root" "$place/layer"
mount -t tmpfs none "$place/layer"; mkdir "$place/layer/upper" "$place/layer/work"
mount -t overlay none -o \
    "lowerdir=$tree,upperdir=$place/layer/upper,workdir=$place/layer/work" "$root"
mount -t proc proc "$root/proc"; mount -t sysfs sysfs "$root/sys"
mount --rbind /dev "$root/dev"; mount -t tmpfs -o mode=1777 none "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 none "$root/dev/pts"
mount --bind "$root/dev/pts/ptmx" "$root/dev/ptmx" || true
mount -t tmpfs -o mode=755 none "$root/run"
mkdir -p "$root$place"; mount --bind "$place" "$root$place"
printf '127.0.0.1 localhost\\n10.99.0.1 engine\\n' > "$root/etc/hosts"
cd "$root"
pivot_root . .; umount -l .; cd /
exec /usr/bin/env -i "PATH=$3" /bin/bash -c \
    'trap "exit 0" TERM; echo ready; while :; do sleep 3600 & wait $!; done'
"""
ENTER = """
set -e
mount -t proc proc "$0/proc"; mount --rbind /dev "$0/dev"; mount --rbind /sys "$0/sys"
cp /etc/resolv.conf "$0/etc/resolv.conf"
exec chroot "$0" /usr/bin/env -i "PATH=$1" HOME=/root LC_ALL=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive sh -c "$2"
"""


def need_tree(
    suite: str, packages: Sequence[str], folder: Path, name: str = ""
) -> Path:
    """A tree of `suite` with these packages, made once for all workers; else skip.

    `name` tells trees of one suite apart.
    """
    if os.geteuid() != 0:
        # debootstrap, chroot and the daemons' own users are root's business.
        pytest.skip("the engine runs in a Debian tree, which only root can make")
    need_tool("ip", "iproute2")
    folder.mkdir(exist_ok=True)
    tree = folder / (name or suite)
    with tree.with_name(f"{tree.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = tree.with_name(f"{tree.name}.done")
        if not done.exists():
            _make(tree, suite, packages)
            done.touch()
    return tree


def _make(tree: Path, suite: str, packages: Sequence[str]) -> None:
    make_tree(tree, suite)
    policy = tree / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    names = " ".join(packages)
    # The one thing that is not ours to have: an archive that can be reached.
    fetch = f"apt-get install -y -q --no-install-recommends --download-only {names}"
    fetched = _inside(tree, fetch)
    if fetched.returncode != 0:
        pytest.skip(f"{suite} has no {names} for this machine: {_end(fetched)}")
    # Some packages only want to start what cannot be started here.
    install = f"apt-get install -y -q --no-install-recommends {names}"
    done = _inside(tree, f"{install} || dpkg-query -W {names}")
    assert done.returncode == 0, _end(done)


def _inside(tree: Path, script: str) -> subprocess.CompletedProcess[str]:
    words = ["unshare", "-m", "--propagation", "private", "sh", "-c", ENTER]
    return subprocess.run(
        [*words, tree, PATH, script], check=False, capture_output=True, text=True
    )


def _end(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout[-500:] + done.stderr[-500:]


class Box:
    """`run(...)` in it, as root or as another user; USER's home is `home`."""

    def __init__(self, tree: Path, place: Path) -> None:
        self.place = place
        self.home = place / "home"
        words = ["unshare", "-m", "-u", "-i", "-p", "-n", "-f", "--kill-child"]
        words += ["--propagation", "private", "sh", "-c", START, "sh"]
        self._outer = subprocess.Popen(
            [*words, tree, place, PATH], stdout=subprocess.PIPE, text=True
        )
        RUNNING.add(self._outer.pid)
        assert self._outer.stdout is not None
        if self._outer.stdout.readline() != "ready\n":
            self.stop()
            pytest.fail("the box does not start")
        (self._first,) = psutil.Process(self._outer.pid).children()
        RUNNING.add(self._first.pid)
        self._namespace = os.readlink(f"/proc/{self._first.pid}/ns/pid")
        self.home.mkdir()
        os.chown(self.home, USER, USER)
        add = ["useradd", "-M", "-u", str(USER), "-d", str(self.home), "-s", "/bin/sh"]
        self.run([*add, "alice"])

    def stop(self) -> None:
        """End all that runs in it."""
        for child in psutil.Process(self._outer.pid).children():
            child.kill()
        self._outer.kill()
        self._outer.communicate()
        RUNNING.discard(self._outer.pid)

    @property
    def network(self) -> list[str]:
        """Words that run a program of the machine in the box's network."""
        return ["nsenter", f"--net=/proc/{self._first.pid}/ns/net", "--"]

    def words(
        self,
        command: Sequence[str | Path],
        uid: int = 0,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> list[str]:
        """The command line that runs it there, with nothing but `env` of ours."""
        words = ["nsenter", "-t", str(self._first.pid), "-m", "-u", "-i", "-p", "-n"]
        words += ["-r", "-w", "env", "-i", f"PATH={PATH}", "LC_ALL=C.UTF-8"]
        words += [f"HOME={self.home if uid == USER else '/root'}"]
        words += [f"{name}={value}" for name, value in (env or {}).items()]
        if uid:
            words += ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
        at = cwd or (self.home if uid == USER else Path("/"))
        words += ["sh", "-c", f'cd {at} && exec "$@"', "sh"]
        return [*words, *map(str, command)]

    def run(
        self, command: Sequence[str | Path], check: bool = True, **how: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end, which has to be a good one."""
        done = subprocess.run(
            self.words(command, **how),
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
        )
        if check:
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done

    def ours(self) -> list[str]:
        """Command lines of interpose's processes there."""
        found = []
        for one in psutil.process_iter():
            try:
                if os.readlink(f"/proc/{one.pid}/ns/pid") != self._namespace:
                    continue
                words = " ".join(one.cmdline())
            except (OSError, psutil.Error):
                continue
            if "interpose_run" in words or "interpose.resolver" in words:
                found.append(words)
        return found

    def nothing_left(self) -> None:
        """Fail if a process or a scratch of ours outlives the jobs."""
        eventually(lambda: self.ours() == [], lambda: str(self.ours()))
        for name in ("tmp", "var/tmp", "dev/shm"):
            place = Path(f"/proc/{self._first.pid}/root", name)
            left = [path.name for path in place.iterdir() if "interpose" in path.name]
            assert [one for one in left if one != self.place.name] == []


def eventually(
    holds: Callable[[], Any], say: Callable[[], str], patience_s: float = LEAVE_S
) -> Any:
    """Wait until it holds; fail with what `say` tells then."""
    deadline = time.monotonic() + patience_s
    while not (found := holds()):
        if time.monotonic() > deadline:
            pytest.fail(say())
        select.select([], [], [], 0.05)
    return found


def once(words: list[str]) -> list[str]:
    """Repeats next to each other are one: an engine signals the group and each process.

    Whether a process's two copies merge is a race, without us as well
    (docs/decisions/0002-signals-reach-the-job-once.md).
    """
    return [one for n, one in enumerate(words) if n == 0 or words[n - 1] != one]


def fresh(folder: Path) -> Path:
    """An empty directory that the user owns."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.chown(folder, USER, USER)
    return folder
