# SPDX-License-Identifier: GPL-2.0-or-later
"""A process with another root is left to the kernel, with one line.

covers: chroot pivot_root setns
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.differential.conftest import TEMPORARY, Pair
from tests.differential.namespaces import mounted as mount
from tests.differential.test_compatibility import Configured
from tests.support.run import Runner
from tests.support.web import RUNNING

NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may change its /")
LINE = "/cvmfs is not shown to a process with another root"
CHROOT = """
import os
os.chroot("/usr")
for path in ("/cvmfs", "/cvmfs/a.b", "/cvmfsx", "/"):
    print(path, os.path.exists(path))
"""
PIVOT = """
import ctypes, os
try:
    os.stat("/cvmfs")
finally:
    print(ctypes.CDLL(None, use_errno=True).syscall(155, b"/none", b"/none"))
    print(os.path.exists("/cvmfs"))
"""


@NEEDS_ROOT
def test_after_chroot_the_kernel_answers_and_one_line_says_so(run: Runner) -> None:
    result = run("/usr/bin/python3", "-I", "-c", CHROOT).ok()
    wanted = ["/cvmfs False", "/cvmfs/a.b False", "/cvmfsx False", "/ True"]
    assert result.text.splitlines() == wanted
    assert [line for line in result.messages if LINE in line] == result.messages
    assert len(result.messages) == 1


@NEEDS_ROOT
def test_a_process_may_be_given_the_root_that_it_has(
    run: Runner, configured: Configured
) -> None:
    command = ("chroot", "/", "cat", "/cvmfs/sha1.example.org/README")
    result = run(*command, options=configured("sha1.example.org")).ok()
    assert result.stdout
    assert result.messages == []


# What begins in a directory of /cvmfs, for a process whose root is another by now.
LEFT_BEHIND = """
import ctypes, errno, json, os, sys
root, new = sys.argv[1:]
if os.geteuid() != 0:
    assert ctypes.CDLL(None).unshare(0x10000000) == 0
fd = os.open(root, os.O_RDONLY)
readme = os.open(root + "/README", os.O_RDONLY)
os.chdir(root)
os.chroot(new)
found = {}
def attempt(call, *words, **where):
    try:
        call(*words, **where)
        code = "done"
    except OSError as error:
        code = errno.errorcode[error.errno]
    found[f"{call.__name__} {words} {sorted(where)}"] = code
for name in (".", "..", "../..", "../1", "../../lock", "../d", "new"):
    for where in ({}, {"dir_fd": fd}):
        attempt(os.chmod, name, 0o000, **where)
        attempt(os.chown, name, os.getuid(), os.getgid(), **where)
        attempt(os.utime, name, (1, 1), **where)
        attempt(os.mkdir, name, **where)
        attempt(os.rmdir, name, **where)
        attempt(os.unlink, name, **where)
        attempt(os.rename, name, "other")
        attempt(os.symlink, "x", name, **where)
        attempt(os.open, name, os.O_CREAT | os.O_WRONLY, **where)
for one in (fd, readme):
    attempt(os.fchmod, one, 0o777)
    attempt(os.utime, one, (1, 1))
print(json.dumps([found, os.fstat(readme).st_size, os.stat("README").st_size,
                  os.stat("README", dir_fd=fd).st_ino == os.fstat(readme).st_ino]))
