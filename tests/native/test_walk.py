# SPDX-License-Identifier: GPL-2.0-or-later
"""Names lead where the kernel leads, in the room that a walk was lent."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tests.native.walking import LINKS, Walker, asked

# A walk that the kernel begins again counts its links twice.
NATIVE_TRIES = 5

PATHS = [
    *("file", "dir", "dir/sub/file", "dir/none", "none/x", "file/x", "file/", "dir/"),
    *("dir//sub///file", "./dir/./sub/../file", "dir/sub/../../file", "missing/"),
    *("to_dir", "to_dir/", "to_dir/file", "to_dir//sub/", "to_dir_slash/file"),
    *("to_dir_slash", "to_file_slash", "to_file_slash/", "to_sub/file", "to_sub/.."),
    *("dir/up", "dir/up/file", "dir/sub/round/file", "dir/sub/round/../file"),
    *("dir/sub/round/round/round/file", "dot/dot/./dot/file", "dot/", "loop", "loop/"),
    *("none", "none/", "none_slash", "below_file", "long", "long/file", "long/sub/"),
    *("long_slashes", "long_slashes/file", "longest_name", "too_long_name", "n" * 256),
    *(f"{way}_{n}" for way in ("chain", "deep", "huge") for n in (1, 20, 38, 39, 40)),
    *(f"{way}_39/file" for way in ("chain", "deep", "huge")),
    *("deep_3/../file", "chain_20/../chain_18/file", "chain_20/../chain_19/file"),
    *("huge_10/sub/round/file", "to_dir/" + "./" * 2000 + "file"),
    *(
        "." + "/to_dir/.." * LINKS + "/file",
        "." + "/to_dir/.." * LINKS + "/to_dir/file",
    ),
]


def natively(place: Path, path: str, follow: bool) -> str:
    """What the kernel says of it."""
    tree = place / "cvmfs/repo"
    names = {tree.stat().st_ino: "/repo", tree.parent.stat().st_ino: ""}
    for folder, folders, files in os.walk(tree):
        for name in (*folders, *files):
            full = Path(folder, name)
            names[full.lstat().st_ino] = "/" + str(full.relative_to(tree.parent))
    error = 0
    home = os.open(tree, os.O_RDONLY)
    try:
        for _ in range(NATIVE_TRIES):
            try:
                found = os.stat(path, dir_fd=home, follow_symlinks=follow)
                return f"found {names[found.st_ino]}"
            except OSError as failed:
                error = failed.errno or 0
                if error != errno.ELOOP:
                    break
    finally:
        os.close(home)
    return f"error {error}"


@pytest.mark.parametrize("follow", [True, False], ids=["follow", "nofollow"])
def test_names_lead_where_the_kernel_leads(walker: Walker, follow: bool) -> None:
    lines = [asked(path, "f" if follow else "") for path in PATHS]
    found = [line.removesuffix(" last") for line in walker.say(*lines)]
    wanted = [natively(walker.place, path, follow) for path in PATHS]
    differ = [one for one in zip(PATHS, found, wanted) if one[1] != one[2]]
    assert not differ
    # Nothing of it is copied.
    without = walker.say(*[line.replace("\t8192\t", "\t0\t") for line in lines])
    assert [line.removesuffix(" last") for line in without] == found


@pytest.mark.parametrize("segments", [1, 2, 3, 5, 20])
def test_with_little_room_the_answer_is_the_same_or_none(
    walker: Walker, segments: int
) -> None:
    whole = walker.say(*map(asked, PATHS))
    little = walker.say(*[asked(path, "f", segments, 0) for path in PATHS])
    assert {*zip(whole, little)} <= {
        (one, end) for one in whole for end in (one, "beyond")
    }
    assert 0 < little.count("beyond") < len(PATHS) * 2 // 3


def test_what_is_walked_to_its_end_takes_no_segment(walker: Walker) -> None:
    last = walker.say(
        asked(f"chain_{LINKS - 1}", segments=1),
        asked("to_dir_slash", segments=1),
        asked("dir/sub/round", segments=2),
        asked("chain_20/file", segments=1),
        asked("chain_20/file", segments=2),
        # Each of them has something left until its end is reached.
        asked("deep_8", segments=9),
        asked("deep_8/file", segments=9),
        asked("deep_8/file", segments=10),
        asked("deep_39/file", segments=40),
        asked("deep_39/file", segments=41),
    )
    assert last == [
        "found /repo/dir",
        "found /repo/dir",
        "found /repo/dir/sub",
        "beyond",
        "found /repo/dir/file",
        "found /repo/dir",
        "beyond",
        "found /repo/dir/file",
        "beyond",
        "found /repo/dir/file",
    ]


def test_variables_need_room(walker: Walker) -> None:
    """The texts lie in it as long as they are walked, and no longer."""
    found = walker.say(
        asked("variant/file"),
        asked("variant", text=7),
        asked("variant", text=6),
        asked("variant", text=0),
        asked("variants/file"),
        asked("variants/../variants/../variants/../variants/file", text=4090),
        asked("too_long"),
        asked("variant_2/file"),
        asked("variant_39/file"),
        asked("variant_39/file", text=1000),
    )
    assert found == [
        "found /repo/dir/sub/file",
        "found /repo/dir/sub",
        f"error {errno.ENAMETOOLONG}",
        "question",
        "found /repo/dir/file",
        "found /repo/dir/file",
        f"error {errno.ENAMETOOLONG}",
        "found /repo/dir/file",
        "found /repo/dir/file",
        f"error {errno.ENAMETOOLONG}",
    ]


def test_what_the_world_does_not_know_is_a_question(walker: Walker) -> None:
    found = walker.say(
        *[asked(path) for path in ("some/file", "sticky/link", "/cvmfs/unknown/x")],
        *[asked(path, "") for path in ("some", "sticky/link", "sticky/link/")],
        asked("/cvmfs/unknown/x", segments=1),
    )
    assert found[:3] == ["question"] * 3
    assert found[3:] == [
        "found /repo/some",
        "found /repo/sticky/link",
        "question",
        "question",
    ]


def test_last_names_lie_where_they_were_written(walker: Walker) -> None:
    found = walker.say(
        asked("dir/sub/new", "p"),
        asked("to_dir_slash/sub/new//", "pi"),
        asked("variant/new", "p"),
        asked("to_dir/..", "p"),
        asked("none", "i"),
        asked("dir/none/", "i"),
        asked("none_slash", ""),
    )
    assert found == [
        "found /repo/dir/sub last new",
        "found /repo/dir/sub last new",
        "found /repo/dir/sub last new",
        "found /repo/dir last ..",
        "found /repo/none",
        f"error {errno.ENOENT} last",
        "found /repo/none_slash",
    ]


def test_catalogs_that_hang_in_one_another(walker: Walker) -> None:
    found = walker.say(
        asked("nested/back/file"),
        asked("nested/here/back/.."),
        asked("nested/here/here/../file"),
        asked("nested/here", ""),
    )
    assert found == [
        "found /repo/dir/sub/file",
        "found /repo/dir",
        "found /repo/file",
        "found /repo/nested/here",
    ]
