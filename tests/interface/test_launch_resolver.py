# SPDX-License-Identifier: GPL-2.0-or-later
"""The resolver from the run's side: -r before the job, its death, calls that wait."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.faulty_server import REFUSE, STALL, FaultyServer
from tests.support.run import Runner

FQRN = "launch.example.org"
PATIENCE_S = 60.0


@pytest.fixture
def key(place: Path) -> Path:
    """A public key that nobody signs with."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = place / "some.pub"
    path.write_bytes(
        private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return path


@pytest.fixture
def stalling() -> Iterator[FaultyServer]:
    """A server that takes a request for the repository and never answers."""
    with FaultyServer() as server:
        for name in (".cvmfspublished", ".cvmfswhitelist"):
            server.script(f"/cvmfs/{FQRN}/{name}", STALL)
        yield server


def named(server: FaultyServer, key: Path) -> list[str]:
    """Options that open the repository before the job starts."""
    return [*proxyless(), "-r", f"{FQRN}={server.url}/cvmfs/{FQRN},pubkey={key}"]


def proxyless() -> list[str]:
    words = []
    for setting in ("HTTP_PROXY=DIRECT", "TIMEOUT_DIRECT=50", "USE_GEOAPI=no"):
        words += ["-o", f"CVMFS_{setting}"]
    return words


def configured(server: FaultyServer, key: Path) -> list[str]:
    """Options that say where the repository is, for the job to touch it."""
    words = proxyless()
    for name, value in (
        ("REPOSITORIES", FQRN),
        ("SERVER_URL", f"{server.url}/cvmfs/@fqrn@"),
        ("PUBLIC_KEY", key),
    ):
        words += ["-o", f"CVMFS_{name}={value}"]
    return words


def asked(server: FaultyServer) -> int:
    return sum(
        server.count(f"/cvmfs/{FQRN}/{name}")
        for name in (".cvmfspublished", ".cvmfswhitelist")
    )


def until_asked(server: FaultyServer, times: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while asked(server) < times:
        assert time.monotonic() < deadline
        select.select([], [], [], 0.01)


def resolver_of(front: subprocess.Popen[bytes]) -> psutil.Process:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        for child in psutil.Process(front.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if "interpose.resolver" in child.cmdline():
                    return child
    raise AssertionError("no resolver")


def test_named_repository_that_does_not_open_is_125(run: Runner, key: Path) -> None:
    with FaultyServer() as server:
        server.script(f"/cvmfs/{FQRN}/.cvmfspublished", REFUSE)
        server.script(f"/cvmfs/{FQRN}/.cvmfswhitelist", REFUSE)
        result = run("echo", "started", options=named(server, key))
    assert (result.status, result.text) == (125, "")
    assert len(result.messages) == 1
    assert FQRN in result.messages[0]


def test_named_repository_of_a_bad_form_is_125(run: Runner) -> None:
    result = run("echo", "started", options=["-r", "no name"])
    assert (result.status, result.text) == (125, "")
    assert len(result.messages) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_while_a_repository_opens_ends_us(
    run: Runner, stalling: FaultyServer, key: Path, number: int
) -> None:
    front = run.start("echo", "started", options=named(stalling, key))
    until_asked(stalling, 1)
    front.send_signal(number)
    out, _ = front.communicate()
    assert (front.returncode, out) == (-number, b"")


@pytest.mark.parametrize("victim", ["front", "tracer"])
def test_kill_while_a_repository_opens_leaves_nothing(
    run: Runner, stalling: FaultyServer, key: Path, victim: str
) -> None:
    front = run.start("echo", "started", options=named(stalling, key))
    until_asked(stalling, 1)
    if victim == "front":
        front.kill()
    else:
        psutil.Process(front.pid).children()[0].kill()
    out, _ = front.communicate()
    assert out == b""
    assert front.returncode == (-signal.SIGKILL if victim == "front" else 125)


def test_question_of_a_dead_resolver_is_asked_once_more(
    run: Runner, stalling: FaultyServer, key: Path
) -> None:
    options = configured(stalling, key)
    front = run.start("ls", f"/cvmfs/{FQRN}/", options=options)
    until_asked(stalling, 1)
    first = resolver_of(front)
    first.kill()
    while resolver_of(front) == first:
        os.sched_yield()
    before = asked(stalling)
    until_asked(stalling, before + 1)
    resolver_of(front).kill()
    _, errors = front.communicate(timeout=PATIENCE_S)
    assert front.returncode == 2
    assert b"Input/output error" in errors


def test_warnings_of_libraries_are_not_for_the_user(
    run: Runner, stalling: FaultyServer, key: Path
) -> None:
    """Without memory for one of them, requests warns of it and goes on."""
    front = run.start("ls", f"/cvmfs/{FQRN}/", options=configured(stalling, key))
    until_asked(stalling, 1)
    words = resolver_of(front).cmdline()
    front.kill()
    front.communicate()
    assert "-Wignore" in words[: words.index("interpose.resolver")]


def test_waiting_call_does_not_hold_up_others(
    run: Runner, stalling: FaultyServer, key: Path
) -> None:
    script = f"ls /cvmfs/{FQRN}/ & for i in 1 2 3; do ls /etc/passwd; done; kill -9 $!"
    result = run("bash", "-c", script, options=configured(stalling, key))
    assert result.text == "/etc/passwd\n" * 3


def test_waiting_job_can_be_interrupted(
    run: Runner, stalling: FaultyServer, key: Path
) -> None:
    front = run.start("cat", f"/cvmfs/{FQRN}/file", options=configured(stalling, key))
    until_asked(stalling, 1)
    front.kill()
    front.communicate()
    run.nothing_left()


def test_no_resolver_without_need(run: Runner) -> None:
    front = run.start("sh", "-c", "ls -l /etc >/dev/null; echo ready; cat")
    assert front.stdout is not None
    front.stdout.readline()
    names = {child.name() for child in psutil.Process(front.pid).children(True)}
    assert names <= {"interpose_run", "sh", "cat"}
    front.communicate()
    assert front.returncode == 0


def test_trace_has_a_line_for_a_path(run: Runner, place: Path) -> None:
    target = place / "trace.txt"
    run("cat", "/etc/hostname", options=["--trace", target]).ok()
    lines = target.read_text().splitlines()
    assert any('"/etc/hostname"' in line for line in lines)


def test_trace_that_cannot_be_written_is_125(run: Runner) -> None:
    result = run("true", options=["--trace", "/no/such/directory/trace"])
    assert result.status == 125
    assert len(result.messages) == 1
