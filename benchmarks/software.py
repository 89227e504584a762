# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees of software for the rows that run programs; each is made when it is wanted.

Most are installed Debian packages with all that they need, as the tests publish them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from benchmarks.setting import NotMeasuredError, Session, Setting
from tests.programs.setups import lmod
from tests.support.debian import PYTHON, copy_packages

COMPILER = "bash binutils coreutils dash gcc libc6-dev make sed"
SCIENCE = f"python3-numpy python3-scipy python3-matplotlib {PYTHON}"
SOURCES, WORK_FILES = 24, 2000
GIT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_OPTIONAL_LOCKS": "0",
}


def need(*programs: str) -> None:
    """Errors: NotMeasuredError that names the first program which is not here."""
    for program in programs:
        if shutil.which(program) is None:
            raise NotMeasuredError(f"{program} is not installed")


def debian(session: Session, name: str, packages: str) -> Setting:
    """A tree of packages, published."""

    def make() -> Setting:
        tree = session.base.place / "trees" / name
        copied(tree, packages)
        return session.publish(name, tree)

    return session.once(name, make)


def copied(tree: Path, packages: str) -> None:
    """Installed packages as a tree, without parts of seconds in its times."""
    try:
        copy_packages(tree, packages.split())
    except pytest.skip.Exception as reason:
        raise NotMeasuredError(str(reason)) from reason
    whole_seconds(tree)


def whole_seconds(tree: Path) -> None:
    """The times that a catalog can hold."""
    for above, _, files in os.walk(tree):
        for name in files:
            path = os.path.join(above, name)
            when = int(os.lstat(path).st_mtime)
            os.utime(path, (when, when), follow_symlinks=False)


def base(session: Session) -> Setting:
    """10,000 small files and as many links."""
    return session.base


def compiler(session: Session) -> Setting:
    """A tree of gcc, make and the binutils."""
    return debian(session, "compiler", COMPILER)


def python(session: Session) -> Setting:
    """Python and its modules, numpy, scipy and matplotlib; compiled as pip does it."""

    def make() -> Setting:
        tree = session.base.place / "trees/python"
        copied(tree, SCIENCE)
        words = [PYTHON, "-m", "compileall", "-q", "-j", "0", str(tree / "usr/lib")]
        subprocess.run(words, check=False, stdout=subprocess.DEVNULL)
        return session.publish("python", tree)

    return session.once("python", make)


def modules(session: Session) -> Setting:
    """Lmod and 1,000 modules; one tree that knows it is in /cvmfs, one that is not."""

    def make() -> Setting:
        top = session.base.place / "trees"
        plain, source = top / "lmod", top / "lmod-in-cvmfs"
        for tree, shown in (
            (plain, str(plain)),
            (source, "/cvmfs/modules.example.org"),
        ):
            copied(tree, "bash coreutils dash lmod")
            lmod(tree, shown)
            whole_seconds(tree)
        return session.publish("modules", plain, source)

    return session.once("modules", make)


def repository(session: Session) -> Setting:
    """A work tree of git with 2,000 files in 200 directories."""

    def make() -> Setting:
        need("git")
        tree = session.base.place / "trees/work"
        for number in range(WORK_FILES):
            file = tree / f"src/part{number % 200:03}/file{number}.c"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"int value_{number} = {number};\n")
        whole_seconds(tree)
        script = (
            "git init -q; git config core.checkStat minimal;"
            " git config core.trustctime false; git config safe.directory '*';"
            " git add -A; git -c user.name=a -c user.email=a commit -q -m all;"
            " sleep 1.1; git update-index -q --refresh"
        )
        env = {**os.environ, **GIT, "GIT_OPTIONAL_LOCKS": "1"}
        subprocess.run(["sh", "-euc", script], cwd=tree, env=env, check=True)
        return session.publish("work", tree)

    return session.once("work", make)


def project(place: Path) -> None:
    """A C project of 24 files, each with a few functions of the C library."""
    place.mkdir()
    names = [f"part{number}" for number in range(SOURCES)]
    for number, name in enumerate(names):
        headers = "".join(
            f"#include <{one}.h>\n"
            for one in "stdio stdlib string errno fcntl unistd sys/stat".split()
        )
        body = "".join(
            f"int f{number}_{each}(const char *s, int n) {{ int t = {each};"
            " for (int i = 0; i < n; i++) t += s[i] * i;"
            ' printf("%d\\n", t); return t; }\n'
            for each in range(20)
        )
        (place / f"{name}.c").write_text(headers + body)
    (place / "main.c").write_text("int main(void) { return 0; }\n")
    objects = " ".join(f"{name}.o" for name in [*names, "main"])
    (place / "Makefile").write_text(
        f"program: {objects}\n\t$(CC) -o $@ $^\n%.o: %.c\n\t$(CC) -O1 -c -o $@ $<\n"
    )


TREES: Mapping[str, Callable[[Session], Setting]] = {
    "base": base,
    "compiler": compiler,
    "python": python,
    "modules": modules,
    "work": repository,
}
