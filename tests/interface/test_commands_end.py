# SPDX-License-Identifier: GPL-2.0-or-later
"""Subcommands that are killed leave nothing for ever."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from interpose import commands
from interpose.commands import showconfig
from tests.support.house import ROOT
from tests.support.places import program
from tests.support.run import DEFAULT_PATH, Runner

WAIT_S = 60.0
COMMANDS = {
    "probe": ["probe", "a.example.org"],
    "ls": ["ls", "/cvmfs/a.example.org"],
    "cat": ["cat", "/cvmfs/a.example.org/x"],
    "stat": ["stat", "/cvmfs/a.example.org/x"],
    "cp": ["cp", "/cvmfs/a.example.org/x", "y"],
}


@pytest.fixture
def silent(place: Path) -> Iterator[str]:
    """The URL of a server that takes connections and says nothing."""
    listening = socket.create_server(("127.0.0.1", 0))
    (place / "k.pub").write_text("no key, and never looked at\n")
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    listening.close()


def started(
    place: Path, scratch: Path, words: list[str], url: str
) -> subprocess.Popen[bytes]:
    """A command that waits for the server, with its scratch made."""
    source = f"a.example.org={url},pubkey={place}/k.pub"
    names = "--repository" if words[0] in ("cp", "ls") else "-r"
    options = [names, source, "-o", "CVMFS_HTTP_PROXY=DIRECT"]
    options += ["-o", "CVMFS_TIMEOUT_DIRECT=600", "--scratch", str(scratch)]
    before = set(scratch.glob("*/lock"))
    process = subprocess.Popen(
        [program("interpose"), *words, *options, "--cache", str(place / "cache")],
        env={"PATH": DEFAULT_PATH, "HOME": str(place)},
        stderr=subprocess.PIPE,
        cwd=place,
    )
    deadline = time.monotonic() + WAIT_S
    while set(scratch.glob("*/lock")) <= before:
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < deadline
        select.select([], [], [], 0.02)
    return process


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_told_to_end_tidies_up(
    place: Path, silent: str, name: str, number: signal.Signals
) -> None:
    scratch = place / "s"
    scratch.mkdir()
    process = started(place, scratch, COMMANDS[name], silent)
    process.send_signal(number)
    process.communicate(timeout=WAIT_S)
    assert process.returncode == -number
    assert list(scratch.iterdir()) == []


AT_ONCE = """
import os, signal, sys
from interpose.commands import scratch
from interpose.commands.ending import ending_by_signal
where, base = sys.argv[1:]
first = getattr(scratch.Scratch, where)
def told_then(*words):
    made = first(*words)
    os.kill(os.getpid(), signal.SIGTERM)
    return made
setattr(scratch.Scratch, where, told_then)
with ending_by_signal(), scratch.Scratch(base):
    sys.exit("it goes on")
"""


@pytest.mark.parametrize("where", ["_locked", "__init__", "__enter__"])
def test_it_tidies_up_however_early_it_is_told(place: Path, where: str) -> None:
    scratch = place / "s"
    scratch.mkdir()
    words = [sys.executable, "-c", AT_ONCE, where, scratch]
    done = subprocess.run(list(map(os.fspath, words)), check=False, cwd=ROOT)
    assert done.returncode == -signal.SIGTERM
    assert list(scratch.iterdir()) == []


LOST = """
import os, signal, sys, weakref
from interpose.commands.ending import ending_by_signal
class Thing:
    pass
def tell(*words):
    os.kill(os.getpid(), signal.SIGTERM)
    return len(words)
def swallowed():
    thing = Thing()
    seen = weakref.ref(thing, tell)
    del thing
    while True:
        signal.pause()
def made_another():
    try:
        tell()
    except BaseException:
        raise ValueError("another") from None
def forgotten():
    try:
        tell()
    except BaseException:
        pass
def slow():
    try:
        tell()
    finally:
        for _ in range(3):
            signal.pause()  # The alarm that would raise again, if this were lost.
        print("tidied up", flush=True)
with ending_by_signal():
    globals()[sys.argv[1]]()
"""


@pytest.mark.parametrize("how", ["swallowed", "made_another", "forgotten", "slow"])
def test_it_ends_by_the_signal_whatever_became_of_it(how: str) -> None:
    words = [sys.executable, "-c", LOST, how]
    done = subprocess.run(
        words, check=False, cwd=ROOT, capture_output=True, timeout=WAIT_S
    )
    assert done.returncode == -signal.SIGTERM
    assert done.stdout == (b"tidied up\n" if how == "slow" else b"")


@pytest.mark.parametrize("by_run", [True, False])
def test_what_a_killed_command_left_goes_with_the_next_one(
    place: Path, run: Runner, silent: str, by_run: bool
) -> None:
    process = started(place, run.scratch, COMMANDS["probe"], silent)
    living = started(place, run.scratch, COMMANDS["probe"], silent)
    process.kill()
    process.communicate(timeout=WAIT_S)
    assert len(list(run.scratch.iterdir())) == 2
    if by_run:
        words = [program("interpose_run"), "--scratch", run.scratch, "/bin/true"]
        subprocess.run(list(map(os.fspath, words)), check=True, timeout=WAIT_S)
    else:
        third = started(place, run.scratch, COMMANDS["stat"], silent)
        third.terminate()
        third.communicate(timeout=WAIT_S)
    assert len(list(run.scratch.iterdir())) == 1, "that of the living one"
    living.terminate()
    living.communicate(timeout=WAIT_S)
    assert list(run.scratch.iterdir()) == []


def test_without_memory_a_subcommand_blames_the_limit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def execute(arguments: object) -> int:
        raise MemoryError

    monkeypatch.setattr(showconfig, "execute", execute)
    assert commands.main(["showconfig", "some.example.org"]) == 125
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "interpose: no memory is left (is a limit too low: ulimit -v, -d?)"
