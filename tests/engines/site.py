# SPDX-License-Identifier: GPL-2.0-or-later
"""What every engine's test starts with: a box, the program, a served repository."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.engines.box import USER, Box
from tests.support.keeper import own_directory
from tests.support.places import ROOT
from tests.support.published import Publisher
from tests.support.web import Server

FQRN = "my.example.org"
BIN = f"/cvmfs/{FQRN}/bin"
FILES = 50


class Site:
    """A box in which the user's home has `my.conf` and the key, as in the README."""

    def __init__(self, box: Box, server: Server, program: Path) -> None:
        self.box = box
        self.server = server
        self.program = program  # the bundle, as installed on every node
        self.software = box.place / "software"
        self.home = box.home
        # Where everybody may read it, and nobody else's keys are.
        self.key = box.place / f"{FQRN}.pub"
        shutil.copy2(box.place / f"keys/{FQRN}.pub", self.key)

    def configure(self, folder: Path) -> None:
        """The three lines and the key, side by side as HTCondor puts them."""
        (folder / "my.conf").write_text(
            f"CVMFS_SERVER_URL={self.server.url}/cvmfs/@fqrn@\n"
            f"CVMFS_PUBLIC_KEY={FQRN}.pub\nCVMFS_HTTP_PROXY=DIRECT\n"
        )
        shutil.copy2(self.key, folder)
        for name in ("my.conf", f"{FQRN}.pub"):
            os.chown(folder / name, USER, USER)

    def fresh(self, name: str) -> Path:
        """A new directory of the user's, configured."""
        folder = self.home / name
        folder.mkdir()
        os.chown(folder, USER, USER)
        self.configure(folder)
        return folder

    def absolute(self) -> Path:
        """A configuration for jobs that start anywhere."""
        path = self.box.place / "node.conf"
        path.write_text(
            f"CVMFS_SERVER_URL={self.server.url}/cvmfs/@fqrn@\n"
            f"CVMFS_PUBLIC_KEY={self.key}\n"
            "CVMFS_HTTP_PROXY=DIRECT\n"
        )
        return path


def repository(place: Path, publisher: Publisher) -> Path:
    """Programs that make engines comparable, and data."""
    tree = place / "software"
    shutil.copytree(ROOT / "tests/engines/software", tree / "bin")
    for path in (tree / "bin").iterdir():
        path.chmod(0o755)
    (tree / "data").mkdir()
    for number in range(FILES):
        (tree / "data" / f"file{number}").write_bytes(os.urandom(200_000))
    publisher.publish(tree, FQRN)
    return tree


@contextmanager
def site(tree: Path, program: Path) -> Iterator[Site]:
    """All of it, on the tree of a Debian release."""
    with own_directory("interpose-box-") as place:
        publisher = Publisher(place)
        repository(place, publisher)
        installed = place / "installed/interpose_run"
        installed.parent.mkdir()
        shutil.copy2(program, installed)
        box = Box(tree, place)
        try:
            state = place / "web"
            server = Server(publisher.storage, state, box.network)
            server.start()
            try:
                yield Site(box, server, installed)
            finally:
                server.stop()
        finally:
            box.stop()
