# SPDX-License-Identifier: GPL-2.0-or-later
"""Real software from repositories of our own: gcc, CPython with numpy."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.places import need_tool
from tests.support.published import Publisher
from tests.support.run import Runner
from tests.support.turns import turns
from tests.support.web import Server

Serve = Callable[[Path], Server]
HELLO = '#include <stdio.h>\nint main(void) { return puts("hello, world") < 0; }\n'


def gcc_tree(tree: Path) -> str:
    """A relocated gcc: driver, compiler proper and its own files; gives its path."""
    driver = Path(need_tool("gcc")).resolve()
    probe = [str(driver), "-print-prog-name=cc1"]
    done = subprocess.run(probe, check=True, capture_output=True, text=True)
    proper = Path(done.stdout.strip()).resolve()
    if not proper.is_file() or not str(proper).startswith("/usr/lib/gcc/"):
        pytest.skip(f"this gcc keeps its compiler proper elsewhere: {proper}")
    target = tree / "usr/bin/gcc"
    target.parent.mkdir(parents=True)
    shutil.copy(driver, target)
    home = proper.parent
    own = tree / str(home).lstrip("/")
    own.mkdir(parents=True)
    for name in ("cc1", "collect2", "liblto_plugin.so", "lto-wrapper"):
        if (home / name).exists():
            shutil.copy(home / name, own / name)
    for pattern in ("*.o", "libgcc*", "include"):
        for item in home.glob(pattern):
            if item.is_dir():
                shutil.copytree(item, own / item.name)
            else:
                shutil.copy(item, own / item.name)
    return "usr/bin/gcc"


def test_gcc_from_cvmfs_compiles_hello_world(
    run: Runner, serve: Serve, place: Path
) -> None:
    fqrn = "gcc.example.org"
    tree = place / "tree"
    driver = gcc_tree(tree)
    (tree / "hello.c").write_text(HELLO)
    made = Publisher(place)
    made.publish(tree, fqrn)
    server = serve(made.storage)
    options = made.options(fqrn, server.url)
    out = place / "hello"
    root = f"/cvmfs/{fqrn}"
    command = (f"{root}/{driver}", "-O2", "-o", out, f"{root}/hello.c")
    made_first = b""
    for more in turns(server):
        run(*command, options=[*options, *more]).ok()
        made_first = made_first or out.read_bytes()
        assert out.read_bytes() == made_first
        out.unlink()
    out.write_bytes(made_first)
    out.chmod(0o755)
    done = subprocess.run([out], check=True, capture_output=True)
    assert done.stdout == b"hello, world\n"
    which = run(f"{root}/{driver}", "-print-prog-name=cc1", options=options).ok()
    assert f"{root}/" in which.text


@pytest.fixture(scope="session")
def numpy_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with numpy, or a skip where none can be had."""
    place = tmp_path_factory.mktemp("numpy") / "venv"
    base = Path(sys.base_prefix) / "bin/python3"
    subprocess.run([base, "-m", "venv", place], check=True)
    command = [place / "bin/pip", "install", "-q", "numpy"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"numpy cannot be installed: {done.stderr[-300:]}")
    return place


IMPORT = (
    "import numpy, sys\n"
    "assert sys.prefix.startswith('/cvmfs/'), sys.prefix\n"
    "assert numpy.__file__.startswith('/cvmfs/'), numpy.__file__\n"
    "print(float((numpy.arange(10.0) @ numpy.ones(10))))\n"
)


def test_a_virtual_environment_in_cvmfs_imports_numpy(
    run: Runner, serve: Serve, place: Path, numpy_environment: Path
) -> None:
    fqrn = "venv.example.org"
    made = Publisher(place)
    made.publish(numpy_environment, fqrn)
    server = serve(made.storage)
    options = made.options(fqrn, server.url)
    command = (f"/cvmfs/{fqrn}/bin/python", "-B", "-c", IMPORT)
    for more in turns(server):
        assert run(*command, options=[*options, *more]).ok().text == "45.0\n"
