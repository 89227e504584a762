# SPDX-License-Identifier: GPL-2.0-or-later
"""The same commands below rows of --mount and below bind mounts of the kernel's."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.differential.namespaces import IS_ROOT
from tests.support.places import need_tool
from tests.support.run import Runner
from tests.support.workflow import need_mounts

# Not what shows the mount itself: getcwd, `..` of its root, device numbers, EXDEV and
# EBUSY, which the decision lists.
COMMANDS = """
cat row/file row/deep/file row/./deep/../file
ls -R row; ls -l row/file | cut -c1-10; stat -c '%s %a %F' row row/file row/link
readlink row/link; cat row/link; test -L row/link && echo link
cd row && cat file deep/file && cd deep && cat ../file
echo more >> row/file; cat row/file; truncate -s 2 row/file; cat row/file
mkdir row/made; touch row/made/x; mv row/made/x row/made/y; ls row/made; rmdir row/made
ln row/file row/hard; stat -c %h row/file; rm -r row/hard row/made; ls row
ln -s file row/soft; cat row/soft; rm row/soft; chmod 600 row/file; stat -c %a row/file
cp -a row copy; diff -r row copy && echo equal; rm -r copy
tar cf - row | tar tf - | sort; find row -type f | sort; find row/d*
row/tool one two; sh row/tool; env row/tool; cat row/none; cat row/file/x; ls row/file/
cat one-file; echo changed > one-file; cat one-file; test -x one-file || echo no
python3 -c "import os; print(sorted(e.name for e in os.scandir('row')))"
python3 -c "import os; d = os.open('row', 0); print(os.stat('file', dir_fd=d).st_size)"
""".strip().splitlines()


def prepare(place: Path) -> None:
    (place / "target/deep").mkdir(parents=True)
    (place / "row").mkdir()
    (place / "row/natively").write_text("hidden\n")
    (place / "one-file").write_text("hidden\n")
    (place / "other-file").write_text("other\n")
    (place / "target/file").write_text("file\n")
    (place / "target/deep/file").write_text("deep\n")
    (place / "target/link").symlink_to("deep/file")
    (place / "target/tool").write_text('#!/bin/sh\necho "tool $0 $*"\n')
    (place / "target/tool").chmod(0o755)


def bound(place: Path, command: str) -> tuple[int, bytes, bytes]:
    """Natively, in mounts of its own."""
    script = "mount --bind target row; mount --bind other-file one-file; cd .; "
    words = [need_tool("unshare"), "--mount"] + ([] if IS_ROOT else ["-r"])
    words += ["sh", "-c", script + f"exec sh -c '{quoted(command)}'"]
    done = subprocess.run(words, cwd=place, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


def quoted(command: str) -> str:
    return command.replace("'", "'\\''")


@pytest.mark.parametrize("command", COMMANDS)
def test_rows_are_as_bind_mounts(run: Runner, place: Path, command: str) -> None:
    need_mounts()
    results = []
    for side in ("native", "ours"):
        folder = place / side / "same"
        folder.mkdir(parents=True)
        prepare(folder)
    native = bound(place / "native/same", command)
    options: list[str | Path] = []
    for name, target in (("row", "target"), ("one-file", "other-file")):
        options += ["--mount", f"{place}/ours/same/{name}={place}/ours/same/{target}"]
    ours = run("sh", "-c", command, options=options, cwd=place / "ours/same")
    results = [native, (ours.status, ours.stdout, ours.stderr)]
    assert results[1] == results[0], ours.explain()
    assert os.listdir(place / "ours/same/row") == ["natively"]
