# SPDX-License-Identifier: GPL-2.0-or-later
"""Repositories that a test makes of a directory of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.keeper import own_directory
from tests.support.places import program
from tests.support.truth import truth_options


def manifest_fields(stratum: Path) -> dict[str, str]:
    """Lines of the manifest by their first letter; a signature may look like some."""
    head = (stratum / ".cvmfspublished").read_bytes().split(b"\n--\n")[0]
    return {line[:1]: line[1:] for line in head.decode().splitlines()}


class Publisher:
    """`publish(tree, fqrn)` into one storage below `place`; `options(fqrn, url)`."""

    def __init__(self, place: Path, before: tuple[str, ...] = ()) -> None:
        self.before = before  # words in front of `interpose publish`
        self.storage = place / "storage"
        self.keys = place / "keys"

    def publish(self, tree: Path, fqrn: str, *more: str | Path) -> None:
        """Make the next revision of `fqrn`."""
        words: list[str | Path] = [program("interpose"), "publish", tree]
        words += ["--repository", fqrn, "--storage", self.storage, "--keys", self.keys]
        whole = [*self.before, *words, *more]
        done = subprocess.run(whole, check=False, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()

    def options(self, fqrn: str, url: str) -> list[str | Path]:
        """Options of interpose_run for what was published, served at `url`."""
        return truth_options(fqrn, url, self.keys / f"{fqrn}.pub", {})


@contextmanager
def published_files(fqrn: str, contents: Mapping[str, bytes]) -> Iterator[Publisher]:
    """A repository with these files, by path; `.cvmfscatalog` makes a catalog."""
    with own_directory(f"interpose-{fqrn.partition('.')[0]}-") as top:
        for name, content in contents.items():
            path = top / "tree" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        publisher = Publisher(top)
        publisher.publish(top / "tree", fqrn)
        yield publisher
