# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of /cvmfs that the stub answers: as the tracer does, and without a stop."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fast import NEEDS_STUB, PYTHON, Options, fast, figures, same, traced
from tests.support.fasttree import (
    LOOK,
    MORE_NAMES,
    NAMES,
    TOP,
    made_options,
    publish,
)
from tests.support.keeper import own_directory
from tests.support.published import Publisher
from tests.support.run import Runner

GLIBC = tuple(map(int, re.findall(r"\d+", platform.libc_ver()[1])))

pytestmark = NEEDS_STUB


@pytest.fixture(scope="module")
def publisher() -> Iterator[Publisher]:
    with own_directory("interpose-fast-") as top:
        yield publish(top)


@pytest.fixture
def options(publisher: Publisher) -> Options:
    return made_options(publisher)


# Each makes the calls `count` times and prints what came of each once.
KINDS = {
    "stat": 'os.stat(TOP + "/dir/nested/inner/g")',
    "lstat": 'os.lstat(TOP + "/across")',
    "directory": 'os.stat(TOP + "/dir/nested")',
    "root": "os.stat(TOP)",
    "missing": 'told(os.stat, TOP + "/dir/nested/nobody")',
    "not a directory": 'told(os.stat, TOP + "/README/x")',
    "open missing": 'told(os.open, TOP + "/dir/nowhere", 0)',
    "open below a file": 'told(os.open, TOP + "/README/x", 0)',
    "cwd": 'os.stat("inner/g")',
    "cwd above": 'os.stat("../plain/p")',
    "cwd itself": 'os.stat(".")',
    "cwd missing": 'told(os.stat, "nobody")',
    "descriptor": 'os.stat("inner/g", dir_fd=fd)',
    "descriptor above": 'os.stat("../plain", dir_fd=fd)',
    "descriptor missing": 'told(os.stat, "nobody", dir_fd=fd)',
    "descriptor open missing": 'told(os.open, "nobody", 0, dir_fd=fd)',
    "fstat": "os.fstat(fd)",
    "fstat of few": 'statx("", fd, 0x1000, 0x100)',
    "own directory": "os.getcwd()",
    "attribute": 'told(os.getxattr, TOP + "/README", "security.selinux")',
    "attribute by a link": 'told(os.getxattr, TOP + "/across", "system.x")',
    "attributes": 'os.listxattr(TOP + "/dir/nested")',
    "attribute missing": 'told(os.listxattr, TOP + "/nobody")',
    "readlink": 'os.readlink(TOP + "/across")',
    "readlink of none": 'told(os.readlink, TOP + "/README")',
    "readlink at": 'os.readlink("absolute", dir_fd=fd)',
    "access": '[os.access(TOP + "/dir/nested/exe", mode) for mode in range(8)]',
    "access at": 'os.access("exe", os.X_OK, dir_fd=fd)',
    "statx": '[statx(TOP + "/README", -100, *way) for way in WAYS[:7]]',
    "statx at": '[statx("f", fd, *way) for way in WAYS[:7]]',
    "statx itself": 'statx("", fd, 0x1000, 0xfff)',
    "absolute link": 'os.stat(TOP + "/dir/nested/absolute")',
    "link with dots": 'os.stat(TOP + "/across")',
    "link out and in": 'os.stat(TOP + "/above/f")',
    "link beside": 'os.stat(TOP + "/around")',
    "chain": 'os.stat(TOP + "/chain39")',
    "far chain": 'os.stat(TOP + "/far39")',
    "too many": 'told(os.stat, TOP + "/chain40")',
    "too far": 'told(os.stat, TOP + "/far40")',
    "loop": 'told(os.stat, TOP + "/loop")',
    "dangling": 'told(os.stat, TOP + "/dangling")',
}
COUNTING = (
    LOOK
    + f"""
TOP = "{TOP}"
fd = os.open(TOP + "/dir/nested", os.O_RDONLY)
os.chdir(TOP + "/dir/nested/")
os.stat(TOP + "/dir/nested/inner/g")
call = compile(sys.argv[2], "call", "eval")
results = [eval(call) for _ in range(int(sys.argv[1]))]
assert all(result == results[0] for result in results[1:])
print(fields(results[0]) if isinstance(results[0], os.stat_result) else results[0])
"""
)


@pytest.mark.parametrize("kind", KINDS)
def test_more_calls_cost_no_stop_more(run: Runner, options: Options, kind: str) -> None:
    few, many = (
        fast(run, *PYTHON, COUNTING, count, KINDS[kind], options=options).ok()
        for count in ("50", "500")
    )
    expected = traced(run, *PYTHON, COUNTING, "50", KINDS[kind], options=options)
    assert few.text == many.text == expected.text
    if kind == "access at" and GLIBC >= (2, 41):
        return  # its faccessat() has the number long before its call, and stops
    assert figures(many)[0] - figures(few)[0] < 20
    assert figures(many)[1] - figures(few)[1] >= 450


