# SPDX-License-Identifier: GPL-2.0-or-later
"""The one-file bundle in whole releases without a Python, and the packages of PyPI."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.bundle import BareRoot, made_bundle
from tests.support.places import ROOT, need_shared
from tests.support.release import make_tree
from tests.support.web import Server

FQRN = "sha1.example.org"
README = f"/cvmfs/{FQRN}/README"
SEED = {"PYTHONHASHSEED": "0", "PATH": os.environ.get("PATH", "")}
Configured = Callable[..., list[Any]]


@pytest.mark.long
@pytest.mark.parametrize("suite", ["bullseye", "bookworm", "trixie"])
def test_a_release_without_python_runs_jobs(
    place: Path, suite: str, configured: Configured, server: Server
) -> None:
    if os.geteuid() != 0:
        pytest.skip("debootstrap needs root")
    tree = place / suite
    try:
        make_tree(tree, suite)
        assert list(tree.glob("usr/bin/python*")) == []
        bare = BareRoot(tree, place / "inside", made_bundle())
        cold = bare.reads(configured(FQRN), "/bin/cat", README)
        server.forget()
        assert bare.reads(configured(FQRN), "/bin/cat", README, is_warm=True) == cold
        assert server.requests() == []
        assert bare.reads_without_a_cache(configured(FQRN), "/bin/cat", README) == cold
    finally:
        shutil.rmtree(tree, ignore_errors=True)


@pytest.mark.long
def test_the_same_input_gives_the_same_bytes(place: Path) -> None:
    made = hashlib.sha256(made_bundle().read_bytes()).hexdigest()
    words = [sys.executable, "-B", ROOT / "native/bundle/collect.py", place / "again"]
    subprocess.run(words, check=True, env=SEED, cwd=place, stdout=subprocess.DEVNULL)
    assert hashlib.sha256((place / "again").read_bytes()).hexdigest() == made


@pytest.mark.long
def test_what_build_makes_installs_and_passes_the_tests(place: Path) -> None:
    """A source distribution, and the wheel that is made from it."""

    def run(*words: object, **how: Any) -> None:
        done = subprocess.run(
            [str(word) for word in words],
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **how,
        )
        assert done.returncode == 0, f"{words}\n{done.stdout[-4000:]}"

    python = place / "home/bin/python"
    run(sys.executable, "-m", "venv", place / "home")
    run(python, "-m", "pip", "install", "-q", "build")
    files = subprocess.check_output(["git", "-C", ROOT, "ls-files"], text=True)
    for name in files.splitlines():
        (place / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, place / "tree" / name)
    run(python, "-m", "build", "-o", place / "made", place / "tree")
    (wheel,) = (place / "made").glob("*.whl")
    (source,) = (place / "made").glob("*.tar.gz")
    run(python, "-m", "pip", "install", "-q", f"{wheel}[test]")
    with tarfile.open(source) as packed:
        packed.extractall(place / "unpacked")
    (tests,) = (place / "unpacked").iterdir()
    env = {**os.environ, "INTERPOSE_SHARED": str(need_shared())}
    env["INTERPOSE_RUN"] = str(place / "home/bin/interpose_run")
    # The installed package is tested, not the folder beside the tests.
    shutil.rmtree(tests / "interpose")
    rooms = ("unit/cache", "unit/formats", "unit/repository")
    words = [f"tests/{room}" for room in rooms]
    words += [
        "tests/interface/test_launch_status.py",
        "tests/interface/test_publish.py",
    ]
    run(python, "-m", "pytest", "-q", "-n2", *words, cwd=tests, env=env)
