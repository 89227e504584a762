# SPDX-License-Identifier: GPL-2.0-or-later
"""The doctor looks at the node: what it says is what a run would meet there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.diagnosis import HINT, OURS, Patient, need_bwrap, says_the_same
from tests.support.keeper import own_directory
from tests.support.places import NUMBERS, ROOT, need_tool, need_user, program

USAGE = 2
NETWORK = ["proxy", "server", "repository"]
OLD_KERNEL = ROOT / "tests/faults/programs/old_kernel.c"


@pytest.fixture
def patient(place: Path) -> Patient:
    return Patient(place)


@pytest.fixture(scope="module")
def without() -> Iterator[Path]:
    """A program: `without forbidden NAME... -- COMMAND...`."""
    with own_directory("interpose-without-") as place:
        built = place / "without"
        command = [need_tool("gcc"), "-O1", NUMBERS, str(OLD_KERNEL), "-o", str(built)]
        subprocess.run(command, check=True)
        yield built


# A node that can


@pytest.mark.parametrize("uid", [None, 65534])
def test_a_good_node_can_whoever_asks(patient: Patient, uid: int | None) -> None:
    if uid is not None:
        need_user(uid)
        (patient.place / "home").mkdir()
        os.chmod(patient.place / "home", 0o777)
    patient.uid = uid
    said = patient.examined("--scratch", "/tmp")
    assert (said.status, said.bad, said.found["can"], said.found["node"]) == (
        *(0, [], True, True),
    )
    assert said.found["version"] == 1
    good = ["kernel", "proc", "descriptors", "processes", "memory", "traced", "yama"]
    good += ["ptrace", "seccomp", "process_vm", "cvmfs", "python"]
    assert {name: said.level(name) for name in good} == dict.fromkeys(good, "ok")
    scratch = said.one("scratch")["facts"]
    assert scratch["path"] == "/tmp"
    found = os.statvfs("/tmp")
    whole = found.f_blocks * found.f_frsize
    assert 0 < scratch["free_bytes"] < whole
    assert said.one("cache")["facts"]["path"].endswith("home/.cache/interpose")
    assert not list((patient.place / "home").iterdir())


def test_the_three_forms_say_the_same(patient: Patient) -> None:
    said = patient.examined()
    text = patient.start("--doctor")
    assert (said.status, text.returncode) == (0, 0)
    *lines, last = text.stdout.splitlines()
    shape = re.compile(r"(\w+(?: cache)?)(?: [\w.-]+)?: (ok|warning|no): (.+)")
    rows = [shape.fullmatch(line) for line in lines]
    assert all(rows), lines
    found = [(row[1], row[2]) for row in rows if row]
    assert found == [(row["name"], row["level"]) for row in said.found["findings"]]
    assert last.startswith("this node can")
    ad = patient.start("--doctor", "--classad").stdout.splitlines()
    assert ad[:2] == [
        "HasInterposeCVMFS = true",
        f'InterposeVersion = "{said.found["interpose"]}"',
    ]
    assert ad[-1] == "-"


def test_the_subcommand_is_the_same(patient: Patient) -> None:
    patient.program = program("interpose")
    done = patient.start("doctor", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert '"name": "ptrace"' in done.stdout
    helped = patient.start("doctor", "--help")
    assert helped.returncode == 0
    assert "Examples:\n  interpose_run --doctor" in helped.stdout
    patient.program = None
    assert patient.start("--doctor", "--help").stdout == helped.stdout


def test_a_wrong_command_line_is_told(patient: Patient) -> None:
    for words in (["--json", "true"], ["--doctor", "--json", "--classad"]):
        done = patient.start(*words)
        assert (done.returncode, len(done.stderr.splitlines())) == (OURS, 1)
        assert "--classad" in done.stderr
    patient.program = program("interpose")
    assert patient.start("doctor", "--nonsense").returncode == USAGE


def test_options_may_stand_behind_the_names(patient: Patient) -> None:
    done = patient.start("--doctor", "none.example.org", "--classad")
    assert done.stdout.endswith("-\n")
    assert done.returncode == 1


# ptrace, seccomp, memory


def test_ptrace_that_is_forbidden_is_told_as_a_run_tells_it(
    patient: Patient, without: Path
) -> None:
    patient.before = (without, "forbidden", "ptrace", "--")
    said = says_the_same(patient, "ptrace")
    assert said.one("ptrace")["text"].startswith("ptrace is refused: Operation not")
    assert said.found["node"] is False
    assert "a filter can be installed" in said.one("seccomp")["text"]
    assert said.one("seccomp")["facts"]["filters"] == 1
    ad = patient.start("--doctor", "--classad").stdout
    assert ad.startswith("HasInterposeCVMFS = false\n")
    assert 'InterposeProblems = "ptrace"\n' in ad


def test_a_filter_that_is_refused_is_told_as_a_run_tells_it(
    patient: Patient, without: Path
) -> None:
    patient.before = (without, "forbidden", "seccomp", "--")
    said = says_the_same(patient, "seccomp")
    assert said.level("ptrace") == "ok"
    assert "Operation not permitted" in said.one("seccomp")["text"]


def test_process_vm_has_a_fallback(patient: Patient, without: Path) -> None:
    patient.before = (without, "forbidden", "process_vm", "--")
    said = patient.examined()
    assert (said.status, said.level("process_vm")) == (0, "warning")
    assert "/proc/PID/mem is used" in said.one("process_vm")["text"]
    assert patient.start("true").returncode == 0


def test_who_traces_us_is_told_as_a_run_tells_it(patient: Patient) -> None:
    output = patient.place / "strace"
    patient.before = (need_tool("strace"), "-f", "-o", output)
    said = says_the_same(patient, "traced")
    assert "is traced itself, by process" in said.one("traced")["text"]


def test_yama_is_read_where_it_can_be(patient: Patient) -> None:
    file = Path("/proc/sys/kernel/yama/ptrace_scope")
    facts = patient.examined().one("yama")["facts"]
    assert facts == ({"scope": int(file.read_text())} if file.exists() else {})


def test_yama_is_named_where_it_forbids(patient: Patient, without: Path) -> None:
    """A file that says so, and a filter that does it."""
    words = ["--tmpfs", "/proc", "--dir", "/proc/sys/kernel/yama"]
    scope = patient.place / "scope"
    scope.write_text("3\n")
    bind = ["--ro-bind", str(scope), "/proc/sys/kernel/yama/ptrace_scope"]
    before = [str(without), "forbidden", "ptrace", "--"]
    patient.before = (*need_bwrap(*words, *bind), *before)
    said = patient.examined()
    assert said.level("yama") == "no"
    assert "ptrace_scope is 3" in said.one("yama")["text"]
    assert said.one("ptrace")["advice"] == said.one("yama")["advice"]


# /proc, limits, Python


def test_without_proc_the_rest_is_looked_at(patient: Patient) -> None:
    patient.before = need_bwrap("--tmpfs", "/proc")
    said = says_the_same(patient, "proc")
    assert "/proc/self/fd: No such file" in said.one("proc")["text"]
    assert said.level("ptrace") == "ok"
    assert said.level("scratch") == "ok"


@pytest.mark.parametrize(
    ("limit", "row"),
    [("--nofile=10:10", "descriptors"), ("--nproc=2:2", "processes")],
)
def test_a_limit_is_told_as_a_run_tells_it(
    patient: Patient, limit: str, row: str
) -> None:
    uid = 61234  # nobody else's, for his processes are counted
    need_user(uid)
    patient.uid = uid
    patient.before = (need_tool("prlimit"), limit)
    says_the_same(patient, row, "--scratch", "/tmp")


def test_little_memory_for_python_is_a_warning(patient: Patient) -> None:
    need_user(65534)
    patient.uid = 65534
    patient.before = (need_tool("prlimit"), f"--as={400 << 20}")
    assert patient.examined("--scratch", "/tmp").level("memory") == "warning"
    patient.before = (need_tool("prlimit"), f"--as={8 << 20}")
    said = patient.examined("--scratch", "/tmp")
    assert (said.level("memory"), said.level("ptrace")) == ("warning", "ok")
    assert said.bad == ["python", *NETWORK]
    assert "ulimit -v" in said.all("python")[-1]["advice"]


def test_without_python_the_nodes_own_rows_come(patient: Patient) -> None:
    patient.program = patient.place / "alone" / "interpose_run"
    patient.program.parent.mkdir()
    shutil.copy2(program("interpose_run"), patient.program)
    fqrn = "my.example.org"
    server = ("-r", f"{fqrn}=http://127.0.0.1:9/cvmfs/{fqrn}")
    said = patient.examined(*server, fqrn)
    assert said.status == 1
    assert said.bad == ["python", *NETWORK]
    for name in NETWORK:
        row = said.one(name, fqrn)
        assert row["text"] == "no Python found: beside interpose_run"
        assert row["advice"].startswith("install interpose again")
    assert said.level("ptrace") == said.level("scratch") == said.level("cache") == "ok"
    ad = patient.start("--doctor", "--classad", fqrn).stdout
    assert ad.startswith("HasInterposeCVMFS = false\n")
    failed = patient.start(*server, "--", "true")
    assert failed.returncode == OURS
    assert "no Python found: beside interpose_run" in failed.stderr
    assert failed.stderr.endswith(HINT + "\n")


def test_a_python_that_does_not_run_is_told(patient: Patient) -> None:
    patient.program = patient.place / "alone" / "interpose_run"
    patient.program.parent.mkdir()
    shutil.copy2(program("interpose_run"), patient.program)
    false = patient.program.with_name("python3")
    false.write_text("#!/bin/sh\nexit 3\n")
    false.chmod(0o755)
    said = patient.examined()
    assert said.bad == ["python", *NETWORK]
    first, second = said.all("python")
    assert (first["level"], second["level"]) == ("ok", "no")
    assert "status 3" in second["text"]
