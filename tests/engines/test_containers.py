# SPDX-License-Identifier: GPL-2.0-or-later
"""In containers: process 1, a user without a name, no FUSE, Docker's default rules."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.keeper import own_directory
from tests.support.places import NUMBERS, ROOT, Repositories, need_container, need_tool
from tests.support.run import LEAVE_S, Runner
from tests.support.truth import truth_tree

FQRN = "sha1.example.org"
README = f"/cvmfs/{FQRN}/README"
RULES = ROOT / "tests/engines/programs/docker_rules.c"
# Nobody's number, in /etc/passwd of no machine.
NAMELESS = 4711
Configured = Callable[..., list[Any]]


@pytest.fixture(scope="module")
def docker_rules() -> Iterator[Path]:
    """A program: `docker_rules [process_vm] -- COMMAND...`."""
    with own_directory("interpose-rules-") as place:
        built = place / "docker_rules"
        command = [need_tool("gcc"), "-O1", NUMBERS, str(RULES), "-o", str(built)]
        subprocess.run(command, check=True)
        yield built


@pytest.fixture
def container(run: Runner, configured: Configured) -> tuple[str, ...]:
    """A container by bubblewrap; only scratch and cache can be written.

    The program is process 1 in it, and nobody's.
    """
    run.cache.mkdir()
    words = [need_tool("bwrap", "bubblewrap"), "--ro-bind", "/", "/"]
    words += ["--dev", "/dev", "--proc", "/proc", "--unshare-user", "--unshare-pid"]
    words += ["--as-pid-1", "--uid", str(NAMELESS), "--gid", str(NAMELESS)]
    for place in (run.scratch, run.cache):
        words += ["--bind", str(place), str(place)]
    words += ["--cap-drop", "ALL", "--"]
    return need_container(*words)


@pytest.fixture
def readme(repositories: Repositories) -> bytes:
    # What the repository says of it; its bytes are proven by their hash.
    row = truth_tree(f"{FQRN}.jsonl")["README"]
    return f"{row['sha256']}  {README}\n".encode()


RULED = [[], ["process_vm"]]


@pytest.mark.parametrize("rules", RULED, ids=["docker", "no_process_vm"])
def test_a_job_in_a_container_sees_cvmfs_cold_and_warm(
    run: Runner,
    configured: Configured,
    container: tuple[str, ...],
    docker_rules: Path,
    readme: bytes,
    rules: list[str],
) -> None:
    run.before = (*container, str(docker_rules), *rules, "--")
    script = f"ls /dev/fuse || sha256sum {README}; id -u; touch /here"
    script += "; mount -t tmpfs a /mnt"
    for _ in range(2):
        result = run("sh", "-c", script, options=configured(FQRN))
        assert result.stdout == readme + b"%d\n" % NAMELESS, result.explain()
        assert [line for line in result.errors if line.startswith("interpose")] == []
        fuse, touch, mount = result.errors[0], result.errors[1], result.errors[2]
        assert "No such file" in fuse
        assert "Read-only file system" in touch
        assert "mount" in mount
        assert result.status != 0


def test_docker_rules_forbid_what_they_say(docker_rules: Path) -> None:
    """Otherwise the test above would prove nothing."""
    for command in (["unshare", "-U", "true"], ["setarch", "-R", "true"]):
        assert subprocess.run(command, check=False).returncode == 0
        done = subprocess.run(
            [docker_rules, "--", *command], check=False, capture_output=True
        )
        assert b"Operation not permitted" in done.stderr


def test_the_doctor_says_that_such_a_container_can(
    run: Runner, container: tuple[str, ...], docker_rules: Path, interpose_run: Path
) -> None:
    places = ["--scratch", str(run.scratch), "--cache", str(run.cache)]
    words = [*container, str(docker_rules), "--", str(interpose_run), "--doctor"]
    done = subprocess.run(
        [*words, "--offline", *places], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\nptrace: ok" in done.stdout
    assert "\nprocess_vm: ok" in done.stdout


@pytest.mark.parametrize(
    ("end", "status"), [("exit 5", 5), ("kill -SEGV $$", 139), ("kill -KILL $$", 137)]
)
def test_process_1_ends_as_its_job(
    run: Runner,
    configured: Configured,
    container: tuple[str, ...],
    end: str,
    status: int,
) -> None:
    """The kernel kills process 1 by no signal of its own: a shell's number tells it."""
    run.before = container
    script = f"cat /proc/1/comm; {end}"
    result = run("sh", "-c", script, options=configured(FQRN))
    assert (result.status, result.text) == (status, "interpose_run\n"), result.explain()


