# SPDX-License-Identifier: GPL-2.0-or-later
"""What `python -m build` makes passes the tests that come with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import venv
from pathlib import Path

import pytest

from tests.support import house
from tests.support.places import need_shared

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the two files; the wheel is made of the source distribution."""
    place = tmp_path_factory.mktemp("built")
    for path in house.sources(""):
        copy = place / "tree" / house.name(path)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)
    venv.create(place / "maker", with_pip=True)
    python = place / "maker/bin/python"
    call(python, "-m", "pip", "install", "-q", "build")
    call(python, "-m", "build", "-o", place / "dist", place / "tree")
    return place / "dist"


@pytest.mark.parametrize(
    ("kind", "rooms"),
    [("*.tar.gz", ["tests/unit"]), ("*.whl", ["tests/interface", "tests/native"])],
    ids=["sdist", "wheel"],
)
def test_it_installs_and_passes(
    place: Path, built: Path, kind: str, rooms: list[str]
) -> None:
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(place)
    tree = place / source.name.removesuffix(".tar.gz")
    venv.create(tree / ".venv", with_pip=True)
    python = tree / ".venv/bin/python"
    (package,) = built.glob(kind)
    call(python, "-m", "pip", "install", "-q", f"{package}[test]")
    # For tests that call make: there is nothing to build but the links in bin/.
    for name in ("built", "tools"):
        (tree / f".venv/.{name}").touch()
    call("make", "-s", "build", cwd=tree)
    # What was installed is what the tests see and import.
    where = "import interpose; print(interpose.__path__[0])"
    found = subprocess.run(
        [python, "-c", where], cwd=place, check=True, capture_output=True, text=True
    )
    shutil.rmtree(tree / "interpose")
    (tree / "interpose").symlink_to(found.stdout.strip())
    words = ["-m", "pytest", "-q", "-n", "2", "--tb=short", "-m", "not long"]
    call(python, *words, *rooms, cwd=tree)


def call(*words: str | Path, cwd: Path | None = None) -> None:
    """Fails with the end of what was printed."""
    env = {
        **os.environ,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "INTERPOSE_SHARED": str(need_shared()),
    }
    done = subprocess.run(
        list(map(str, words)),
        cwd=cwd,
        env=env,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-6000:]
