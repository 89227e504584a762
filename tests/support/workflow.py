# SPDX-License-Identifier: GPL-2.0-or-later
"""A program from /cvmfs, run natively and under interpose_run: nothing may differ.

Natively the tree is bound, read-only, at the same path in a mount namespace of the run:
root's, or one that an ordinary user makes. Both runs start in the same directory with
the same files, and with the same environment.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import shlex
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.debian import PYTHON
from tests.support.places import ROOT, need_tool
from tests.support.run import DEFAULT_PATH, Job, Runner
from tests.support.software import Software, fqrn

IS_ROOT = os.geteuid() == 0
MOST_LINES = 60
INSIDE = ROOT / "tests/programs/inside"
LIBRARIES = f"/usr/lib/{os.uname().machine}-linux-gnu"
# In front of a native run: all directories of the host, and the tree in /cvmfs. For
# root the host's files are read-only, but those below the directory for temporary ones.
MOUNT = r"""
set -eu
tree=$1; fqrn=$2; open=$3; user=$4; shift 4
here=$PWD; new=/mnt
mount -t tmpfs -o mode=755 none $new
for each in /*; do
    name=${each#/}
    case $name in mnt | cvmfs) continue ;; esac
    if [ -L "$each" ]; then cp -P "$each" "$new/$name"
    elif [ -d "$each" ]; then
        mkdir "$new/$name"; mount --rbind "$each" "$new/$name"
        [ -n "$user" ] || [ "$name" = "${open%%/*}" ] || mountpoint -q "$each" ||
            mount -o remount,bind,ro "$new/$name"
    fi
done
mkdir -p "$new/cvmfs/$fqrn"
mount --bind "$tree" "$new/cvmfs/$fqrn"
mount -o remount,bind,ro,nodev,nosuid "$new/cvmfs/$fqrn"
cd $new
pivot_root . .
umount -l .
cd "$here"
[ -z "$user" ] || exec unshare -U --map-user="${user%:*}" --map-group="${user#*:}" "$@"
exec "$@"
"""
# tmpfile() of the C library knows /tmp alone, and make does not survive its failure.
GUARD = r"""
set -e
mount --bind /tmp /tmp
mount --bind "$1" "$1"
mount -o remount,bind,ro /
cd "$2"
shift 2
exec "$@"
"""
SHELL = ("sh", "-eu", "-c")
UNSHARE = ("-m", "--propagation", "private", "sh", "-c")


@dataclass(frozen=True)
class Row:
    """One program: what is run, and what its output must show.

    script: for `sh -eu`, in an empty directory; $R is the tree in /cvmfs, $RUN begins
    a run of ours where the whole script is not to be one (`inside`).
    """

    name: str
    tree: str
    script: str
    shows: str = ""  # a pattern that the native output must have
    needs: str = ""  # commands of the host, each `command` or `command:package`
    unlike: tuple[tuple[str, str], ...] = ()  # what differs between any two runs
    scratch: str = ""  # pattern of produced files that differ between any two runs
    status: int = 0
    inside: bool = False
    mapped: bool = False  # ours too where only this user has a number, as natively
    timeout_s: float = 120.0


@dataclass(frozen=True)
class Outcome:
    """What a run did that anybody could see."""

    status: int
    output: str
    errors: str
    files: list[str]

    def lines(self) -> list[str]:
        return [
            f"status {self.status}",
            *self.output.splitlines(),
            "--- standard error",
            *self.errors.splitlines(),
            "--- files",
            *self.files,
        ]

    def explain(self) -> str:
        """The end of it, where the native run is not what it should be."""
        said = [*self.output.splitlines()[-MOST_LINES:], "--- standard error"]
        said += self.errors.splitlines()[-MOST_LINES:]
        return "\n".join([f"native: status {self.status}", *said])


@dataclass(frozen=True)
class Workflow:
    """Runs rows both ways."""

    software: Software
    url: str
    run: Runner
    place: Path

    def same(self, row: Row) -> Outcome:
        """Fail unless both runs of a row are equal; gives the native outcome."""
        for word in row.needs.split():
            need_tool(*word.split(":"))
        tree = self.software.tree(row.tree)
        native = self._whole(row, tree)
        ours = self._interposed(row)
        (self.place / "interposed.txt").write_text("\n".join(ours.lines()))
        if ours != native:
            # Some of what others do shows natively (a link is counted twice while
            # something is mounted): what a second run gives is as native.
            native = self._whole(row, tree)
        lines = list(
            difflib.unified_diff(
                native.lines(), ours.lines(), "native", "interposed", "", "", 1, ""
            )
        )
        assert not lines, "\n".join([*lines[:MOST_LINES], *self.run.repeats[-1:]])
        return native

    def _whole(self, row: Row, tree: Path) -> Outcome:
        """A native run that did what the row says."""
        native = self._native(row, tree)
        (self.place / "native.txt").write_text("\n".join(native.lines()))
        assert native.status == row.status, native.explain()
        assert re.search(row.shows, native.output), native.explain()
        return native

    @property
    def _work(self) -> Path:
        return self.place / "here"

    def _prepare(self) -> None:
        self._work.mkdir()
        for name in ("home", "tmp"):
            (self.place / name).mkdir()

    def _environment(self, row: Row) -> dict[str, str]:
        root = f"/cvmfs/{fqrn(row.tree)}"
        return {
            "PATH": f"{root}/usr/bin:{DEFAULT_PATH}",
            "HOME": str(self.place / "home"),
            "TMPDIR": str(self.place / "tmp"),
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "R": root,
            "L": root + LIBRARIES,
            "LD_LIBRARY_PATH": root + LIBRARIES,
            "INSIDE": str(INSIDE),
            "PYTHON": PYTHON,
        }

    def _native(self, row: Row, tree: Path) -> Outcome:
        user = "" if IS_ROOT else f"{os.geteuid()}:{os.getegid()}"
        own = () if IS_ROOT else ("-U", "-r")
        open_part = tempfile.gettempdir().strip("/")
        words = [need_tool("unshare", "util-linux"), *own, *UNSHARE, MOUNT, "sh"]
        words += [str(tree), fqrn(row.tree), open_part, user]
        return self._bare(row, words, {"RUN": "env"})

    def _interposed(self, row: Row) -> Outcome:
        options = self.software.publisher.options(fqrn(row.tree), self.url)
        self.run.base = ["--cache", self.software.cache, "--scratch", self.run.scratch]
        guard = ("unshare", *UNSHARE, GUARD, "sh", tempfile.gettempdir())
        before = (*guard, str(self._work)) if IS_ROOT else _mapped(row)
        job = Job(("true",), options=options)
        launch = list(map(os.fsdecode, self.run.arguments(job)))[:-1]
        if row.inside:
            outcome = self._bare(row, before, {"RUN": shlex.join(launch)})
            self.run.nothing_left()
            return outcome
        self._prepare()
        self.run.before = before
        result = self.run(
            *SHELL,
            row.script,
            options=options,
            env=self._environment(row),
            cwd=self._work,
            timeout_s=row.timeout_s,
        )
        return self._outcome(row, result.status, result.stdout, result.stderr)

    def _bare(
        self, row: Row, before: Iterable[str], more: Mapping[str, str]
    ) -> Outcome:
        self._prepare()
        words = [*before, *SHELL, row.script]
        process = subprocess.Popen(
            words,
            cwd=self._work,
            env={**self._environment(row), **(more if row.inside else {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            out, errors = process.communicate(timeout=row.timeout_s)
        except subprocess.TimeoutExpired:
            self.run.kill_all()
            out, errors = process.communicate()
            said = os.fsdecode(out + errors)[-3000:]
            pytest.fail(f"no end after {row.timeout_s:g} s\n{said}\n{words[:-1]}")
        return self._outcome(row, process.returncode, out, errors)

    def _outcome(self, row: Row, status: int, out: bytes, errors: bytes) -> Outcome:
        """Take what is to be compared, and the directories out of the way."""
        texts = [one.decode("utf-8", "backslashreplace") for one in (out, errors)]
        for pattern, instead in row.unlike:
            texts = [re.sub(pattern, instead, one) for one in texts]
        files = _files(self._work, row.scratch)
        for name in ("here", "home", "tmp"):
            shutil.rmtree(self.place / name)
        return Outcome(status, *texts, files)


def _mapped(row: Row) -> tuple[str, ...]:
    """The users' namespace that a native run of an ordinary user is in."""
    own = (f"--map-user={os.geteuid()}", f"--map-group={os.getegid()}")
    return ("unshare", "-U", *own) if row.mapped else ()


def _files(work: Path, scratch: str) -> list[str]:
    """A line for each produced file: mode, name, and what it holds."""
    rows = []
    for above, directories, files in os.walk(work):
        for name in sorted([*directories, *files]):
            path = Path(above, name)
            shown = str(path.relative_to(work))
            if scratch and re.search(scratch, shown):
                continue
            status = path.lstat()
            row = f"{stat.filemode(status.st_mode)} {shown}"
            if path.is_symlink():
                row += f" -> {os.readlink(path)}"
            elif stat.S_ISREG(status.st_mode):
                row += (
                    f" {status.st_size} {hashlib.sha1(path.read_bytes()).hexdigest()}"
                )
            rows.append(row)
    return sorted(rows, key=lambda row: row.split(" ", 1)[1])


def need_mounts() -> None:
    """Skip where neither root nor an ordinary user's namespace may mount."""
    own = () if IS_ROOT else ("-U", "-r")
    words = [
        need_tool("unshare", "util-linux"),
        *own,
        *UNSHARE,
        "mount -t tmpfs a /mnt",
    ]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"no mount, nothing to compare with: {done.stderr.strip()}")
