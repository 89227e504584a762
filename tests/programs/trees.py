# SPDX-License-Identifier: GPL-2.0-or-later
"""The trees of software of this room, by name."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import zipfile
from pathlib import Path

from tests.programs import languages, runtimes, setups
from tests.support.debian import PYTHON
from tests.support.places import need_tool
from tests.support.software import Tree

GIT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_AUTHOR_DATE": "1600000000 +0000",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_COMMITTER_DATE": "1600000000 +0000",
}


def _base(tree: Path, shown: str) -> None:
    """What the small tools work on."""
    _data(tree / "data", shown)
    _history(tree)
    _databases(tree / "db")


def _data(data: Path, shown: str) -> None:
    for number in range(60):
        place = data / f"part_{number % 6}" / f"{number % 4}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"file {number}.txt").write_text(f"line {number}\n" * (number * 9))
    (data / "empty").mkdir()
    (data / "run.sh").write_text('#!/bin/sh\necho "$0: $*"\n')
    (data / "run.sh").chmod(0o755)
    os.link(data / "run.sh", data / "again.sh")
    links = {
        "relative": "part_1/1",
        "absolute": f"{shown}/data/part_2",
        "out": "/etc/hostname",
        "dangling": "nowhere",
        "deep": "relative/../../part_3/../relative",
    }
    for name, target in links.items():
        (data / name).symlink_to(target)
    words = ["sh", "-c", "find . -type f -print0 | sort -z | xargs -0 sha256sum"]
    done = subprocess.run(words, cwd=data, check=True, capture_output=True)
    (data.parent / "sums").write_bytes(done.stdout)
    tar = [need_tool("tar"), "-C", data.parent, "-czf", data.parent / "data.tar.gz"]
    subprocess.run([*tar, "data"], check=True)


def _history(tree: Path) -> None:
    """A repository with a working tree, and a bare one."""
    work = tree / "repository"
    work.mkdir()
    script = """
    git init -q -b main .
    for i in 1 2 3 4 5; do
        mkdir -p dir_$i; echo "text $i" > dir_$i/file; ln -s ../dir_1/file dir_$i/link
        printf '#!/bin/sh\\necho %s\\n' $i > run; chmod +x run
        git add -A; git commit -q -m "change $i"
    done
    git tag -a -m first v1 HEAD~2
    git branch side HEAD~3
    git gc -q
    echo changed > dir_2/file; echo new > untracked; rm dir_3/file
    git clone -q --bare . ../repository.git
    """
    environment = {**os.environ, **GIT}
    subprocess.run(["sh", "-euc", script], cwd=work, env=environment, check=True)


def _databases(place: Path) -> None:
    place.mkdir()
    for name, mode in (("plain.db", "delete"), ("log.db", "wal")):
        with sqlite3.connect(place / name) as made:
            made.execute(f"pragma journal_mode={mode}")
            made.execute("create table runs (number integer primary key, name text)")
            rows = [(number, f"run {number}") for number in range(500)]
            made.executemany("insert into runs values (?, ?)", rows)
        made.close()


def _project(tree: Path, shown: str) -> None:
    """A project of C and C++ for make and cmake."""
    project = tree / "project"
    project.mkdir()
    for name, text in PROJECT.items():
        (project / name).write_text(text.lstrip())


PROJECT = {
    "part.h": """
#define GLUE(a, b) a##b
#define NAMED(number) GLUE(part_, number)
int part_1(void), part_2(void), part_3(void), part_4(void), part_5(void), part_6(void);
int words(const char *text);
""",
    "part.c": """
#include <stdio.h>
#include "part.h"
#ifndef NUMBER
#define NUMBER 0
#endif
int NAMED(NUMBER)(void) { return NUMBER; }
#ifdef ALONE
int main(void) { return printf("alone %d\\n", NAMED(NUMBER)()) < 0; }
#endif
""",
    "main.c": """
#include <stdio.h>
#include "part.h"
int main(void) {
    printf("all: %d\\n", part_1() + part_2() + part_3() + part_4() + part_5() + part_6());
    return words("a few words") < 0;
}
""",
    "words.cc": """
#include <iostream>
#include <map>
#include <regex>
#include <string>
extern "C" int words(const char *text) {
    std::map<std::string, int> found;
    const std::string all(text);
    const std::regex word("[a-z]+");
    for (std::sregex_iterator at(all.begin(), all.end(), word), end; at != end; ++at)
        found[at->str()]++;
    std::cout << "count " << found.size() << "\\n";
    return int(found.size());
}
""",
    "CMakeLists.txt": """