"""


def test_whose_root_is_another_changes_nothing_beneath_cvmfs(
    run: Runner, configured: Configured, place: Path
) -> None:
    new = place / "new"
    new.mkdir()
    root = "/cvmfs/sha1.example.org"
    script = """
        "$@" || exit; shift $(($# - 2))
        ls -d /cvmfs "$1" "$1/special" > /dev/null; cat "$1/README" > /dev/null
    """
    python = ("/usr/bin/python3", "-I", "-c", LEFT_BEHIND, root, new)
    words = ("sh", "-c", script, "sh", *python)
    if os.geteuid() != 0:
        tried = subprocess.run(["unshare", "-r", "true"], check=False)
        if tried.returncode:
            pytest.skip("this user gets no namespace natively")
    result = run(*words, options=configured("sha1.example.org")).ok()
    found, size, by_name, same = json.loads(result.text)
    assert (size, same) == (by_name, True)
    assert size > 0
    assert "done" not in found.values(), found
    assert result.messages == []


@NEEDS_ROOT
def test_a_new_root_may_be_named_by_a_way_through_cvmfs(
    run: Runner, place: Path
) -> None:
    new = place / "new"
    new.mkdir()
    (new / "here").touch()
    code = f"import os; os.chroot('/cvmfs/..{new}'); print(os.listdir('/'))"
    assert run("/usr/bin/python3", "-I", "-c", code).ok().text == "['here']\n"


def test_a_refused_pivot_root_changes_nothing(run: Runner) -> None:
    result = run("/usr/bin/python3", "-I", "-c", PIVOT).ok()
    assert result.text.splitlines() == ["-1", "True"]
    assert result.messages == []


# A mount namespace with another root: what a container is.
ELSEWHERE = """
mount -t tmpfs none "$1" && mkdir "$1/old" && cd "$1" && pivot_root . old
echo ready; read -r _
"""
SETNS = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
own, other = (os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY) for pid in sys.argv[1:])
for fd in (own, other):
    print(libc.setns(fd, 0), os.path.exists("/cvmfs"))
"""


@NEEDS_ROOT
def test_after_setns_to_another_root_the_kernel_answers(
    run: Runner, place: Path
) -> None:
    point = place / "root"
    point.mkdir()
    container = subprocess.Popen(
        [
            "unshare",
            "-m",
            "--propagation",
            "private",
            "sh",
            "-c",
            ELSEWHERE,
            "-",
            point,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    RUNNING.add(container.pid)  # none of the run's
    with container:
        assert container.stdout is not None
        assert container.stdout.readline() == b"ready\n"
        words = ("/usr/bin/python3", "-I", "-c", SETNS)
        # `own`: that of the process which starts the job.
        result = run(*words, str(os.getpid()), str(container.pid)).ok()
    RUNNING.discard(container.pid)
    assert result.text.splitlines() == ["0 True", "0 False"]
    assert len([line for line in result.messages if LINE in line]) == 1


# Everything that may lead to a name below /cvmfs, and what stands there.
ALL_WAYS = """
import json, os, sys
root, fd = sys.argv[1], os.open("/", os.O_RDONLY)
found = [os.listdir("/cvmfs"), sorted(os.listdir(root)), os.listdir("/").count("cvmfs"),
         os.listdir("/proc/self/root" + "/cvmfs"), os.listdir(fd).count("cvmfs")]
names = [root, root[1:], ".." + root, "/proc/self/root" + root, "/usr/.." + root]
os.chdir("/usr")
for name in names:
    at = fd if name == root[1:] else None
    found.append(os.stat(f"{name}/README", dir_fd=at).st_size)
    for missing in (f"{name}/theirs", os.path.dirname(name) + "/none.example.org"):
        try:
            found.append(str(os.stat(missing, dir_fd=at)))
        except FileNotFoundError:
            pass
os.chdir("/cvmfs")
found.append(os.path.exists(f"..{root}/theirs") or os.path.exists("theirs"))
print(json.dumps(found))
"""


def test_where_the_host_has_a_cvmfs_the_job_sees_ours(
    mounted: Pair, configured: Configured, place: Path
) -> None:
    tree = place / "theirs"
    tree.mkdir()
    (tree / "README").write_text("of the host\n")
    (tree / "theirs").write_text("of the host\n")
    fqrn = "tricky.example.org"
    root, run = f"/cvmfs/{fqrn}", mounted.run
    words = ("/usr/bin/python3", "-I", "-c", ALL_WAYS, root)
    alone = json.loads(run(*words, options=configured(fqrn)).ok().text)
    enter = mounted.world.programs / "enter"
    with mount(tree, fqrn, enter, TEMPORARY) as run.before:
        theirs = subprocess.run(
            [*run.before, "/bin/ls", root], check=True, capture_output=True
        )
        assert theirs.stdout == b"README\ntheirs\n"
        found = json.loads(run(*words, options=configured(fqrn)).ok().text)
    assert found == alone
    assert found[0] == [fqrn]
    assert found[-1] is False
