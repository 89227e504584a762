# SPDX-License-Identifier: GPL-2.0-or-later
"""File systems whose servers are processes of the job, and whose kernel keeps nothing.

A server can only answer while the tracer serves it. All time-outs of names and
attributes are 0, so that every look has to be answered anew.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
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


def only_root_mounts() -> None:
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        pytest.skip("needs root and /dev/fuse, to mount")
    need_tool("bindfs")


@contextlib.contextmanager
def unmounted(mount: Path) -> Iterator[None]:
    """In the end, also where the job could not do it."""
    try:
        yield
    finally:
        if os.path.ismount(mount):
            subprocess.run(["umount", "-l", mount], check=False)


# $1: where the scratch is, $2: what lies over it then
OVER = f"""
bindfs -f -o nonempty,{AT_ONCE} "$2" "$1" & server=$!
until grep -q " $1 fuse" /proc/self/mounts; do kill -0 $server || exit 3; done
ls {TREE}/busybox | head -1; {TREE}/busybox/busybox echo run
cd {TREE}/busybox && pwd && ./busybox echo here; grep -c " {TREE} " /proc/self/mounts
python3 -c 'import os; print(len(os.listdir(".")) > 0, os.stat("busybox").st_size > 0)'
umount "$1"; wait $server; {TREE}/busybox/busybox echo again
"""


@pytest.mark.parametrize(
    "words", [[], ["unshare", "-m"]], ids=["in ours", "in its own"]
)
def test_a_server_of_the_job_over_the_scratch(
    run: Runner, configured: Configured, words: list[str]
) -> None:
    """Whether our names mean the same to the job is not asked of that server."""
    only_root_mounts()
    below = run.place / "below"
    below.mkdir()
    command = [*words, "sh", "-c", OVER, "sh", str(run.scratch), str(below)]
    with unmounted(run.scratch):
        result = run(*command, options=configured(FQRN), timeout_s=120.0).ok()
    shown = ["ash", "run", f"{TREE}/busybox", "here", "1", "True True", "again"]
    assert result.text.splitlines() == shown, result.explain()


# `m/shown` runs from a copy in the scratch, for its ELF interpreter is in /cvmfs.
SHOWN = f"""
bindfs -f -o {AT_ONCE} source m & server=$!
until mountpoint -q m; do kill -0 $server || exit 3; done
m/shown & shown=$!
until [ -e started ]; do kill -0 $shown || exit 4; done
readlink /proc/$shown/exe; cmp /proc/$shown/exe source/shown && echo same
stat -L -c %s:%n /proc/$shown/exe; stat -f -c %n /proc/$shown/exe
exec 5</proc/$shown/exe; readlink /proc/self/fd/5 | grep -c '[.]interpose-'; exec 5<&-
kill $shown; wait $shown; umount m; wait $server
"""


def test_a_program_of_a_server_of_the_job_that_runs_from_a_copy(
    run: Runner, configured: Configured
) -> None:
    only_root_mounts()
    place = run.place / "place"
    for folder in ("m", "source"):
        (place / folder).mkdir(parents=True)
    program = place / "source/shown"
    loader = f"{TREE}/ownloader/lib/ld-linux-x86-64.so.2"
    words = [need_tool("gcc"), "-x", "c", "-", "-o", program]
    code = """#include <fcntl.h>
    #include <unistd.h>
    int main(void) { creat("started", 0600); pause(); return 0; }"""
    words.append(f"-Wl,--dynamic-linker={loader}")
    subprocess.run(words, check=True, input=code.encode())
    script = f"cd {shlex.quote(str(place))}; {SHOWN}"
    with unmounted(place / "m"):
        result = run("sh", "-c", script, options=configured(FQRN), timeout_s=120.0)
    size, name = program.stat().st_size, place / "m/shown"
    exe, same, stated, stated_fs, *rest = result.text.splitlines()
    assert (exe, same, rest) == (str(name), "same", ["0"]), result.explain()
    assert stated.startswith(f"{size}:/proc/"), result.explain()
    assert stated_fs.startswith("/proc/"), result.explain()
