# SPDX-License-Identifier: GPL-2.0-or-later
"""The images of examples/: what their recipes copy and set, in a container of our own.

Nothing here has a registry: the base is this machine's /usr.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import ROOT, Repositories, need_container, need_tool
from tests.support.web import Server

FQRN = "sha1.example.org"
NAMED = "my.example.org.pub"
Configured = Callable[..., list[Any]]
Recipe = tuple[dict[str, str], dict[str, str], str]


def dockerfile() -> Recipe:
    """Copied files by their place in the image, environment, and what starts a job."""
    text = (ROOT / "examples/Dockerfile").read_text(encoding="utf-8")
    copied = {}
    for line in re.findall(r"(?m)^COPY (.*)$", text):
        *sources, target = line.split()
        for one in sources:
            copied[target + one if target.endswith("/") else target] = one
    environment = dict(re.findall(r"(?m)^ENV (\w+)=(\S+)$", text))
    (start,) = re.findall(r"docker run -it \S+ (\S+) ls", text)
    return copied, environment, start


def definition() -> Recipe:
    """The same of the apptainer definition."""
    text = (ROOT / "examples/apptainer.def").read_text(encoding="utf-8")
    sections = dict(re.findall(r"(?ms)^%(\w+)\n(.*?)(?=^%|\Z)", text))
    rows = [line.split() for line in sections["files"].split("\n") if line.strip()]
    copied = {target: source for source, target in rows}
    environment = dict(re.findall(r"export (\w+)=(\S+)", sections["environment"]))
    (start,) = re.findall(r'exec (\S+) "\$@"', sections["runscript"])
    return copied, environment, start


def dist(folder: Path, program: Path, server: Server, key: Path) -> None:
    """The directory that both recipes copy from."""
    folder.mkdir()
    shutil.copy2(program, folder / "interpose_run")
    shutil.copy2(key, folder / NAMED)
    (folder / "my.conf").write_text(
        f"CVMFS_SERVER_URL={server.url}/cvmfs/@fqrn@\n"
        f"CVMFS_PUBLIC_KEY=/etc/interpose/{NAMED}\nCVMFS_HTTP_PROXY=DIRECT\n"
    )


def enter(root: Path, environment: dict[str, str]) -> list[str]:
    """Words that run a command in the image, as a user without a name."""
    words = [
        need_tool("bwrap", "bubblewrap"),
        "--tmpfs",
        "/",
        "--ro-bind",
        "/usr",
        "/usr",
    ]
    for name in ("bin", "lib", "lib64"):
        words += ["--symlink", f"usr/{name}", f"/{name}"]
    for path in sorted(root.rglob("*")):
        if path.is_file():
            words += ["--ro-bind", str(path), f"/{path.relative_to(root)}"]
    words += [
        "--dev",
        "/dev",
        "--proc",
        "/proc",
        "--tmpfs",
        "/tmp",
        "--remount-ro",
        "/",
    ]
    words += ["--unshare-user", "--unshare-pid", "--as-pid-1", "--uid", "4711"]
    words += ["--clearenv", "--setenv", "PATH", "/usr/bin", "--setenv", "HOME", "/"]
    for name, value in environment.items():
        words += ["--setenv", name, value]
    return [*words, "--"]


@pytest.mark.parametrize("recipe", [dockerfile, definition])
def test_an_image_of_the_examples_sees_cvmfs(
    place: Path,
    repositories: Repositories,
    server: Server,
    interpose_run: Path,
    recipe: Callable[[], Recipe],
) -> None:
    repositories.need(FQRN)
    copied, environment, start = recipe()
    dist(place / "dist", interpose_run, server, repositories.key(FQRN))
    for target, source in copied.items():
        there = place / "root" / target.lstrip("/")
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(place / "dist" / source, there)
    words = enter(place / "root", environment)
    need_container(*words)
    command = [*words, start, "ls", "-lad", f"/cvmfs/{FQRN}"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(rf"dr.xr-xr-x .* /cvmfs/{FQRN}\n", done.stdout), done.stdout
    (notice,) = done.stderr.splitlines()
    assert notice.startswith("interpose: no cache directory can be written")


def test_both_images_are_the_same() -> None:
    assert dockerfile() == definition()
