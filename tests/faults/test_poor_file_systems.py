# SPDX-License-Identifier: GPL-2.0-or-later
"""Caches and scratch where the file system has no locks and no hard links."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.damage import bad_in_cache, good_objects
from tests.support.places import Repositories
from tests.support.run import Job, Runner
from tests.support.truth import truth_tree

FQRN = "sha1.example.org"
Configured = Callable[..., list[Any]]
# Calls answer as on an old NFS or a FUSE file system, by a filter of the kernel's.
POOR = r"""
import ctypes, os, struct, sys
ENOLCK, EPERM, ERRNO, ALLOW, KILL = 37, 1, 0x00050000, 0x7FFF0000, 0x80000000
FLOCK, FCNTL, LINK, LINKAT = 73, 72, 86, 265
LOCKS = (5, 6, 7, 36, 37, 38)
LOCKED, LINKED = ERRNO | ENOLCK, ERRNO | EPERM
if sys.argv.pop(1) == "deadly":
    # Only F_OFD_SETLK is left: that is how a scratch is marked as alive.
    LOCKS, LOCKED, LINKED = (5, 6, 7, 36, 38), KILL, ALLOW

def equal(value, yes, no):
    return (0x15, yes, no, value)

steps = [(0x20, 0, 0, 0),  # number of the call
         equal(LINK, len(LOCKS) + 6, 0), equal(LINKAT, len(LOCKS) + 5, 0),
         equal(FLOCK, len(LOCKS) + 3, 0), equal(FCNTL, 0, len(LOCKS) + 1),
         (0x20, 0, 0, 24)]  # low half of its second argument
for number, command in enumerate(LOCKS):
    steps.append(equal(command, len(LOCKS) - number, 0))
for answer in (ALLOW, LOCKED, LINKED):
    steps.append((0x06, 0, 0, answer))
code = b"".join(struct.pack("HBBI", *step) for step in steps)
buffer = ctypes.create_string_buffer(code)
program = struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(buffer))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program, 0, 0):
    sys.exit("no seccomp")
os.execv(sys.argv[1], sys.argv[1:])
"""
CHECK = r"""
import errno, fcntl, os, sys
place = sys.argv[1]
with open(os.path.join(place, "a"), "w") as file:
    for call in (lambda: fcntl.flock(file, fcntl.LOCK_EX),
                 lambda: fcntl.lockf(file, fcntl.LOCK_EX),
                 lambda: os.link(file.name, file.name + "2")):
        try:
            call()
        except OSError as error:
            print(errno.errorcode[error.errno])
fcntl.fcntl(0, fcntl.F_GETFL)
"""


class Poor(Runner):
    """Runs with calls that such a file system does not have."""

    locks = "refused"

    def arguments(self, job: Job) -> list[str | bytes]:
        return [sys.executable, "-I", "-c", POOR, self.locks, *super().arguments(job)]


class Deadly(Poor):
    """Runs in which who locks a file ends by SIGSYS."""

    locks = "deadly"


@pytest.fixture
def poor(run: Runner) -> Poor:
    if platform.machine() != "x86_64":
        pytest.skip("the filter is written for x86_64")
    return Poor(run.place, run.cache)


@pytest.fixture
def deadly(poor: Poor) -> Deadly:
    return Deadly(poor.place, poor.cache)


def test_the_filter_does_what_these_tests_need(poor: Poor) -> None:
    command = ("/usr/bin/python3", "-I", "-c", CHECK, poor.place)
    assert poor(*command).ok().text.split() == ["ENOLCK", "ENOLCK", "EPERM"]


@pytest.mark.parametrize("with_alien", [False, True])
def test_many_jobs_share_a_cache_without_locks_and_links(
    poor: Poor, configured: Configured, repositories: Repositories, with_alien: bool
) -> None:
    options = configured(FQRN, CVMFS_QUOTA_LIMIT="-1")
    if with_alien:
        options = [*options, "--alien-cache", poor.place / "alien"]
    rows = truth_tree(f"{FQRN}.jsonl").values()
    wanted = {row["sha256"] for row in rows if row["type"] == "file"}
    script = f"cd /cvmfs/{FQRN} && find . -type f -exec sha256sum -z {{}} +"
    jobs = [poor.start("sh", "-c", script, options=options) for _ in range(8)]
    for job in jobs:
        out, err = job.communicate(timeout=120)
        assert (err, job.returncode) == (b"", 0)
        found = {line.split("  ")[0] for line in out.decode().split("\0")[:-1]}
        assert found == wanted
    poor.nothing_left()
    good = good_objects(repositories.need(FQRN))
    assert bad_in_cache(poor.cache, good) == []
    assert list(poor.place.rglob("txn/*")) == []


def test_who_may_not_lock_is_left_alone_by_who_may(poor: Poor, run: Runner) -> None:
    job = poor.start("sh", "-c", "echo ready; read x")
    assert job.stdout is not None
    assert job.stdout.readline()
    before = list(poor.scratch.iterdir())
    assert before
    assert run.start("true").wait() == 0
    assert list(poor.scratch.iterdir()) == before
    job.communicate(b"\n")
    poor.nothing_left()


def test_a_scratch_without_locks_is_removed_after_a_death(
    poor: Poor, configured: Configured
) -> None:
    command = ("sh", "-c", f"ls /cvmfs/{FQRN} >/dev/null; echo ready; read x")
    job = poor.start(*command, options=configured(FQRN))
    assert job.stdout is not None
    assert job.stdout.readline()
    job.kill()
    job.communicate()
    poor.nothing_left()


ALL_READ = """
import os, sys
wanted = sys.argv[1:]
for top, folders, files in os.walk(wanted[0]):
    for path in (os.path.join(top, name) for name in files):
        if not os.path.islink(path):
            open(path, 'rb').read()
held = {tuple(line.split()[-3].split(':')) for line in open('/proc/locks')}
count = 0
for place in wanted[1:]:
    for top, folders, files in os.walk(place):
        for name in (top, *(os.path.join(top, one) for one in files)):
            state = os.lstat(name)
            device = [f'{part(state.st_dev):02x}' for part in (os.major, os.minor)]
            count += (*device, str(state.st_ino)) in held
print(count, len(held) > 0)
"""


@pytest.mark.parametrize("with_alien", [False, True])
def test_nothing_in_a_cache_is_ever_locked(
    deadly: Deadly, configured: Configured, with_alien: bool
) -> None:
    places = [deadly.cache, deadly.place / "alien"] if with_alien else [deadly.cache]
    options = configured(FQRN, CVMFS_QUOTA_LIMIT="-1")
    options += ["--alien-cache", places[1]] if with_alien else []
    words = ("/usr/bin/python3", "-I", "-c", ALL_READ, f"/cvmfs/{FQRN}", *places)
    for _ in range(2):
        result = deadly(*words, options=options).ok()
        assert (result.text, result.messages) == ("0 True\n", [])
    code = "import fcntl; fcntl.flock(0, fcntl.LOCK_SH)"
    assert deadly("/usr/bin/python3", "-I", "-c", code).status == -31
