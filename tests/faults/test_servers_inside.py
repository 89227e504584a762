# SPDX-License-Identifier: GPL-2.0-or-later
"""File systems whose servers are processes of the job, and whose kernel keeps nothing.

A server can only answer while the tracer serves it. All time-outs of names and
attributes are 0, so that every look has to be answered anew.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import need_tool
from tests.support.run import Runner

FQRN = "programs.example.org"
TREE = f"/cvmfs/{FQRN}"
AT_ONCE = "attr_timeout=0,entry_timeout=0,negative_timeout=0"
Configured = Callable[..., list[Any]]

# What each serves at `m`, in the foreground. `source` is a directory, `image` is made
# of it.
SERVERS = {
    "bindfs": f"bindfs -f -o {AT_ONCE} source m",
    "fuse-overlayfs": "fuse-overlayfs -f"
    " -o lowerdir=source,upperdir=upper,workdir=work,timeout=0 m",
    "squashfuse": f"squashfuse -f -o {AT_ONCE} image m",
    "fuse2fs": f"fuse2fs -f -o ro,{AT_ONCE} image m",
}
IMAGES = {
    "squashfuse": ["mksquashfs", "source", "image", "-quiet", "-no-progress"],
    "fuse2fs": ["mke2fs", "-q", "-t", "ext2", "-d", "source", "image", "32M"],
}

AROUND = """
cd "$1"
$SERVE >/dev/null & server=$!
until mountpoint -q m; do kill -0 $server || exit 3; done
ls m; m/cat m/file; m/script one two; m/link/file; cat m/link/text; readlink m/link
(cd m/folder && cat ../file text && pwd -P && cd .. && ls folder)
cat "$1/m/folder/../file" /proc/self/cwd/m/file; m/other; test -x m/script; echo $?
cat m/none m/file/none; m/none; m/file; sh m/folder/script; find m | sort
[ -z "$INSIDE" ] || eval "$INSIDE"
umount m; echo unmounted $?
wait $server
"""


def fill(source: Path) -> None:
    """Programs, scripts by an interpreter that is there too, and links."""
    folder = source / "folder"
    folder.mkdir(parents=True)
    shutil.copy("/bin/cat", source / "cat")
    shutil.copy("/bin/sh", source / "sh")
    (source / "file").write_text("content\n")
    (folder / "text").write_text("text\n")
    for path, first in ((source / "script", "../sh"), (folder / "script", "m/sh")):
        interpreter = first if first.startswith("m/") else "m/sh"
        path.write_text(f"#!{interpreter}\necho script $*\n")
        path.chmod(0o755)
    (folder / "file").write_text("#!/bin/sh\necho through a link\n")
    (folder / "file").chmod(0o755)
    (source / "link").symlink_to("folder")
    (source / "other").symlink_to("folder/file")
    (source / "into").symlink_to(TREE)


@pytest.mark.parametrize("name", list(SERVERS))
def test_a_server_that_is_a_process_of_the_job(
    run: Runner, configured: Configured, name: str
) -> None:
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        pytest.skip("needs root and /dev/fuse, to mount")
    need_tool(name)
    place = run.place / "place"
    for folder in ("m", "upper", "work"):
        (place / folder).mkdir(parents=True)
    fill(place / "source")
    if name in IMAGES:
        command = [need_tool(IMAGES[name][0]), *IMAGES[name][1:]]
        subprocess.run(command, cwd=place, check=True)
    words = ["sh", "-c", AROUND, "sh", str(place)]
    env = {**run.environment(), "SERVE": SERVERS[name]}
    native = subprocess.run(
        words, check=False, env=env, capture_output=True, timeout=60
    )
    env["INSIDE"] = "ls m/into/busybox | head -1; m/into/busybox/busybox echo run"
    result = run(*words, options=configured(FQRN), env=env, timeout_s=120.0)
    assert b"unmounted 0" in native.stdout, native
    lines = result.stdout.splitlines(keepends=True)
    inside = [line for line in lines if line in (b"ash\n", b"run\n")]
    assert inside == [b"ash\n", b"run\n"], result.explain()
    assert b"".join(one for one in lines if one not in inside) == native.stdout
    assert result.stderr == native.stderr
    assert result.status == native.returncode
