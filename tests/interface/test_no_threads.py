# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a user may have no thread more, one does it all (`ulimit -u`)."""

from __future__ import annotations

import filecmp
import os
import random
import subprocess
from pathlib import Path

import pytest

from tests.support.places import need_tool, program
from tests.support.published import Publisher

FQRN = "my.example.org"
TIMEOUT_S = 60.0
CHUNKED_SIZE = 20 << 20


@pytest.fixture
def alone() -> tuple[str, ...]:
    """Words before a command that can start no thread and no process."""
    if os.geteuid() == 0:
        # setrlimit(2): CAP_SYS_RESOURCE is not held to it. `make test` of root runs
        # this room once more as a user.
        pytest.skip("no limit of processes holds root; the user's half runs this")
    return (need_tool("prlimit", "util-linux"), "--nproc=0:0")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Small files and one of several chunks."""
    tree = tmp_path / "tree"
    (tree / "folder").mkdir(parents=True)
    for number in range(20):
        (tree / "folder" / str(number)).write_text(f"{number}")
    (tree / "large").write_bytes(random.Random(1).randbytes(CHUNKED_SIZE))
    return tree


def test_a_tree_is_published_and_copied(
    alone: tuple[str, ...], tree: Path, tmp_path: Path
) -> None:
    publisher = Publisher(tmp_path, before=alone)
    publisher.publish(tree, FQRN)
    words = ["cp", "-r", *publisher.options(FQRN, f"file://{publisher.storage}")]
    words += ["--cache", tmp_path / "cache", f"/cvmfs/{FQRN}/.", tmp_path / "copy"]
    done = subprocess.run(
        [*alone, program("interpose"), *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert (done.returncode, done.stderr) == (0, "")
    compared = filecmp.dircmp(tree, tmp_path / "copy")
    assert compared.left_list == compared.right_list
    names = ["large", *(f"folder/{number}" for number in range(20))]
    _, different, failed = filecmp.cmpfiles(
        tree, tmp_path / "copy", names, shallow=False
    )
    assert (different, failed) == ([], [])


def test_a_server_is_one_line(alone: tuple[str, ...], tmp_path: Path) -> None:
    done = subprocess.run(
        [*alone, program("interpose"), "serve", tmp_path, "--port", "0"],
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr.count("\n") == 1
    assert "raise the limit: ulimit -u" in done.stderr
