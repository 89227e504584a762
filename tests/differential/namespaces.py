# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the tree is really mounted, and where nothing of the machine can change.

Root makes a mount namespace; an ordinary user makes it in a user namespace, in which
both sides then run, so that owners look the same to both. Where the kernel forbids
user namespaces, an ordinary user has only a copy of the tree to compare with.
"""

from __future__ import annotations

import functools
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.places import need_tool
from tests.support.web import RUNNING

IS_ROOT = os.geteuid() == 0
# What is mounted below stays as it is, with all that its owner wants of it: a user
# namespace may add a promise and take none away.
READ_ONLY = r"""
set -e
read_only() {
    words=$(findmnt -n -o VFS-OPTIONS --mountpoint "$1" | head -n 1 | sed 's/^rw/ro/')
    mount -o "remount,bind,${words:-ro}" "$1"
}
"""
# A root of its own: the host's directories, and /cvmfs. As with the official client the
# file systems are read-only, not only their mounts: that changes the order of errors.
NAMESPACE = (
    READ_ONLY
    + r"""
tree=$1; fqrn=$2; new=$3; owner=$4; shift 4
mount -t tmpfs -o mode=755 none "$new"
for each in /*; do
    name=${each#/}
    if [ -L "$each" ]; then cp -P "$each" "$new/$name"
    elif [ -d "$each" ]; then
        mkdir "$new/$name"; mount --rbind "$each" "$new/$name"
        read_only "$new/$name"
    fi
done
for each; do
    inside=$(findmnt -n -o TARGET --target "$each")
    [ "$inside" = / ] || read_only "$new$inside"
    mount --bind "$each" "$new$each"
done
mkdir -p "$new/cvmfs"
mount -t tmpfs -o mode=555 none "$new/cvmfs"
mkdir "$new/cvmfs/$fqrn"
mount -t tmpfs -o mode=755 none "$new/cvmfs/$fqrn"
cp -a "$tree/." "$new/cvmfs/$fqrn"
if [ -n "$owner" ]; then
    chown -hR "$owner" "$new/cvmfs/$fqrn"
    chmod 4755 "$new/cvmfs/$fqrn/mode_4755"
    chmod 2755 "$new/cvmfs/$fqrn/mode_2755"
fi
mount -o remount,ro,nodev,nosuid "$new/cvmfs/$fqrn"
touch -d @0 "$new/cvmfs"
touch -r / "$new"
mount -o remount,ro,nodev,nosuid "$new/cvmfs"
mount -o remount,ro "$new"
echo ready
read -r end
"""
)
# The programs change what they are pointed at, as root. Whatever a wrong name may lead
# to, the machine's own files are read-only for them, on both sides.
GUARD = (
    READ_ONLY
    + r"""
around=/
for each; do
    [ "$each" != -- ] || break
    around="$around $(findmnt -n -o TARGET --target "$each")"
    mount --bind "$each" "$each"
    shift
done
shift
for each in $around; do read_only "$each"; done
exec "$@"
"""
)
# The same for many commands, and with a mount for each directory of the root: as in
# NAMESPACE, names that lie beside one another are on two file systems.
HELD = (
    READ_ONLY
    + r"""
around=
for each in /*; do
    [ ! -L "$each" ] && [ -d "$each" ] || continue
    mount --rbind "$each" "$each"
    around="$around $each"
done
for each; do
    around="$around $(findmnt -n -o TARGET --target "$each")"
    mount --bind "$each" "$each"
done
for each in $around; do read_only "$each"; done
read_only /
echo ready
read -r end
"""
)
POWERFUL = ("--map-current-user", "--keep-caps")
POWERLESS = ("setpriv", "--ambient-caps=-all", "--inh-caps=-all")


def unshare(script: str, *words: str) -> tuple[str, ...]:
    """A shell in a mount namespace of its own, where it may mount."""
    power = () if IS_ROOT else ("-U", *POWERFUL)
    start = (need_tool("unshare", "util-linux"), *power, "-m")
    return (*start, "--propagation", "private", "sh", "-c", script, "sh", *words)


@functools.cache
def forbidden() -> str:
    """Why this user can mount nothing anywhere, or nothing."""
    if IS_ROOT:
        return ""
    script = f'mount -t tmpfs none "$1" && {READ_ONLY} read_only / && echo done'
    with tempfile.TemporaryDirectory() as place:
        done = subprocess.run(
            unshare(script, place), check=False, capture_output=True, cwd="/"
        )
    if done.stdout == b"done\n":
        return ""
    return f"the kernel gives no user namespace to mount in: {done.stderr.decode()}"


def guarded(*places: Path) -> tuple[str, ...]:
    """Words before a command that may change nothing but what is below `places`."""
    words = unshare(GUARD, *map(str, places), "--")
    if IS_ROOT:
        return words
    return () if forbidden() else (*words, *POWERLESS)


def owning() -> tuple[str, ...]:
    """Words before a command that may read all that belongs to this user."""
    if IS_ROOT or forbidden():
        return ()
    return (need_tool("unshare", "util-linux"), "-U", *POWERFUL)


@contextmanager
def _held(script: str, *words: str) -> Iterator[str]:
    """The process that keeps a namespace of this script."""
    holder = subprocess.Popen(
        unshare(script, *words), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin
    assert holder.stdout
    RUNNING.add(holder.pid)
    try:
        assert holder.stdout.readline() == b"ready\n"
        yield str(holder.pid)
    finally:
        holder.stdin.close()
        holder.stdout.close()
        holder.wait()
        RUNNING.discard(holder.pid)


@contextmanager
def mounted(
    tree: Path, fqrn: str, enter: Path, writable: Path, owner: str = ""
) -> Iterator[tuple[str, ...]]:
    """A namespace with the tree at its place; gives the words that lead into it.

    enter: the compiled programs/enter.c. writable: what of the machine can be changed
    there. owner: of everything in the tree, UID:GID, as if claimed; else each its own.
    """
    if forbidden():
        yield ()
        return
    with tempfile.TemporaryDirectory(prefix="interpose-root-") as new:
        Path(new).chmod(0o755)
        words = (str(tree), fqrn, new, owner, str(writable))
        with _held(NAMESPACE, *words) as pid:
            yield (str(enter), pid, new)


@contextmanager
def guard(enter: Path, *places: Path) -> Iterator[tuple[str, ...]]:
    """As `guarded`, entered by these words as often as one likes."""
    with _held(HELD, *map(str, places)) as pid:
        yield (str(enter), pid, "/")