cmake_minimum_required(VERSION 3.13)
project(parts C CXX)
include(CTest)
find_package(Threads REQUIRED)
foreach(number 1 2 3 4 5 6)
  add_library(part_${number} STATIC part.c)
  target_compile_definitions(part_${number} PRIVATE NUMBER=${number})
  list(APPEND parts part_${number})
endforeach()
add_executable(program main.c words.cc)
target_link_libraries(program ${parts} Threads::Threads)
install(TARGETS program RUNTIME DESTINATION bin)
add_test(NAME runs COMMAND program)
""",
    "script.cmake": """
file(GLOB all RELATIVE "$ENV{R}/project" "$ENV{R}/project/*.c")
list(SORT all)
message("script ${all}")
""",
}


def _python(tree: Path, shown: str) -> None:
    """Compiled modules, a wheel, an archive and a table."""
    library = tree / "usr/lib" / PYTHON
    words = [need_tool(PYTHON), "-m", "compileall", "-q", "-s", tree, "-p", "/"]
    words[-1] = shown
    names = ("json", "encodings", "collections", "multiprocessing", "unittest")
    # What each process of the suite's tests of multiprocessing imports.
    names += ("test/support", "test/_test_multiprocessing.py")
    parts = [library / name for name in names]
    subprocess.run([*words, "-r", "0", *library.glob("*.py"), *parts], check=True)
    (tree / "wheels").mkdir()
    name = "small-1.0.dist-info"
    with zipfile.ZipFile(tree / "wheels/small-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("small/__init__.py", "")
        wheel.writestr("small/__main__.py", SMALL)
        wheel.writestr(
            f"{name}/METADATA", "Metadata-Version: 2.1\nName: small\nVersion: 1.0\n"
        )
        wheel.writestr(
            f"{name}/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr(
            f"{name}/entry_points.txt",
            "[console_scripts]\nsmall = small.__main__:main\n",
        )
        wheel.writestr(f"{name}/RECORD", "")
    with zipfile.ZipFile(tree / "archive.zip", "w") as archive:
        archive.writestr("packed/__init__.py", "")
        archive.writestr("packed/part.py", "VALUE = 7\n")
        archive.writestr("packed/data.txt", "text\n")
    (tree / "table.txt").write_text("1 2 3\n4 5 6\n")


SMALL = """
import sys
def main():
    print("small says", *sys.argv[1:], __file__)
if __name__ == "__main__":
    main()
"""

TREES = {
    "base": Tree(
        "bash coreutils dash findutils git grep gzip make openssh-client rsync sed"
        " sqlite3 tar tmux",
        _base,
    ),
    "sshd": Tree("bash coreutils dash openssh-client openssh-server"),
    "compilers": Tree("bash cmake coreutils dash g++ grep make sed", _project),
    "lmod": Tree("bash coreutils dash lmod", setups.lmod),
    "envmodules": Tree("bash coreutils dash tcl", setups.environment_modules),
    "lsst": Tree(f"bash coreutils dash grep {PYTHON}", setups.lsst),
    "node": Tree("bash coreutils nodejs", runtimes.node),
    "java": Tree("coreutils default-jdk-headless", runtimes.java),
    "go": Tree("coreutils golang-go", runtimes.go),
    "rust": Tree("coreutils rustc", runtimes.rust),
    "mpi": Tree("coreutils openmpi-bin", runtimes.mpi),
    "shells": Tree("coreutils tcsh zsh", languages.shells),
    "fortran": Tree("ccache coreutils gfortran grep ninja-build", languages.fortran),
    "ruby": Tree("coreutils ruby", languages.ruby),
    "r": Tree("coreutils r-base-core", languages.r),
    "php": Tree("coreutils dash php-cli", languages.php),
    "valgrind": Tree("coreutils valgrind", languages.valgrind),
    "octave": Tree("coreutils dash octave", languages.octave),
    "terminals": Tree(
        "bash coreutils dash expect fakeroot parallel screen tar", languages.terminals
    ),
    "hdf5": Tree(f"hdf5-tools python3-h5py {PYTHON}", languages.hdf5),
    "science": Tree(f"python3-scipy python3-matplotlib {PYTHON}"),
    "python": Tree(
        f"lib{PYTHON}-testsuite python3-numpy {PYTHON} {PYTHON}-venv", _python
    ),
}
