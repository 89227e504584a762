# SPDX-License-Identifier: GPL-2.0-or-later
"""HTCondor: what a submit file can ask for, as without us and to the signal."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.box import eventually
from tests.engines.condor import Pool, ends
from tests.engines.site import BIN, FILES, FQRN
from tests.interface.test_readme import blocks

pytestmark = pytest.mark.long
HELLO = f"hello from {BIN}/hello\n"
BOTH = ["native", "ours"]


@pytest.fixture
def here(pool: Pool, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A directory to submit from; afterwards nothing of ours is in the box."""
    name = re.sub(r"\W+", "-", request.node.name)
    folder = pool.site.fresh(name)
    shutil.copy2(pool.site.program, folder)
    for path in (pool.site.software / "bin").iterdir():
        shutil.copy2(path, folder)
    yield folder
    pool.nothing_left()


def test_the_readmes_job(pool: Pool, here: Path) -> None:
    """The bundle as executable; nothing comes back but what was asked for."""
    (here / "dist").mkdir()
    shutil.copy2(pool.site.program, here / "dist")
    before = {path.name for path in here.iterdir()}
    job = pool.submit(here, blocks("test")["condor"])
    assert ends(job) == {"ExitBySignal": "false", "ExitCode": "0"}
    assert (here / "hello.out").read_text() == HELLO
    assert (here / "hello.err").read_text() == ""
    new = {path.name for path in here.iterdir()} - before
    wanted = {"hello.out", "hello.err", "hello.log", "stats.json", job.file}
    assert new == wanted


def test_a_failure_of_ours_holds_the_job(pool: Pool, here: Path) -> None:
    (here / "dist").mkdir()
    shutil.copy2(pool.site.program, here / "dist")
    text = blocks("test")["condor"].replace("--config my.conf", "--config none.conf")
    job = pool.submit(here, text)
    job.await_state("5")
    assert "could not start the job" in job.hold_reason()
    assert "none.conf" in (here / "hello.err").read_text()
    pool.run("condor_rm", job.id)


def test_twenty_jobs_on_one_empty_alien_cache(pool: Pool, here: Path) -> None:
    """Every object is asked for at most twice, certificate and catalog included.

    On one node, whose private cache is where jobs take turns.
    """
    alien = pool.site.box.place / "alien"
    alien.mkdir()
    alien.chmod(0o1777)
    pool.site.server.forget()
    caches = f"--cache {here}/node-cache --alien-cache {alien}"
    arguments = f"--config my.conf {caches} -- {BIN}/counts"
    job = pool.submit(here, pool.text(arguments, "$(Process)", queue="queue 20"))
    job.wait()
    sums = {(here / f"{number}.out").read_text() for number in range(20)}
    (one,) = sums
    native = pool.site.box.run(["sh", pool.site.software / "bin/counts"]).stdout
    assert one == native
    assert {(here / f"{number}.err").read_text() for number in range(20)} == {""}
    asked = Counter(row.path for row in pool.site.server.requests())
    data = {path: count for path, count in asked.items() if "/data/" in path}
    assert len(data) > FILES
    assert {path: count for path, count in data.items() if count > 2} == {}


def test_a_workflow_of_dagman(pool: Pool, here: Path) -> None:
    alien = pool.site.box.place / "alien-of-dag"
    alien.mkdir(mode=0o700)
    shutil.chown(alien, 4801, 4801)
    arguments = f"--config my.conf --alien-cache {alien} -- {BIN}/$(what)"
    (here / "node.sub").write_text(pool.text(arguments, "$(name)", log="dag.log"))
    lines = [f'JOB N{n} node.sub\nVARS N{n} name="N{n}" what="hello"' for n in range(5)]
    lines += ["PARENT N0 CHILD N1 N2 N3", "PARENT N1 N2 N3 CHILD N4"]
    lines += ['JOB F node.sub\nVARS F name="F" what="nothing"', "PARENT N4 CHILD F"]
    (here / "all.dag").write_text("\n".join(lines) + "\n")
    pool.run("condor_submit_dag", "-f", "all.dag", cwd=here)
    pool.run("condor_wait", "-wait", "300", "all.dag.dagman.log", cwd=here)
    assert [(here / f"N{n}.out").read_text() for n in range(5)] == [HELLO] * 5
    assert "command not found" in (here / "F.err").read_text()
    rescue = (here / "all.dag.rescue001").read_text()
    assert re.findall(r"(?m)^DONE (\w+)", rescue) == [f"N{n}" for n in range(5)]


@pytest.mark.parametrize("stubborn", ["", "stubborn"])
@pytest.mark.parametrize("tool", ["condor_rm", "condor_vacate_job", "condor_hold"])
def test_an_engines_end_reaches_the_job_as_without_us(
    pool: Pool, here: Path, tool: str, stubborn: str
) -> None:
    """SIGTERM once, for each process natively told; SIGKILL for who stays."""
    notes = {side: pool.told(here, side, tool, stubborn) for side in BOTH}
    assert notes["ours"] == notes["native"] == ["start", "SIGTERM"]


