# SPDX-License-Identifier: GPL-2.0-or-later
"""Directories that stand for those of /cvmfs lie in memory, and nothing stays there.

See docs/decisions/0020.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.faults.test_disks import Prepared
from tests.support.memory import MEMORY, in_memory, is_tmpfs, tracer_of
from tests.support.places import need_tool, need_user
from tests.support.run import Job, Runner, kill_both
from tests.support.truth import truth_tree

FQRN = "programs.example.org"
TOP = f"/cvmfs/{FQRN}"
IS_ROOT = os.geteuid() == 0
THEM = 1002
Configured = Callable[..., list[Any]]
# Opens every directory, and waits in one of them for a line.
HOLD = f"cd {TOP}/env && ls -R {TOP} >/dev/null && echo ready && read -r line"
# What a job sees of directories, and of what is copied from them.
LOOK = f"""
find {TOP} -printf '%y %m %U %s %T@ %i %n %P\\n'
ls -R {TOP}
cd {TOP}/data/subdir; pwd -P; /bin/pwd; cd ..; pwd -P; ls -d "$PWD"/* ../data
readlink /proc/self/cwd; readlink /proc/self/fd/9 9<.
stat -L -c '%i %a %n' . /proc/self/cwd; stat -f -c '%T %S' . /cvmfs
for words in 'mkdir no' 'rmdir subdir' 'chmod 700 subdir' 'touch subdir'; do
    $words 2>&1
done
cp -a {TOP}/env {TOP}/lib {TOP}/data "$1" && cd "$1"
find . -mindepth 1 -printf '%y %m %s %T@ %P\\n' | sort
chmod -R u+w .
"""


@pytest.fixture
def disk(run: Runner) -> Runner:
    """Runs with a scratch that is not in memory by itself."""
    if is_tmpfs(run.scratch):
        pytest.skip(f"{run.scratch} is a tmpfs: then no second directory is made")
    if not is_tmpfs(MEMORY):
        pytest.skip(f"{MEMORY} is no tmpfs: then they are made in the scratch")
    return run


@pytest.fixture
def disks(disk: Runner) -> Prepared:
    """The same in a mount namespace, where /dev/shm can be another one."""
    own = ["unshare", "-m"] if IS_ROOT else ["unshare", "-Urm"]
    need_tool("unshare", "util-linux")
    tried = [*own, "mount", "-t", "tmpfs", "none", str(MEMORY)]
    if subprocess.run(tried, capture_output=True, check=False).returncode != 0:
        pytest.skip("no file system can be mounted, not even in a user namespace")
    return Prepared(disk.place, disk.cache)


@contextmanager
def holding(
    run: Runner, options: list[Any], script: str = HOLD, **how: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """A job that has opened directories and waits for a line."""
    front = run.start("sh", "-c", script, options=options, **how)
    assert front.stdout
    assert front.stdout.readline() == b"ready\n", front.communicate()
    try:
        yield front
    finally:
        front.communicate()


def here(path: Path) -> Path:
    """The same by a name that stays when the process ends."""
    return Path("/", *path.parts[4:])


def names(folder: Path) -> list[str]:
    """Those of the tracer, and those of stubs where there are some."""
    return sorted(path.name for path in folder.glob("[dk]/*"))


def in_scratch(run: Runner) -> list[str]:
    (scratch,) = run.scratch.glob(".interpose-*")
    return names(scratch)


def look(run: Runner, options: list[Any]) -> str:
    with tempfile.TemporaryDirectory(dir=run.place) as copy:
        done = run("sh", "-c", LOOK, "sh", copy, options=options)
    assert done.messages == [], done.explain()
    return done.text


def test_directories_are_in_memory_and_gone_with_the_job(
    disk: Runner, configured: Configured
) -> None:
    with holding(disk, configured(FQRN)) as front:
        (found,) = in_memory(front)
        assert len(names(found)) > 20
        assert in_scratch(disk) == []
        modes = {path.stat().st_mode & 0o7777 for path in (found, found / "d")}
        assert modes == {0o711 if IS_ROOT else 0o700}
    disk.nothing_left()
    assert not here(found).exists()


def test_a_job_without_directories_of_cvmfs_makes_none(
    disk: Runner, configured: Configured
) -> None:
    script = f"cat {TOP}/env/setup.sh >/dev/null; echo ready; read -r line"
    with holding(disk, configured(FQRN), script) as front:
        assert in_memory(front) == []


@pytest.mark.parametrize("victim", ["front", "tracer", "main"])
def test_a_kill_of_one_leaves_nothing_in_memory(
    disk: Runner, configured: Configured, victim: str
) -> None:
    with holding(disk, configured(FQRN)) as front:
        (found,) = in_memory(front)
        tracer = tracer_of(front)
        # The resolver is a child of the tracer, too.
        main = next(child for child in tracer.children() if child.name() == "sh")
        killed = {"front": front.pid, "tracer": tracer.pid, "main": main.pid}
        os.kill(killed[victim], signal.SIGKILL)
    disk.nothing_left()
    assert not here(found).exists()


def test_what_a_kill_of_all_leaves_in_memory_the_next_run_removes(
    disk: Runner, configured: Configured
) -> None:
    with holding(disk, configured(FQRN)) as front:
        (found,) = in_memory(front)
        kill_both(front, tracer_of(front))
    assert names(here(found)) != []
    assert disk("true").status == 0
    assert not here(found).exists()


def test_what_has_the_name_and_is_somebody_elses_stays(
    disks: Prepared, configured: Configured
) -> None:
    if not IS_ROOT:
        pytest.skip("only root can give a directory to another user")
    need_user(THEM)
    disks.script = f"""{mounted("size=1m")}
        for n in 111111 222222 333333; do
            mkdir {MEMORY}/.interpose-$n; : >{MEMORY}/.interpose-$n/lock
        done
        chown -R {THEM} {MEMORY}/.interpose-*; ln -s / {MEMORY}/.interpose-444444"""
    with holding(disks, configured(FQRN)) as front:
        (found,) = in_memory(front)
        assert len(names(found)) > 20
        assert len(list(found.parent.iterdir())) == 5


def test_the_directory_of_the_session_is_preferred_where_all_of_the_job_can_pass(
    disk: Runner, configured: Configured
) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as own:
        env = {**disk.environment(), "XDG_RUNTIME_DIR": own}
        with holding(disk, configured(FQRN), env=env) as front:
            assert bool(in_memory(front, Path(own))) != IS_ROOT
            assert bool(in_memory(front)) == IS_ROOT
        os.chmod(own, 0o711)
        with holding(disk, configured(FQRN), env=env) as front:
            assert len(in_memory(front, Path(own))) == 1


def test_a_scratch_in_memory_has_them_beside_it(
    disks: Prepared, configured: Configured
) -> None:
    """Where stubs make theirs; also if there is no other memory."""
    options = configured(FQRN)
    wanted = look(disks, options)
    for memory in ("", WITHOUT["read-only"] + "\n"):
        disks.script = f"{memory}mount -t tmpfs -o mode=0755 none {disks.scratch}"
        assert look(disks, options) == wanted
        with holding(disks, options) as front:
            folders = in_memory(front, disks.scratch if memory else MEMORY)
            # One of them is the scratch itself where there is no other memory.
            assert len(folders) == 1 + bool(memory)
            assert max(len(names(folder)) for folder in folders) > 20


LITTLE = "size=64k,nr_inodes=20"


def mounted(options: str) -> str:
    """A script that mounts another /dev/shm."""
    return f"mount -t tmpfs -o mode=1777,{options} none {MEMORY}"


WITHOUT = {
    "read-only": mounted("ro"),
    "no tmpfs": f"mount --bind /usr {MEMORY}",
    "open to all": mounted("mode=777"),
    "no inodes": mounted("nr_inodes=4"),
}


@pytest.mark.parametrize("kind", WITHOUT)
def test_without_memory_they_are_in_the_scratch(
    disk: Runner, disks: Prepared, configured: Configured, kind: str
) -> None:
    wanted = look(disk, configured(FQRN))
    disks.script = WITHOUT[kind]
    assert look(disks, configured(FQRN)) == wanted
    with holding(disks, configured(FQRN)) as front:
        assert in_memory(front) == []
        assert len(in_scratch(disks)) > 20


def test_little_memory_is_not_filled(
    disk: Runner, disks: Prepared, configured: Configured
) -> None:
    wanted = look(disk, configured(FQRN))
    disks.script = mounted(LITTLE)
    assert look(disks, configured(FQRN)) == wanted
    with holding(disks, configured(FQRN)) as front:
        (found,) = in_memory(front)
        assert 4 < len(names(found)) < 10
        assert len(in_scratch(disks)) > 10


FILL = f"""
cd {TOP}/env; i=0
while true >{MEMORY}/n$i; do i=$((i+1)); done 2>/dev/null
"""


def test_memory_that_others_fill_meanwhile_costs_no_error(
    disk: Runner, disks: Prepared, configured: Configured
) -> None:
    wanted = look(disk, configured(FQRN))
    disks.script = mounted(LITTLE)
    with tempfile.TemporaryDirectory(dir=disks.place) as copy:
        words = ("sh", "-c", FILL + LOOK, "sh", copy)
        done = disks(*words, options=configured(FQRN)).ok()
    assert done.text == wanted, done.explain()
    assert done.messages == [], done.explain()


@pytest.mark.parametrize("deed", ["mount -t tmpfs none", "umount -l"])
def test_memory_that_somebody_hides_meanwhile_costs_no_error(
    disks: Prepared, configured: Configured, deed: str
) -> None:
    if not IS_ROOT:
        pytest.skip("only root can change the mounts of a job from outside")
    enter = need_tool("nsenter", "util-linux")
    disks.script = mounted("size=1m")
    shown = f"ls -R {TOP}; cd {TOP}/data && pwd -P; cd subdir && pwd -P"
    script = f"{HOLD}; pwd -P; cd .. && pwd -P; {shown}"
    wanted = disks("sh", "-c", script, options=configured(FQRN), stdin=b"\n").ok()
    front = disks.start("sh", "-c", script, options=configured(FQRN))
    assert front.stdout
    assert front.stdout.readline() == b"ready\n"
    assert len(in_memory(front)) == 1
    words = [enter, "-t", str(front.pid), "-m", *deed.split(), str(MEMORY)]
    subprocess.run(words, check=True)
    out, err = front.communicate(b"\n", timeout=60)
    assert (b"ready\n" + out, err) == (wanted.stdout, wanted.stderr)


def test_who_has_other_mounts_is_given_those_of_the_scratch(
    disk: Runner, configured: Configured
) -> None:
    """A container has a /dev/shm of its own as a rule, and what it sees of /tmp."""
    own = "unshare -m" if IS_ROOT else "unshare -Urm"
    # Natively: a fault of ours must not look like a machine that forbids it.
    if subprocess.run([*own.split(), "true"], check=False).returncode != 0:
        pytest.skip("this machine gives nobody a mount namespace of his own")
    front = disk.start(
        "sh", "-c", f"exec {own} sh -c '{HOLD}'", options=configured(FQRN)
    )
    assert front.stdout
    assert front.stdout.readline() == b"ready\n"
    assert in_memory(front) == []
    assert len(in_scratch(disk)) > 20
    front.communicate()


def test_where_they_are_made_is_told(disk: Runner) -> None:
    words = disk.arguments(Job(["true"], options=["-v"]))
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    assert f"directories of /cvmfs are made in {MEMORY}" in done.stderr


def test_a_fifo_is_one_whatever_mounts_a_process_has(
    disk: Runner, configured: Configured
) -> None:
    if not IS_ROOT:
        pytest.skip("the FIFO is root's by the catalog: a user may not write to it")
    fqrn = "tricky.example.org"
    rows = truth_tree(f"{fqrn}.jsonl").items()
    (fifo,) = (f"/cvmfs/{fqrn}/{path}" for path, row in rows if row["type"] == "fifo")
    script = """
        test -p "$0" && ls "${0%/*}" >/dev/null
        unshare -m sh -c 'test -p "$0" && echo through >"$0"' "$0" &
        read -r line <"$0" && echo "$line"
    """
    done = disk("sh", "-c", script, fifo, options=configured(fqrn)).ok()
    assert done.text == "through\n", done.explain()
