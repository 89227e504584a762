# SPDX-License-Identifier: GPL-2.0-or-later
"""Docker and podman in a box: what builds and runs images, without a registry."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.engines.box import eventually
from tests.engines.site import Site

PACKAGES = "docker.io docker-cli podman catatonit".split()
PATIENCE_S = 60.0
BASE = "debian:stable-slim"
# The rows of /proc/self/cgroup, mounted as on a machine that systemd has started.
CGROUPS = """
set -e
grep -q ' /sys/fs/cgroup ' /proc/mounts || mount -t tmpfs none /sys/fs/cgroup
while IFS=: read -r number names path; do
    if [ -n "$names" ]; then
        mkdir -p "/sys/fs/cgroup/$names"
        mount -t cgroup -o "$names" none "/sys/fs/cgroup/$names" || true
    fi
done < /proc/self/cgroup
[ "$(ls /sys/fs/cgroup)" ] || mount -t cgroup2 none /sys/fs/cgroup
"""
# Names of networks and users are the box's business: it has one of each.
DOCKERD = """
dockerd --iptables=false --ip6tables=false --bridge=none --data-root "$1/docker" \
    --exec-root "$1/exec" --pidfile "$1/pid" -H unix:///run/docker.sock \
    > "$1/log" 2>&1 < /dev/null &
"""


def dist(site: Site) -> Path:
    """The directory that the recipes copy from."""
    folder = site.box.place / "dist"
    if not folder.exists():
        folder.mkdir()
        shutil.copy2(site.program, folder / "interpose_run")
        site.configure(folder)
        text = (folder / "my.conf").read_text()
        key = "CVMFS_PUBLIC_KEY="
        (folder / "my.conf").write_text(text.replace(key, f"{key}/etc/interpose/"))
    return folder


class Images:
    """One of the two programs, with the base that the recipes name."""

    def __init__(self, site: Site, words: list[str]) -> None:
        self.site = site
        self._words = words

    def run(self, *words: str | Path, **how: Any) -> subprocess.CompletedProcess[str]:
        """`docker WORDS`, as root in the box."""
        return self.site.box.run(self._command(words), **how)

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        """The same, which goes on."""
        return subprocess.Popen(
            self.site.box.words(self._command(words)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _command(self, words: tuple[str | Path, ...]) -> list[str | Path]:
        # A warning of podman's about this machine's kernel.
        quiet = "PODMAN_IGNORE_CGROUPSV1_WARNING=1"
        return ["env", quiet, *self._words, *words]

    def import_base(self, tree: Path) -> None:
        """The smallest Debian becomes what the recipes start FROM."""
        packed = self.site.box.place / "base.tar"
        words = ["tar", "-C", tree, "--exclude=./var/cache/apt", "--exclude=./proc/*"]
        words += ["--exclude=./sys/*", "--exclude=./dev/*", "-cf", packed, "."]
        subprocess.run(list(map(str, words)), check=True)
        self.run("import", packed, BASE)
        packed.unlink()


@contextmanager
def docker(site: Site) -> Iterator[Images]:
    """A daemon of Docker's for as long as that."""
    place = site.box.place / "dockerd"
    place.mkdir()
    site.box.run(["sh", "-c", CGROUPS])
    site.box.run(["sh", "-c", DOCKERD, "sh", place])
    images = Images(site, ["docker"])
    eventually(
        lambda: images.run("version", check=False).returncode == 0,
        lambda: (place / "log").read_text()[-2000:],
        PATIENCE_S,
    )
    try:
        yield images
    finally:
        site.box.run(["sh", "-c", f"kill $(cat {place}/pid)"])
        eventually(lambda: not (place / "pid").exists(), lambda: "dockerd", PATIENCE_S)


@contextmanager
def podman(site: Site) -> Iterator[Images]:
    """The same without a daemon."""
    place = site.box.place / "podman"
    site.box.run(["sh", "-c", CGROUPS])
    words = ["podman", "--root", f"{place}/root", "--runroot", f"{place}/run"]
    yield Images(site, [*words, "--cgroup-manager=cgroupfs"])
