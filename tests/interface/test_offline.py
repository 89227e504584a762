# SPDX-License-Identifier: GPL-2.0-or-later
"""Jobs without a server, on a cache that somebody else has filled."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.places import program
from tests.support.published import Publisher, manifest_fields

FQRN = "my.example.org"
TOP = f"/cvmfs/{FQRN}"


@dataclass
class Node:
    """A node with a shared cache that another one has filled, and no network."""

    place: Path
    publisher: Publisher
    root_hash: str

    def options(self, cache: str, pin: str = "") -> list[str]:
        url = f"file://{self.publisher.storage}/cvmfs/{FQRN}"
        key = self.publisher.keys / f"{FQRN}.pub"
        words = ["-r", f"{FQRN}{pin}={url},pubkey={key}"]
        words += ["-o", "CVMFS_HTTP_PROXY=DIRECT", "--scratch", str(self.place)]
        return [*words, "--cache", str(self.place / cache), *self.shared]

    @property
    def shared(self) -> list[str]:
        return ["--alien-cache", str(self.place / "shared")]

    def ls(self, options: Sequence[str], *, job: bool) -> tuple[int, str, list[str]]:
        """Status, output and lines, of a job or of `interpose ls`."""
        words = [program("interpose_run"), *options, "--", "ls", TOP]
        if not job:
            words = [program("interpose"), "ls", *options, TOP]
        done = subprocess.run(
            list(map(str, words)),
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.place)},
        )
        lines = done.stderr.splitlines()
        return done.returncode, done.stdout, [x for x in lines if "interpose: " in x]


@pytest.fixture
def node(place: Path) -> Node:
    tree = place / "tree"
    tree.mkdir()
    (tree / "file").write_text("content")
    publisher = Publisher(place)
    publisher.publish(tree, FQRN)
    fields = manifest_fields(publisher.storage / "cvmfs" / FQRN)
    found = Node(place, publisher, fields["C"])
    (place / "shared").mkdir()
    assert found.ls(found.options("first"), job=True) == (0, "file\n", [])
    return found


@pytest.mark.parametrize("job", [False, True])
def test_the_advice_is_about_what_was_not_given(node: Node, job: bool) -> None:
    offline = [*node.options("second"), "--offline"]
    status, _, (line,) = node.ls(offline, job=job)
    assert status == 125
    assert "--trust-cache" in line
    assert node.ls([*offline, "--trust-cache"], job=job) == (0, "file\n", [])
    for crumb in node.place.glob("*/cvmfschecksum.*"):
        crumb.unlink()
    status, _, (line,) = node.ls(
        [*node.options("third"), "--offline", "--trust-cache"], job=job
    )
    assert status == 125
    assert "--trust-cache" not in line
    assert f"-r {FQRN}@ROOTHASH" in line


@pytest.mark.parametrize("job", [False, True])
def test_what_was_named_by_its_hash_is_found_without_it(node: Node, job: bool) -> None:
    pinned = [*node.options("second", f"@{node.root_hash}"), "--offline"]
    assert node.ls(pinned, job=job) == (0, "file\n", [])
    status, output, lines = node.ls([*node.options("second"), "--offline"], job=job)
    assert (status, output) == (0, "file\n")
    (line,) = lines
    assert f"{FQRN}@{node.root_hash}" in line
    # A server that answers decides again.
    assert node.ls(node.options("second"), job=job) == (0, "file\n", [])
    assert node.ls([*node.options("second"), "--offline"], job=job)[2] == []
