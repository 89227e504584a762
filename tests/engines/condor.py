# SPDX-License-Identifier: GPL-2.0-or-later
"""An HTCondor: a personal one, or a node's, whose daemons are root's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.engines.box import USER, eventually, fresh
from tests.engines.site import BIN, FQRN, Site
from tests.support.places import ROOT

PACKAGES = (
    "minihtcondor openssh-server openssh-client procps python3-minimal"
    " coop-computing-tools"
).split()
CONFIGURATION = """
use ROLE : Personal
LOCAL_DIR = {pool}
LOG = {pool}/log
SPOOL = {pool}/spool
EXECUTE = {pool}/execute
LOCK = {pool}/lock
RUN = {pool}
RELEASE_DIR = /usr
LIB = /usr/lib/condor
LIBEXEC = /usr/libexec/condor
SHARE = /usr/share/condor
CONDOR_HOST = 127.0.0.1
NETWORK_INTERFACE = 127.0.0.1
BIND_ALL_INTERFACES = False
SEC_DEFAULT_AUTHENTICATION_METHODS = FS
SEC_TOKEN_DIRECTORY = {pool}/tokens.d
SEC_PASSWORD_DIRECTORY = {pool}/passwords.d
ALLOW_ADMINISTRATOR = *
ALLOW_DAEMON = *
ALLOW_NEGOTIATOR = *
ALLOW_READ = *
ALLOW_WRITE = *
# More than the machine has: 20 jobs run at once.
NUM_CPUS = 24
MEMORY = 16000
NUM_SLOTS_TYPE_1 = 1
SLOT_TYPE_1 = 100%
SLOT_TYPE_1_PARTITIONABLE = True
NEGOTIATOR_INTERVAL = 1
NEGOTIATOR_CYCLE_DELAY = 1
SCHEDD_INTERVAL = 2
RUNBENCHMARKS = 0
PROCD_MAX_SNAPSHOT_INTERVAL = 2
# What a job uses is to be seen while it runs.
STARTER_INITIAL_UPDATE_INTERVAL = 1
STARTER_UPDATE_INTERVAL = 2
SHADOW_QUEUE_UPDATE_INTERVAL = 2
DAGMAN_USER_LOG_SCAN_INTERVAL = 1
# A log below /tmp is a reason to give up, else.
DAGMAN_USE_STRICT = 0
MachineMaxVacateTime = 4
ENABLE_SSH_TO_JOB = True
{cron}
"""
# Jobs of a node are those of a slot's user, who is not the one who submits.
OF_ROOT = """
UID_DOMAIN = node.example.org
STARTER_ALLOW_RUNAS_OWNER = False
NOBODY_SLOT_USER = {slot}
SLOT1_USER = {slot}
"""
SLOT_USER = "slot"
SLOT_UID = 4802
STATE_S = 120.0


class Job:
    """One submitted cluster."""

    def __init__(self, pool: Pool, number: str, folder: Path, log: str) -> None:
        self.id = number
        self._pool = pool
        self._log = folder / log
        self.folder = folder
        self.file = ""

    def ad(self, *names: str) -> dict[str, str]:
        """Attributes, from the queue or, when it has left, from the history."""
        for tool in ("condor_q", "condor_history"):
            words = [tool, self.id, "-af", *names]
            said = self._pool.run(*words).stdout.splitlines()
            if said:
                return dict(zip(names, said[0].split()))
        return {}

    def wait(self) -> None:
        done = self._pool.run("condor_wait", "-wait", "300", self._log, check=False)
        assert done.returncode == 0, self.explain()

    def await_state(self, wanted: str) -> None:
        eventually(
            lambda: self.ad("JobStatus") == {"JobStatus": wanted}, self.explain, STATE_S
        )

    def leaves_its_slot(self) -> None:
        eventually(
            lambda: self.ad("JobStatus")["JobStatus"] != "2", self.explain, STATE_S
        )
        eventually(lambda: not self.processes(), self.explain, STATE_S)

    def is_gone(self) -> None:
        eventually(
            lambda: not self._pool.run("condor_q", self.id, "-af", "ClusterId").stdout,
            self.explain,
            STATE_S,
        )
        eventually(lambda: not self.processes(), self.explain, STATE_S)

    def processes(self) -> list[psutil.Process]:
        """Those that were started with the name of its notes."""
        found = []
        for one in psutil.process_iter():
            try:
                if f"{self.folder}/notes-" in " ".join(one.cmdline()):
                    found.append(one)
            except psutil.Error:
                continue
        return found

    def memory_mib(self) -> float:
        """What the engine has seen it use so far."""
        said = self.ad("ResidentSetSize_RAW").get("ResidentSetSize_RAW", "")
        return float(said) / 1024 if said.isdigit() else 0.0

    def await_memory(self, least_mib: float) -> None:
        eventually(lambda: self.memory_mib() >= least_mib, self.explain, STATE_S)

    def hold_reason(self) -> str:
        said: str = self._pool.run("condor_q", self.id, "-af", "HoldReason").stdout
        return said

    def explain(self) -> str:
        log = self._log.read_text() if self._log.exists() else "no log"
        errors = [path.read_text() for path in self.folder.glob("*.err")]
        return "\n".join([log, *errors, str(self.ad("JobStatus", "HoldReason"))])


def ends(job: Job) -> dict[str, str]:
    """How it ended, to the number."""
    job.wait()
    ad = job.ad("ExitBySignal", "ExitCode", "ExitSignal")
    return {name: value for name, value in ad.items() if value != "undefined"}


class Pool:
    """`submit(folder, text)`; tools are run as the user.

    `of_root`: the daemons are root's, and the jobs those of SLOT_USER.
    """

    def __init__(self, site: Site, *, of_root: bool = False) -> None:
        self.site = site
        self.folder = fresh(site.home / "pool")
        self.config = self.folder / "condor_config"
        for name in ("log", "spool", "execute", "lock", "tokens.d", "passwords.d"):
            fresh(self.folder / name).chmod(0o755 if name == "execute" else 0o700)
        self.config.write_text(
            CONFIGURATION.format(pool=self.folder, cron=self._cron())
        )
        self._daemons_uid = USER
        if of_root:
            self._give_to_root()
        words = ["condor_master", "-pidfile", self.folder / "master.pid"]
        self._run(self._daemons_uid, *words)
        eventually(lambda: self.machine("Name"), self._logs, STATE_S)

    def _give_to_root(self) -> None:
        self._daemons_uid = 0
        box = self.site.box
        box.run(["useradd", "-M", "-u", str(SLOT_UID), "-s", "/bin/sh", SLOT_USER])
        box.run(["chown", "-R", "condor:condor", self.folder])
        # The user looks for addresses in the log and for ended jobs in the spool.
        for path in (self.site.home, *(self.folder / n for n in ("", "log", "spool"))):
            path.chmod(0o755)
        with self.config.open("a") as config:
            config.write(OF_ROOT.format(slot=SLOT_USER))

    def _cron(self) -> str:
        """The example of the doctor, with this site's paths and a shorter period."""
        text = (ROOT / "examples/htcondor-doctor.conf").read_text()
        cache = self.folder / "doctor-cache"
        text = text.replace("/opt/interpose/bin/interpose_run", str(self.site.program))
        text = text.replace("/var/tmp/interpose-doctor", str(cache)).replace(
            "15m", "5s"
        )
        options = f"--doctor --classad --config {self.site.absolute()}"
        return text.replace("--doctor --classad", options).replace(
            "sft.example.org", FQRN
        )

    def stop(self) -> None:
        self._run(self._daemons_uid, "condor_off", "-fast", "-master", check=False)

    def run(self, *words: str | Path, **how: Any) -> Any:
        return self._run(USER, *words, **how)

    def _run(self, uid: int, *words: str | Path, **how: Any) -> Any:
        env = {"CONDOR_CONFIG": str(self.config)}
        if uid == USER:
            env["USER"] = "alice"
        return self.site.box.run(words, uid=uid, env=env, **how)

    def machine(self, name: str) -> str:
        """An attribute of the machine, or nothing."""
        done = self.run("condor_status", "-af", name, check=False)
        words: list[str] = done.stdout.split()
        return words[0] if words else ""

    def submit(self, folder: Path, text: str) -> Job:
        count = len(list(folder.glob("*.sub")))
        path = folder / f"{count}.sub"
        path.write_text(text)
        said = self.run("condor_submit", "-terse", path.name, cwd=folder).stdout
        (log,) = re.findall(r"(?m)^log\s*= (\S+)", text)
        job = Job(self, said.split(".")[0], folder, log)
        job.file = path.name
        return job

    def text(
        self, arguments: str, name: str, log: str = "", queue: str = "queue"
    ) -> str:
        """A submit file with the bundle as executable."""
        lines = self.plain("interpose_run", arguments, name, log)
        return lines.removesuffix("queue\n") + f"{queue}\n"

    def plain(self, executable: str, arguments: str, name: str, log: str = "") -> str:
        """A submit file for any program beside it."""
        return (
            f"executable = {executable}\ntransfer_executable = true\n"
            f"arguments = {arguments}\nshould_transfer_files = yes\n"
            f"transfer_input_files = my.conf, {FQRN}.pub\nrequest_memory = 300\n"
            f"output = {name}.out\nerror = {name}.err\n"
            f"log = {log or 'jobs.log'}\nqueue\n"
        )

    def start(self, here: Path, side: str, program: str, arguments: str) -> Job:
        """A program of the repository: natively, or from /cvmfs."""
        name = f"{side}-{program}"
        log = f"{name}.log"
        if side == "native":
            return self.submit(here, self.plain(program, arguments, name, log))
        ours = f"--config my.conf -- {BIN}/{program} {arguments}"
        return self.submit(here, self.text(ours, name, log))

    def noting(self, here: Path, side: str, stubborn: str = "") -> tuple[Job, Path]:
        """A running job that notes its signals."""
        notes = here / f"notes-{side}"
        job = self.start(here, side, "noting", f"{notes} {stubborn}")
        eventually(
            lambda: notes.exists() and "start" in notes.read_text(),
            job.explain,
            STATE_S,
        )
        return job, notes

    def told(self, here: Path, side: str, tool: str, stubborn: str = "") -> list[str]:
        """What a running job notes when it is ended by a tool of the engine's."""
        job, noted = self.noting(here, side, stubborn)
        self.run(tool, job.id)
        eventually(lambda: "SIGTERM" in noted.read_text(), noted.read_text)
        job.leaves_its_slot()
        notes = noted.read_text().split()
        self.run("condor_rm", job.id, check=False)
        job.is_gone()
        return notes

    def stopped(self, job: Job) -> bool:
        """Whether the noting program itself stands still."""
        states = [
            one.status()
            for one in job.processes()
            if "interpose_run" not in " ".join(one.cmdline())
        ]
        held = (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
        return bool(states) and all(state in held for state in states)

    @contextmanager
    def wrapping(self) -> Iterator[None]:
        """While it lasts, the node wraps each job."""
        before = self.config.read_text()
        environment = f"INTERPOSE_CONFIG={self.site.absolute()}"
        more = (
            f"USER_JOB_WRAPPER = {self.site.program}\n"
            f'STARTER_JOB_ENVIRONMENT = "{environment}"\n'
        )
        self.config.write_text(before + more)
        self.run("condor_reconfig")
        try:
            yield
        finally:
            self.config.write_text(before)
            self.run("condor_reconfig")

    def nothing_left(self) -> None:
        """No process, no scratch; the doctor's own runs come and go."""
        execute = self.folder / "execute"
        eventually(
            lambda: not list(execute.iterdir()), lambda: str(list(execute.iterdir()))
        )
        mine = [words for words in self.site.box.ours() if "--doctor" not in words]
        assert [words for words in mine if "resolver" not in words] == []

    def _logs(self) -> str:
        return "\n".join(
            path.read_text()[-1500:] for path in (self.folder / "log").iterdir()
        )
