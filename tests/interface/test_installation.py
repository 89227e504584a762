# SPDX-License-Identifier: GPL-2.0-or-later
"""`interpose` where the caller's Python is another one, and how it finds its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from interpose import __version__
from tests.support import manual
from tests.support.places import ROOT, program

SAYS = f"interpose {__version__}\n"


def version(command: Path, place: Path, **env: str) -> str:
    """What `--version` prints in the directory `place`."""
    ended = subprocess.run(
        [command, "--version"],
        cwd=place,
        env={"PATH": "/usr/bin:/bin", **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


@pytest.mark.parametrize(
    "name", ["PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "LD_PRELOAD", "NOTHING"]
)
def test_the_callers_python_decides_nothing(place: Path, name: str) -> None:
    for module in ("interpose", "json", "sitecustomize", "encodings"):
        (place / f"{module}.py").write_text("raise SystemExit('the wrong one')\n")
    assert version(program("interpose"), place, **{name: str(place)}) == SAYS


def test_a_link_from_anywhere_leads_to_the_installation(place: Path) -> None:
    (place / "interpose").symlink_to(program("interpose"))
    assert version(place / "interpose", place) == SAYS


def test_make_build_links_the_commands_and_nothing_else() -> None:
    if program("interpose").parent != ROOT / ".venv/bin":
        pytest.skip("another program is tested than the one of make build")
    names = sorted(os.listdir(ROOT / "bin"))
    assert names == ["interpose", "interpose_parrot_run", "interpose_run"]
    for name in names:
        assert (ROOT / "bin" / name).resolve() == (ROOT / ".venv/bin" / name).resolve()


def test_without_a_python_beside_it_the_script_names_one(place: Path) -> None:
    shutil.copy2(program("interpose"), place)
    command = place / "interpose"
    ended = subprocess.run([command], capture_output=True, text=True, check=False)
    assert ended.returncode == 125
    assert "interpose-python" in ended.stderr
    (place / "interpose-python").write_text(f"#!{sys.executable}\n")
    assert version(command, place) == SAYS


@pytest.mark.long
def test_a_wheel_installs_the_commands_into_a_virtual_environment(place: Path) -> None:
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    wheel = ["wheel", "--no-deps", "--no-build-isolation", "-w", place / "wheels", ROOT]
    subprocess.run(list(map(str, [*pip, *wheel])), check=True, cwd=place)
    (built,) = (place / "wheels").iterdir()
    home = place / "home"
    venv.create(home, with_pip=True)
    words = [home / "bin/python", "-m", "pip", "install", "-q", "--no-deps", built]
    subprocess.run(list(map(str, words)), check=True, cwd=place)
    assert version(home / "bin/interpose", place, PYTHONHOME="/nowhere") == SAYS
    ended = subprocess.run([home / "bin/interpose_run", "--version"], check=True)
    assert ended.returncode == 0
    for name in manual.files():
        assert (home / "share" / name).read_bytes() == (
            ROOT / "docs/share" / name
        ).read_bytes()
