# SPDX-License-Identifier: GPL-2.0-or-later
"""A host file system that does not answer holds up who asks it, and nobody else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import ROOT
from tests.support.run import Job, Runner

FQRN = "programs.example.org"
TREE = f"/cvmfs/{FQRN}"
Configured = Callable[..., list[Any]]


class Stalling(Runner):
    """Runs where `slow/` is a file system that leaves questions open."""

    @property
    def log(self) -> Path:
        """A line for each open question."""
        return self.place / "open-questions"

    @property
    def slow(self) -> Path:
        """Where `source/` is shown."""
        return self.place / "slow"

    def arguments(self, job: Job) -> list[str | bytes]:
        server = ["-m", "tests.support.stalling", self.place / "source", self.slow]
        head = [sys.executable, *server, self.log]
        return [*map(str, head), *super().arguments(job)]

    def environment(self) -> dict[str, str]:
        # A call that the stub makes waits in the kernel, as it does natively, and what
        # a tracer follows is then ended by SIGKILL alone (docs/fast-path.md).
        stops = {"INTERPOSE_FASTPATH": "0"}
        return {**super().environment(), **stops, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def stalling(run: Runner) -> Stalling:
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        pytest.skip("needs root and /dev/fuse, to mount what does not answer")
    for name in ("source", "slow"):
        (run.place / name).mkdir()
    stalling = Stalling(run.place, run.cache)
    stalling.log.touch()
    return stalling


# $1: a command that asks what is never answered; $2: its question. The rest of the job
# goes on meanwhile, and the command can be ended.
AROUND = f"""
sh -c "$1" & asker=$!
until grep -q "$2" "$3"; do :; done
find {TREE} -name busybox | sort; ls / | grep cvmfs
cat /etc/hostname >/dev/null; test -e {TREE}/busybox/busybox; echo there $?
{TREE}/busybox/busybox echo run
kill $asker; wait $asker; echo ended $?
"""


def around(stalling: Stalling, options: list[Any], command: str, question: str) -> Any:
    words = ("sh", "-c", AROUND, "sh", command, question, stalling.log)
    return stalling(*words, options=options)


@pytest.mark.parametrize(
    "command",
    [
        "exec cat {slow}/dead/file",
        "exec stat {slow}/dead",
        "cd {slow} && exec cat dead",
        "cd {slow}/alive && exec ls -l ../dead/file",
        "exec cat {place}/link/file",
        "exec {slow}/dead/program",
        "exec cat /proc/self/cwd/{slow}/dead",
        "exec {place}/script",
    ],
)
def test_a_name_without_answer_stops_only_who_asks(
    stalling: Stalling, configured: Configured, command: str
) -> None:
    (stalling.place / "source/alive").mkdir()
    (stalling.place / "link").symlink_to(stalling.slow / "dead")
    script = stalling.place / "script"
    script.write_text(f"#!{stalling.slow}/dead/sh\n")
    script.chmod(0o755)
    text = command.format(slow=stalling.slow, place=stalling.place)
    result = around(stalling, configured(FQRN), text, "dead")
    assert "ended 143" in result.text
    assert "there 0" in result.text
    assert "\nrun\n" in result.text
    assert "\ncvmfs\n" in result.text


def test_a_program_that_cannot_be_read_stops_only_who_starts_it(
    stalling: Stalling, configured: Configured
) -> None:
    """Its interpreter is in /cvmfs, so a copy is made; its end never comes."""
    place = stalling.place
    (place / "empty.c").write_text("int main(void) { return 0; }\n")
    loader = f"-Wl,--dynamic-linker={TREE}/ownloader/lib/ld-linux-x86-64.so.2"
    stuck = place / "source/stuck"
    build = ["gcc", "-o", stuck, place / "empty.c", loader]
    subprocess.run([str(word) for word in build], check=True)
    with stuck.open("ab") as file:
        file.truncate(4 << 20)
    result = around(stalling, configured(FQRN), f"exec {stalling.slow}/stuck", "stuck")
    assert "ended 143" in result.text
    assert "there 0" in result.text
    assert "\nrun\n" in result.text


def test_what_answers_is_as_on_any_file_system(
    stalling: Stalling, configured: Configured
) -> None:
    """Each look is an errand, as nothing is in memory for longer than a moment."""
    source = stalling.place / "source"
    (source / "a/b").mkdir(parents=True)
    (source / "a/b/file").write_text("content\n")
    (source / "a/into").symlink_to(TREE)
    (source / "a/b/script").write_text("#!/bin/sh\necho script $*\n")
    (source / "a/b/script").chmod(0o755)
    shutil.copy("/bin/true", source / "a/true")
    text = f"""cd {stalling.slow}/a
    cat b/file ../a/b/file {stalling.slow}/a/b/file
    b/script 1; ./true; echo $?; cat b/none; ls into/busybox | head -1
    readlink into; cd into/busybox && pwd -P; cat {stalling.slow}/a/b/file/x"""
    result = stalling("sh", "-c", text, options=configured(FQRN))
    lines = ["content"] * 3 + ["script 1", "0", "ash", TREE, f"{TREE}/busybox"]
    assert result.text.splitlines() == lines
    reasons = [line.rpartition(": ")[2] for line in result.errors]
    assert reasons == ["No such file or directory", "Not a directory"]


def test_nothing_waits_for_the_question_at_the_end(
    stalling: Stalling, configured: Configured
) -> None:
    text = f"""cat {stalling.slow}/dead & until grep -q dead {stalling.log}; do :; done
    kill $!; wait $!; exit 7"""
    result = stalling("sh", "-c", text, options=configured(FQRN))
    assert result.status == 7


@pytest.mark.parametrize("cache", ["{slow}/dead/cache", "{place}/link/cache"])
def test_what_a_node_keeps_for_stubs_is_not_waited_for(
    stalling: Stalling, cache: str
) -> None:
    """A job that is not about /cvmfs needs no cache, wherever that is."""
    (stalling.place / "link").symlink_to(stalling.slow / "dead")
    where = cache.format(slow=stalling.slow, place=stalling.place)
    fast = {"INTERPOSE_FASTPATH": "1", "INTERPOSE_FASTPATH_AFTER": "1"}
    result = stalling(
        "find",
        "/etc/ssl",
        options=["--cache", where],
        env=stalling.environment() | fast,
    )
    assert result.status == 0
    assert stalling.log.read_text() == ""


@pytest.mark.parametrize("after", ["0", "1"])
def test_an_alien_cache_there_is_used_without_a_question(
    stalling: Stalling, configured: Configured, after: str
) -> None:
    """Each look is an errand; a link on the way leads there."""
    alien = stalling.place / "alien"
    (stalling.place / "source/shared").mkdir()
    alien.symlink_to(stalling.slow / "shared")
    options = [*configured(FQRN), "-o", "CVMFS_QUOTA_LIMIT=-1", "--alien-cache", alien]
    env = stalling.environment()
    if after == "1":
        env |= {"INTERPOSE_FASTPATH": "1", "INTERPOSE_FASTPATH_AFTER": after}
    command = ("sh", "-c", f"cd {TREE} && find . -type f -exec cat {{}} + | sha256sum")
    sums = {stalling(*command, options=options, env=env).ok().stdout}
    first = stalling.cache
    stalling.base[1] = stalling.place / "other-cache"
    for _ in range(3):
        result = stalling(*command, options=options, env=env, stats=True).ok()
        sums.add(result.stdout)
    assert first.is_dir()
    assert len(sums) == 1
    assert result.stats["tracer"]["questions"] == 1  # to open it


def test_an_alien_cache_without_answer_stops_only_who_reads_from_it(
    stalling: Stalling, configured: Configured
) -> None:
    for name in ("shared", "dead-shared"):
        (stalling.place / "source" / name).mkdir()
    alien = stalling.place / "alien"
    alien.symlink_to(stalling.slow / "shared")
    options = [*configured(FQRN), "-o", "CVMFS_QUOTA_LIMIT=-1", "--alien-cache", alien]
    stalling("cat", f"{TREE}/busybox/busybox", options=options).ok()
    for folder in (stalling.place / "source/shared").glob("??"):
        shutil.copytree(folder, stalling.cache / folder.name, dirs_exist_ok=True)
    stalling("find", TREE, options=options).ok()
    alien.unlink()
    alien.symlink_to(stalling.slow / "dead-shared")
    text = f"exec cat {TREE}/README"
    result = around(stalling, options, text, "dead-shared")
    assert "ended 143" in result.text
    assert "there 0" in result.text
    assert "\nrun\n" in result.text