ALL_NAMES = (
    LOOK
    + f"""
if sys.argv[1] == "drop":
    os.stat("{TOP}/README"), os.stat("{TOP}/README")
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
names = sys.stdin.buffer.read().decode().split("\\0")
fd = os.open("{TOP}", os.O_RDONLY)
nested = os.open("{TOP}/dir/nested", os.O_PATH)
for _ in range(2):
    for name in names:
        for line in look("{TOP}/" + name): print(name[:300], *line)
        for line in look(name, fd): print("at", name[:300], *line)
        for line in look("../../" + name, nested): print("up", name[:300], *line)
    os.chdir("{TOP}")
    for name in names:
        for line in look(name): print("cwd", name[:300], *line)
    os.chdir("/")
"""
)
VIEWS = {
    "as it is": ["CVMFS_CLAIM_OWNERSHIP=no", "CVMFS_CHECK_PERMISSIONS=no"],
    "checked": ["CVMFS_CLAIM_OWNERSHIP=no", "CVMFS_CHECK_PERMISSIONS=yes"],
    "claimed": ["CVMFS_CLAIM_OWNERSHIP=yes", "CVMFS_CHECK_PERMISSIONS=yes"],
    "readable": ["CVMFS_WORLD_READABLE=yes", "CVMFS_CHECK_PERMISSIONS=yes"],
}


@pytest.mark.parametrize("who", ["same", "1000", "65534", "drop"])
@pytest.mark.parametrize("view", VIEWS)
def test_every_name_is_as_the_tracer_has_it(
    run: Runner, publisher: Publisher, view: str, who: str
) -> None:
    if who != "same" and os.geteuid() != 0:
        pytest.skip("only root is somebody else")
    how: dict[str, Any] = {"stdin": "\0".join((*NAMES, *MORE_NAMES)).encode()}
    if who.isdigit():
        os.chown(run.place, int(who), int(who))
        how["uid"] = int(who)
    options = made_options(publisher, *VIEWS[view])
    same(run, *PYTHON, ALL_NAMES, who, options=options, **how)


@pytest.mark.parametrize(
    "value", ["README", "nothing", "dir/nested/f", "../../etc/passwd"]
)
def test_links_with_variables_are_the_tracers(
    run: Runner, options: Options, value: str
) -> None:
    names = b"variant\0variant/\0variant/x"
    env = {**run.environment(), "FAST_NAME": value}
    how: dict[str, Any] = {"options": options, "stdin": names, "env": env}
    assert value in same(run, *PYTHON, ALL_NAMES, "env", **how).text


@pytest.mark.parametrize("user", ["uid", "gid"])
def test_owners_that_are_mapped_are_shown_so(
    run: Runner, publisher: Publisher, place: Path, user: str
) -> None:
    owners = place / "map"
    owners.write_text("0 4321\n1234 77\n* 99\n")
    more = [f"CVMFS_{user.upper()}_MAP={owners}", "CVMFS_CLAIM_OWNERSHIP=no"]
    names = b"README\0rights/d755/link\0dir/nested"
    options = made_options(publisher, *more)
    result = same(run, *PYTHON, ALL_NAMES, "map", options=options, stdin=names)
    assert f"'st_{user}', {4321 if os.geteuid() == 0 else 99}" in result.text


NATIVE = (
    LOOK
    + """
import stat
names = sys.stdin.buffer.read().decode().split("\\0")
top = sys.argv[1]
def kind(st):
    if isinstance(st, str):
        return st
    return oct(st.st_mode), st.st_size if not stat.S_ISDIR(st.st_mode) else 0
for name in names:
    for function in (os.stat, os.lstat):
        print(name[:300], kind(told(function, top + "/" + name)))
    print(name[:300], told(os.readlink, top + "/" + name))
    print(name[:300], [told(os.access, top + "/" + name, mode) for mode in (0, 4)])
"""
)


def test_names_are_as_in_the_plain_tree(
    run: Runner, publisher: Publisher, options: Options
) -> None:
    names = "\0".join(name for name in NAMES if "rights" not in name).encode()
    tree = publisher.storage.with_name("tree")
    words = ["/usr/bin/python3", "-I", "-c", NATIVE, str(tree)]
    native = subprocess.run(words, input=names, check=True, capture_output=True)
    found = fast(run, *PYTHON, NATIVE, TOP, options=options, stdin=names).ok()
    assert found.text.splitlines() == os.fsdecode(native.stdout).splitlines()
    assert figures(found)[1] > len(NAMES)


REPOSITORIES = (
    LOOK
    + """
for name in sys.argv[1:]:
    for _ in range(3):
        for rest in ("", "/", "/file", "/..", "/../a.b.c/file", "/none"):
            for line in look("/cvmfs/" + name + rest): print(name + rest, *line)
"""
)


def test_many_repositories_are_each_their_own(run: Runner, place: Path) -> None:
    """More than a board has room for, names that begin alike, and one that is not."""
    publisher = Publisher(place)
    names = ["a.b", "a.b.c", "a.b.c.d", *(f"r{n}.example.org" for n in range(17))]
    for number, name in enumerate(names):
        tree = place / f"tree-{name}"
        tree.mkdir()
        (tree / "file").write_text("x" * number)
        publisher.publish(tree, name)
    keys = ":".join(str(publisher.keys / f"{name}.pub") for name in names)
    more = ["-o", f"CVMFS_PUBLIC_KEY={keys}"]
    more += ["-o", f"CVMFS_REPOSITORIES={','.join([*names, 'not.example.org'])}"]
    options = [*publisher.options("a.b", f"file://{publisher.storage}"), *more]
    words = (*PYTHON, REPOSITORIES, *names, "not.example.org", "a", "a.b.")
    result = same(run, *words, options=options)
    assert figures(result)[1] > 500
