# SPDX-License-Identifier: GPL-2.0-or-later
"""Index files that lose their bytes or their name while a job uses them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.run import Runner

FQRN = "tricky.example.org"
Configured = Callable[..., list[Any]]
# argv: the repository's root. Shows names, links and attributes, at the beginning and
# once for each line of input, by absolute paths, from the working directory and through
# a descriptor.
LOOK = """
import json, os, sys
top = sys.argv[1]
os.chdir(top)
held = os.open(top, os.O_RDONLY)
def look():
    shown = []
    for folder in (top, ".", "bigdir", held):
        names = sorted(os.listdir(folder))
        for name in names[:40]:
            state = os.stat(name, dir_fd=held if folder in (".", top, held) else
                            os.open(folder, os.O_RDONLY), follow_symlinks=False)
            shown.append([name, state.st_mode, state.st_ino, state.st_size])
        shown.append(len(names))
    shown.append([os.readlink(n) for n in sorted(os.listdir()) if os.path.islink(n)])
    shown.append(os.path.exists(top + "/no-such-name"))
    shown.append(open("README", "rb").read().hex())
    print(json.dumps(shown), flush=True)
look()
for line in sys.stdin:
    look()
"""


def cut(share: float) -> Callable[[Path], None]:
    def harm(path: Path) -> None:
        path.chmod(0o600)  # It is for reading only, for its owner too.
        os.truncate(path, int(path.stat().st_size * share) & ~4095)

    return harm


def spared(path: Path) -> None:
    """Take the name and the directory away; bytes that are mapped stay."""
    if path.exists():
        shutil.rmtree(path.parent)


HARMS = {
    "empty": cut(0),
    "header only": cut(0.01),
    "half": cut(0.5),
    "nearly whole": cut(0.9),
    "gone": spared,
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_job_goes_on_over_an_index_that_is_harmed(
    run: Runner, configured: Configured, harm: str
) -> None:
    words = ("/usr/bin/python3", "-I", "-c", LOOK, f"/cvmfs/{FQRN}")
    front = run.start(*words, options=configured(FQRN))
    assert front.stdin
    assert front.stdout
    before = front.stdout.readline()
    for path in sorted((run.cache / "index").glob("*.v*")):
        HARMS[harm](path)
    front.stdin.write(b"\n")
    front.stdin.flush()
    again = front.stdout.readline()
    out, err = front.communicate(b"\n", timeout=60)
    assert (front.returncode, err) == (0, b"")
    assert len(json.loads(before)) > 6
    assert json.loads(again) == json.loads(before)
    assert json.loads(out) == json.loads(before)
    run.nothing_left()


def test_an_equal_index_is_not_taken_from_who_has_it_mapped(
    run: Runner, configured: Configured
) -> None:
    """On a file server the bytes would go with the name."""
    options = configured(FQRN)
    run("ls", f"/cvmfs/{FQRN}", options=options).ok()
    indexes = {path: path.stat().st_ino for path in run.cache.glob("index/*.v*")}
    assert indexes
    for path in run.cache.glob("index/*.facts"):
        path.unlink()  # the catalog is read once more
    shutil.rmtree(run.cache / "kept")
    run("ls", f"/cvmfs/{FQRN}", options=options).ok()
    assert {path: path.stat().st_ino for path in indexes} == indexes