def test_suspended_and_continued(pool: Pool, here: Path) -> None:
    notes = {}
    for side in BOTH:
        job, noted = pool.noting(here, side)
        pool.run("condor_suspend", job.id)
        job.await_state("7")
        states = eventually(lambda j=job: pool.stopped(j), lambda: "not stopped")
        assert states
        pool.run("condor_continue", job.id)
        job.await_state("2")
        noted.with_name(noted.name + ".end").touch()
        job.wait()
        notes[side] = [word for word in noted.read_text().split() if word != "SIGCONT"]
        assert ends(job)["ExitCode"] == "0"
    assert notes["ours"] == notes["native"] == ["start", "end"]


@pytest.mark.parametrize("name", ["SEGV", "KILL", "TERM"])
def test_death_by_a_signal(pool: Pool, here: Path, name: str) -> None:
    ended = {}
    for side in BOTH:
        job = pool.start(here, side, "die", name)
        ended[side] = ends(job)
    assert ended["ours"] == ended["native"]
    assert ended["ours"]["ExitBySignal"] == "true"


@pytest.mark.parametrize("is_warm", [True, False], ids=["warm", "cold"])
def test_usage_is_that_of_the_job(pool: Pool, here: Path, is_warm: bool) -> None:
    """Within 5 %, or 5 MB, of a job without us.

    A cold cache is filled by a resolver, which is a process of the job as any other:
    it has ended when the job has grown.
    """
    cache = here / "node-cache"
    options = f"--config my.conf --cache {cache} --"
    seen = here / "memory-was-seen"
    if is_warm:
        warming = pool.text(f"{options} {BIN}/work 0 1 /", "warming")
        assert ends(pool.submit(here, warming))["ExitCode"] == "0"
    ours = pool.text(f"{options} {BIN}/work 8 200 {seen}", "ours")
    jobs = [
        pool.submit(here, pool.plain("work", f"8 200 {seen}", "native")),
        pool.submit(here, ours),
    ]
    for job in jobs:
        job.await_memory(200)
    seen.touch()
    cpu, memory = [], []
    for job in jobs:
        assert ends(job)["ExitCode"] == "0"
        ad = job.ad("RemoteUserCpu", "RemoteSysCpu")
        cpu.append(float(ad["RemoteUserCpu"]) + float(ad["RemoteSysCpu"]))
        memory.append(job.memory_mib())
    # HTCondor counts whole seconds of user and of system time.
    assert cpu[0] >= 6
    assert abs(cpu[1] - cpu[0]) <= 2, cpu
    assert abs(memory[1] - memory[0]) <= max(0.05 * memory[0], 5), memory


def test_ssh_to_job_is_beside_the_job(pool: Pool, here: Path) -> None:
    """A shell of sshd's: it sees the job, and /cvmfs by an interpose_run of its own."""
    job, noted = pool.noting(here, "ours")
    said = pool.run("condor_ssh_to_job", "-auto-retry", job.id, "pwd; id -u").stdout
    assert "/execute/dir_" in said
    assert said.split()[-1] == "4801"
    script = f"./interpose_run --config my.conf -- ls -d /cvmfs/{FQRN}; ls -d /cvmfs"
    done = pool.run("condor_ssh_to_job", "-auto-retry", job.id, script, check=False)
    assert f"/cvmfs/{FQRN}\n" in done.stdout
    assert "/cvmfs': No such file" in done.stdout + done.stderr
    noted.with_name(noted.name + ".end").touch()
    assert ends(job)["ExitCode"] == "0"


def test_a_startd_cron_with_the_doctor(pool: Pool, here: Path) -> None:
    """The example's lines; a job asks for the revision."""
    ad = eventually(
        lambda: pool.machine("HasInterposeCVMFS") == "true",
        lambda: str(pool.machine("HasInterposeCVMFS")),
        120,
    )
    assert ad
    assert pool.machine("InterposeRepositories") == FQRN
    name = f"InterposeRevision_{FQRN.replace('.', '_')}"
    assert pool.machine(name) == "1"
    more = f"requirements = HasInterposeCVMFS && {name} >= 1"
    text = pool.text(f"--config my.conf -- {BIN}/hello", "cron")
    job = pool.submit(here, f"{more}\n{text}")
    assert ends(job)["ExitCode"] == "0"


def test_a_wrapper_of_the_node_and_a_user_who_wraps_too(pool: Pool, here: Path) -> None:
    """USER_JOB_WRAPPER is interpose_run itself: plain jobs see /cvmfs, ours join it."""
    script = here / "plain.sh"
    script.write_text(f"#!/bin/sh\n{BIN}/hello; exit 5\n")
    script.chmod(0o755)
    with pool.wrapping():
        text = pool.plain("plain.sh", "", "plain")
        assert ends(pool.submit(here, text)) == {
            "ExitBySignal": "false",
            "ExitCode": "5",
        }
        assert (here / "plain.out").read_text() == HELLO
        # With other settings than the node's it is told so, and does not start.
        both = pool.text(f"-- {BIN}/hello", "both")
        assert ends(pool.submit(here, both))["ExitCode"] == "0"
        assert (here / "both.out").read_text() == HELLO
        dies = ends(pool.submit(here, pool.plain("die", "KILL", "dies")))
        assert dies == {"ExitBySignal": "true", "ExitSignal": "9"}
        job, noted = pool.noting(here, "native")
        pool.run("condor_rm", job.id)
        job.is_gone()
        assert noted.read_text().split() == ["start", "SIGTERM"]