def test_process_1_reaps_orphans_and_takes_none_with_it(
    run: Runner, configured: Configured, container: tuple[str, ...]
) -> None:
    """A dead orphan goes; one that lives ends with the container, as natively."""
    run.before = container
    script = "p=$( (sh -c 'echo $$' &) ); while [ -e /proc/$p ]; do sleep 0.01; done"
    script += "; echo reaped; (sleep 600 &)"
    result = run("sh", "-c", script, options=configured(FQRN)).ok()
    assert result.text == "reaped\n", result.explain()


def test_docker_stop_reaches_the_job_once(
    run: Runner, configured: Configured, container: tuple[str, ...]
) -> None:
    run.before = container
    script = "trap 'echo told; exit 7' TERM; echo ready; while :; do sleep 0.1; done"
    job = run.start("sh", "-c", script, options=configured(FQRN))
    assert job.stdout is not None
    assert job.stdout.readline() == b"ready\n"
    first_process(job.pid).send_signal(signal.SIGTERM)
    assert job.communicate(timeout=60)[0] == b"told\n"
    assert job.returncode == 7


def first_process(outer: int) -> psutil.Process:
    """Process 1 of the container that `outer` started."""
    for one in psutil.Process(outer).children(recursive=True):
        text = Path(f"/proc/{one.pid}/status").read_text()
        if f"NSpid:\t{one.pid}\t1\n" in text:
            return one
    raise AssertionError(outer)


def test_docker_kill_leaves_nothing(
    run: Runner, configured: Configured, container: tuple[str, ...]
) -> None:
    """With process 1 the kernel ends all.

    What lay in the scratch ends with the container, as its file system does.
    """
    run.before = container
    script = f"cat {README} >/dev/null; echo ready; exec sleep 600"
    job = run.start("sh", "-c", script, options=configured(FQRN))
    assert job.stdout is not None
    assert job.stdout.readline() == b"ready\n"
    first = first_process(job.pid)
    first.kill()
    job.communicate(timeout=60)
    assert job.returncode == 128 + signal.SIGKILL
    psutil.wait_procs(run.left(), LEAVE_S)
    assert run.left() == []
    for left in run.scratch.iterdir():
        subprocess.run(["rm", "-r", left], check=True)


def test_without_bubblewrap_unshare_will_do(
    run: Runner, configured: Configured, docker_rules: Path, readme: bytes
) -> None:
    words = ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork"]
    words += ["--kill-child", "--mount-proc", "--ipc", "--uts"]
    run.before = (*need_container(*words), str(docker_rules), "--")
    result = run("sha256sum", README, options=configured(FQRN)).ok()
    assert result.stdout == readme


def test_a_container_made_by_a_job_keeps_its_rules(
    run: Runner, configured: Configured, docker_rules: Path, readme: bytes
) -> None:
    """The other way round: interpose_run outside, the container within."""
    words = [need_tool("bwrap", "bubblewrap"), "--bind", "/", "/", "--unshare-pid"]
    words += ["--dev", "/dev", "--proc", "/proc", "--"]
    need_container(*words)
    command = (*words, docker_rules, "--", "sha256sum", README)
    assert run(*command, options=configured(FQRN)).ok().stdout == readme


def test_no_home_and_no_name(
    run: Runner, configured: Configured, container: tuple[str, ...], readme: bytes
) -> None:
    """`docker run --user 4711 --read-only`: HOME is /, which cannot be written."""
    run.before = container
    run.base = []
    env = {"PATH": os.environ["PATH"], "HOME": "/", "TMPDIR": str(run.scratch)}
    result = run("sha256sum", README, options=configured(FQRN), env=env).ok()
    assert result.stdout == readme
    (notice,) = result.errors
    assert notice.startswith("interpose: no cache directory can be written")
