# SPDX-License-Identifier: GPL-2.0-or-later
"""Sees to it that the C module is there and is made of the sources that are there."""

from __future__ import annotations

import fcntl
import importlib.machinery
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.places import Repositories

ROOT = Path(__file__).resolve().parents[2]
NATIVE = ROOT / "native"


def _is_current() -> bool:
    suffixes = importlib.machinery.EXTENSION_SUFFIXES
    built = [ROOT / "interpose" / f"_native{suffix}" for suffix in suffixes]
    found = next((path for path in built if path.exists()), None)
    if found is None:
        return False
    sources = [*NATIVE.glob("*.[ch]"), *NATIVE.glob("index/*"), *NATIVE.glob("path/*")]
    newest = max(path.stat().st_mtime for path in sources)
    return found.stat().st_mtime >= newest


def _build() -> None:
    """Workers of pytest-xdist build once."""
    with (NATIVE / "build_ffi.py").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_current():
            command = [sys.executable, str(NATIVE / "build_ffi.py")]
            subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


# Before test modules are imported, because they import the module.
_build()

from tests.native.walking import Walker, make_tree, needs_x86_64, walk_driver  # noqa: E402


@pytest.fixture(scope="session")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Repositories:
    """The shared repositories, or a skip."""
    return Repositories(tmp_path_factory.mktemp("docroot"))


@pytest.fixture(
    scope="session", params=["sanitized", pytest.param("stub", marks=needs_x86_64)]
)
def walker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Walker:
    """The path walk as a program, over a tree of its own."""
    place = tmp_path_factory.mktemp("walk")
    make_tree(place)
    return Walker(walk_driver(place, request.param == "stub"), place)
