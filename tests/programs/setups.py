# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees that are used by setting up an environment: modules, EasyBuild, EUPS, conda."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.debian import PYTHON
from tests.support.places import ROOT, need_tool

STACKS = ROOT / "tests/programs/stacks"
PRODUCTS = {"base": [], "utils": ["base"], "afw": ["utils", "base"]}
NAMES, VERSIONS = 250, 4


def lmod(tree: Path, shown: str) -> None:
    """Lmod that knows its place, 1,000 modules, and some as EasyBuild makes them."""
    _relocate(tree / "usr/share/lmod", "/usr/share/lmod", shown)
    _relocate(tree / "usr/share/lmod", "/usr/bin/lua5.3", shown)
    for number in range(NAMES):
        place = tree / f"modules/app{number:03}"
        place.mkdir(parents=True)
        for version in range(VERSIONS):
            (place / f"{version}.{number}.lua").write_text(
                f'whatis("Name: app{number:03}")\n'
                f'prepend_path("PATH", "{shown}/apps/{number}/{version}/bin")\n'
                f'setenv("APP{number}_VERSION", "{version}.{number}")\n'
            )
    _stack(tree, "easybuild", shown)
    binary = tree / "easybuild/software/Foo/1.0-GCC-12/bin/foo"
    binary.parent.mkdir(parents=True)
    binary.write_text('#!/bin/sh\necho "foo of $EBROOTFOO with $EBROOTGCC"\n')
    binary.chmod(0o755)


def environment_modules(tree: Path, shown: str) -> None:
    """Environment Modules, which Debian does not install beside Lmod."""
    apt = [need_tool("apt-get", "apt"), "download", "environment-modules"]
    done = subprocess.run(apt, cwd=tree, check=False, capture_output=True, text=True)
    packages = list(tree.glob("*.deb"))
    if done.returncode != 0 or not packages:
        pytest.skip(f"environment-modules cannot be had: {done.stderr[-200:]}")
    subprocess.run([need_tool("dpkg-deb", "dpkg"), "-x", packages[0], tree], check=True)
    packages[0].unlink()
    for old in ("/usr/share/modules", "/usr/lib/", "/etc/environment-modules"):
        for place in ("usr/share/modules", "usr/lib", "etc/environment-modules"):
            _relocate(tree / place, old, shown, ".tcl" if place == "usr/lib" else "")
    for number in range(NAMES):
        place = tree / f"modules/app{number:03}"
        place.mkdir(parents=True)
        for version in range(VERSIONS):
            (place / f"{version}.{number}").write_text(
                f'#%Module1.0\nmodule-whatis "app{number:03}"\n'
                f"prepend-path PATH {shown}/apps/{number}/{version}/bin\n"
                f"setenv APP{number}_VERSION {version}.{number}\n"
            )


def lsst(tree: Path, shown: str) -> None:
    """loadLSST.sh, EUPS with products, and a conda environment."""
    for name in ("loadLSST.sh", "eups", "conda"):
        _stack(tree, name, shown)
    prefix = tree / "conda/envs/lsst"
    (prefix / "bin").mkdir()
    (prefix / "lib").mkdir()
    shutil.copy2(tree / "usr/bin" / PYTHON, prefix / "bin" / PYTHON)
    for name in ("python", "python3"):
        (prefix / "bin" / name).symlink_to(PYTHON)
    (prefix / "lib" / PYTHON).symlink_to(f"../../../../usr/lib/{PYTHON}")
    (prefix / "conda-meta").mkdir()
    for name in ("numpy", "python"):
        text = f'{{"name": "{name}", "version": "1.2"}}'
        (prefix / f"conda-meta/{name}-1.2.json").write_text(text)
    for name, needs in PRODUCTS.items():
        place = tree / "stack/Linux64" / name / "g1+a"
        (place / "ups").mkdir(parents=True)
        (place / "python").mkdir()
        (place / f"python/lsst_{name}.py").write_text("print(__name__, __file__)\n")
        table = [f"setupRequired({need})" for need in needs]
        table += [
            "setupOptional(missing)",
            "envPrepend(PYTHONPATH, ${PRODUCT_DIR}/python)",
        ]
        (place / f"ups/{name}.table").write_text("\n".join(table))
        chain = tree / "stack/ups_db" / name
        chain.mkdir(parents=True)
        (chain / "current.chain").write_text("FILE = version\n  VERSION = g1+a\n")


def _stack(tree: Path, name: str, shown: str) -> None:
    """Copy a part of stacks/, which learns its place."""
    if (STACKS / name).is_dir():
        shutil.copytree(STACKS / name, tree / name)
    else:
        shutil.copy2(STACKS / name, tree / name)
    _relocate(tree / name, "@ROOT@", shown, instead=True)


def _relocate(
    place: Path, old: str, shown: str, ending: str = "", *, instead: bool = False
) -> None:
    """Put the tree's place before a path (or instead of it) in all texts."""
    files = [place] if place.is_file() else place.rglob("*")
    for path in files:
        if not path.is_file() or path.is_symlink() or not path.name.endswith(ending):
            continue
        text = path.read_bytes()
        if old.encode() in text:
            mode = path.stat().st_mode
            new = shown if instead else shown + old
            path.write_bytes(text.replace(old.encode(), os.fsencode(new)))
            path.chmod(mode)
