# SPDX-License-Identifier: GPL-2.0-or-later
"""Walks that leave for the host, names that rows stand for, and what a walk needs."""

from __future__ import annotations

import errno
import subprocess
from pathlib import Path

from tests.native import test_stub
from tests.native.walking import (
    LINKS,
    WALK,
    Walker,
    asked,
    compile_as_stub,
    needs_x86_64,
)

MEMORY = {"memcpy", "memcmp", "memset"}
STACK = 700
ROWS = [
    "row\ti\t\ta\tb/c\t/repo/dir",
    "row\th\t/repo\tx\ty/z\t/elsewhere/",
    "row\ti\t/repo/dir\tin\tsub/deep\t/repo/dir/sub",
    "row\td\t/repo\tdenied\t\t",
    "row\te\t/repo/dir\tgone\t\t",
    "row\ti\t/repo\tself\t\t/repo/self",
    "row\ti\t/repo\tround\tx\t/repo/dir/../round",
    "row\ti\t/repo\ttop\t\t",
    "link\tone\ta",
    "link\ttwo\tone/./b//",
    "link\tthree\ttwo/c/./",
    "link\tfour\t./three/sub/../",
    "link\tplain\ta/b",
]
WAYS = {
    "/a/b/c/file": "found /repo/dir/file",
    "/a/./b//./c": "found /repo/dir",
    "/a/b": "host /a/b",
    "/a/b/x/c": "host /a/b/x/c",
    "/one/b/c/file": "found /repo/dir/file",
    "/two/c/file": "found /repo/dir/file",
    "/two/./c/": "found /repo/dir",
    "/two/d": "host /a/./b/d",
    "/three/sub/file": "found /repo/dir/sub/file",
    "/four/file": "found /repo/dir/file",
    "/plain/cc": "host /a/b/cc",
    "/plain/c": "found /repo/dir",
    "x/y/z/w": "host /elsewhere/w",
    "x/y/z": "host /elsewhere/",
    "x/y": f"error {errno.ENOENT}",
    "to_dir/in/sub/deep/file": "found /repo/dir/sub/file",
    "to_dir_slash/in/./sub/deep": "found /repo/dir/sub",
    "in_link/deep/file": "found /repo/dir/sub/file",
    "in_link/deep/../file": "found /repo/dir/file",
    "in_link/other": f"error {errno.ENOENT}",
    "in_links/sub/deep/file": "found /repo/dir/sub/file",
    "denied/x": f"error {errno.EACCES}",
    "dir/gone": f"error {errno.ENOENT}",
    # A row's target is not asked for rows, what follows it is.
    "self/file": f"error {errno.ENOENT}",
    "top/repo/dir/file": "found /repo/dir/file",
    "top/repo/self": f"error {errno.ENOENT}",
    "top/repo/denied": f"error {errno.EACCES}",
    "round/x": f"error {errno.ENOENT}",
}


def test_a_way_leaves_for_the_host_and_comes_back(walker: Walker) -> None:
    filler = "./" * 2030
    links = [
        "link\tback\t/cvmfs/repo/dir/",
        f"link\tback_dir\t{filler}cvmfs/repo/variant/../",
        f"link\tlong_0\t{filler}cvmfs/repo/to_dir",
        "link\tfar_0\tcvmfs/repo/dir",
    ]
    for number in range(1, LINKS):
        links.append(f"link\tlong_{number}\t{filler}long_{number - 1}")
        links.append(f"link\tfar_{number}\tfar_{number - 1}/././sub/..")
    found = walker.say(
        *links,
        asked("/cvmfs/repo/dir/file"),
        asked("to_host/file"),
        asked("to_host"),
        asked("/back/sub/file"),
        asked("to_host_dir/file"),
        asked("to_host_dir/../file"),
        asked("away"),
        asked("/back/../away"),
        asked("/long_38/file"),
        asked("/long_39/file"),
        asked("/long_38/file", text=4060 + len("long_37") - 1),
        asked("/far_39"),
        asked("/cvmfs/repo/far/x"),
        asked("/cvmfs/../back/file"),
        asked("/cvmfs/hosts/x/y/", segments=3),
        asked("/cvmfs/hosts", segments=1),
        asked("/cvmfs/repo/../hosts/x"),
    )
    assert found == [
        "found /repo/dir/file",
        "found /repo/dir/file",
        "found /repo/dir",
        "found /repo/dir/sub/file",
        "found /repo/dir/sub/file",
        "found /repo/dir/file",
        "host /elsewhere/x/",
        "host /elsewhere/x/",
        "found /repo/dir/file",
        f"error {errno.ELOOP}",
        f"error {errno.ENAMETOOLONG}",
        "found /repo/dir",
        f"error {errno.ELOOP}",
        "found /repo/dir/file",
        "host /cvmfs/hosts/x/y/",
        "beyond",
        "host /cvmfs/hosts/x",
    ]


def test_rows_are_met_across_links(walker: Walker) -> None:
    """Names that come with a row's own may be in a link's target and behind it."""
    lines = [*ROWS, *map(asked, WAYS)]
    found = [line.removesuffix(" last") for line in walker.say(*lines)]
    assert dict(zip(WAYS, found)) == WAYS
    few = walker.say(*ROWS, asked("x/y/z/w", segments=1))
    assert few == ["beyond"]


@needs_x86_64
def test_it_fits_into_a_tracee(tmp_path: Path) -> None:
    """No library, nothing to be relocated at run time, and little stack."""
    objects = compile_as_stub(tmp_path, *WALK)
    program = tmp_path / "joined"
    words = ["ld", "--unresolved-symbols=ignore-all", "-e", "walk_go", *objects]
    subprocess.run([*words, "-o", program], check=True)
    needed: set[str] = set()
    defined: set[str] = set()
    for one in objects:
        needed |= {*test_stub.output("nm", "-u", one).split()} - {"U"}
        defined |= {*test_stub.output("nm", "--defined-only", one).split()[2::3]}
        sections = test_stub.output("size", "-A", one)
        assert not {".data", ".bss", ".data.rel.ro"} & {
            words[0]
            for words in map(str.split, sections.splitlines())
            if len(words) == 3 and words[1] != "0"
        }
    assert needed - defined - {"_GLOBAL_OFFSET_TABLE_"} <= MEMORY
    assert test_stub.stack_of("walk_go", program) < STACK
    assert test_stub.stack_of("place_parent", program) < STACK
