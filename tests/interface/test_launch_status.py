# SPDX-License-Identifier: GPL-2.0-or-later
"""Exit statuses of interpose_run, and what its command line accepts."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

import interpose
from tests.support.places import program
from tests.support.run import Runner

OURS, NOT_EXECUTABLE, NOT_FOUND = 125, 126, 127
DEADLY = [
    number
    for number in range(1, signal.NSIG)
    if number not in (32, 33)
    and number
    not in (
        signal.SIGCHLD,
        signal.SIGCONT,
        signal.SIGSTOP,
        signal.SIGTSTP,
        signal.SIGTTIN,
        signal.SIGTTOU,
        signal.SIGURG,
        signal.SIGWINCH,
    )
]


def bare(*words: str | Path, env: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Status, standard output and standard error of interpose_run with these words."""
    command = [str(program("interpose_run")), *map(str, words)]
    done = subprocess.run(
        command, capture_output=True, check=False, env=env, stdin=subprocess.DEVNULL
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def is_one_line(text: str) -> bool:
    return text.startswith("interpose: ") and text.count("\n") == 1


@pytest.mark.parametrize("status", [0, 1, 2, 100, 125, 126, 127, 128, 143, 254, 255])
def test_status_of_the_command_is_ours(run: Runner, status: int) -> None:
    result = run("sh", "-c", f"exit {status}")
    assert result.status == status
    assert result.errors == []


def test_every_status_comes_through(run: Runner) -> None:
    for status in range(256):
        assert run("sh", "-c", f"exit {status}").status == status


@pytest.mark.parametrize("number", DEADLY)
def test_death_by_signal_is_ours_too(run: Runner, number: int) -> None:
    result = run("sh", "-c", f"ulimit -c 0; kill -{number} $$; exit 3")
    assert result.status == -number, result.explain()


def test_no_second_core_file(run: Runner, place: Path) -> None:
    before = set(place.iterdir())
    result = run("sh", "-c", "ulimit -c 0; kill -QUIT $$", cwd=place)
    assert result.status == -signal.SIGQUIT
    new = {path.name for path in set(place.iterdir()) - before}
    assert not [name for name in new if name.startswith("core")]


def test_missing_command_is_127(run: Runner) -> None:
    result = run("no-such-command-here")
    assert (result.status, len(result.messages)) == (NOT_FOUND, 1)
    assert "no-such-command-here" in result.messages[0]


def test_missing_path_is_127(run: Runner) -> None:
    assert run("/no/such/command").status == NOT_FOUND


def test_file_that_cannot_be_executed_is_126(run: Runner, place: Path) -> None:
    plain = place / "plain"
    plain.write_text("x")
    result = run(plain)
    assert (result.status, len(result.messages)) == (NOT_EXECUTABLE, 1)
    assert run("/").status == NOT_EXECUTABLE


def test_script_without_interpreter_line_is_run_by_sh(run: Runner, place: Path) -> None:
    script = place / "script"
    script.write_text("echo from $0; exit 5\n")
    script.chmod(0o755)
    result = run(script)
    assert (result.status, result.text) == (5, f"from {script}\n")


def test_command_is_searched_in_path(run: Runner, place: Path) -> None:
    directory = place / "bin"
    directory.mkdir()
    tool = directory / "some-tool"
    tool.write_text("#!/bin/sh\necho found\n")
    tool.chmod(0o755)
    env = {"PATH": f"{place}/none:{directory}:/usr/bin:/bin"}
    assert run("some-tool", env=env).text == "found\n"
    tool.chmod(0o644)
    assert run("some-tool", env=env).status == NOT_EXECUTABLE


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ((), "COMMAND is missing"),
        (("--",), "COMMAND is missing"),
        (("--wait",), "COMMAND is missing"),
        (("--no-such-option", "true"), "--no-such-option"),
        (("-z", "true"), "-z"),
        (("-", "true"), "unknown option"),
        (("-o", "WITHOUT", "true"), "WITHOUT"),
        (("--cache",), "--cache"),
        (("--cache=", "true"), "--cache"),
        (("--wait=1", "true"), "--wait"),
        (("--scratch", "/no/such/directory", "true"), "/no/such/directory"),
        (("--stats", "/no/such/directory/file", "true"), "/no/such/directory/file"),
        (("--log", "/no/such/directory/file", "true"), "/no/such/directory/file"),
    ],
)
def test_what_we_cannot_do_is_125_and_one_line(
    words: tuple[str, ...], named: str
) -> None:
    status, out, err = bare(*words)
    assert (status, out) == (OURS, "")
    assert is_one_line(err), err
    assert named in err


@pytest.mark.parametrize(
    "words",
    [
        ("--root", "/x"),
        ("--bind=/a:/b",),
        ("--record", "f"),
        ("--locked=f",),
        ("--profile", "f"),
    ],
)
def test_options_of_later_versions_are_refused(words: tuple[str, ...]) -> None:
    status, _, err = bare(*words, "true")
    option = words[0].partition("=")[0]
    assert (status, err) == (OURS, f"interpose: {option} is not in this version\n")


def test_options_end_at_the_first_word() -> None:
    assert bare("echo", "--version", "-r")[1] == "--version -r\n"
    assert bare("--wait", "--", "echo", "--", "x")[1] == "-- x\n"


def test_values_follow_or_stand_behind_an_equal_sign(place: Path) -> None:
    for words in (["--scratch", place], [f"--scratch={place}"]):
        status, out, _ = bare(*words, "sh", "-c", f"ls -A {place}")
        assert status == 0
        assert out.startswith(".interpose-")


def test_variables_are_read_and_options_win(place: Path) -> None:
    one, other = place / "one", place / "other"
    one.mkdir()
    other.mkdir()
    env = {**os.environ, "INTERPOSE_SCRATCH": str(one)}
    listing = ("sh", "-c", f"ls -A {one}; echo; ls -A {other}")
    assert bare(*listing, env=env)[1].startswith(".interpose-")
    assert bare("--scratch", other, *listing, env=env)[1].startswith("\n.interpose-")


@pytest.mark.parametrize("name", ["_CONDOR_SCRATCH_DIR", "SLURM_TMPDIR", "TMPDIR"])
def test_scratch_follows_the_batch_system(place: Path, name: str) -> None:
    env = {"PATH": os.environ["PATH"], name: str(place)}
    _, out, _ = bare("sh", "-c", f"ls -A {place}", env=env)
    assert out.startswith(".interpose-")
    assert not list(place.iterdir())


def test_help_shows_every_option_and_examples() -> None:
    status, out, err = bare("--help")
    assert (status, err) == (0, "")
    for option in (
        "--repository --config --option --cache --alien-cache --trust-cache --scratch"
        " --offline --refresh --no-fastpath --wait --stats --trace --log --quiet"
        " --verbose --help --version"
    ).split():
        assert option in out
    assert "Examples:" in out
    assert max(map(len, out.splitlines())) <= 88


def test_version_is_the_packages() -> None:
    expected = f"interpose_run {interpose.__version__}\n"
    assert bare("--version") == (0, expected, "")


def test_no_fastpath_is_accepted(run: Runner) -> None:
    assert run("true", options=["--no-fastpath"]).status == 0
    env = {**os.environ, "INTERPOSE_FASTPATH": "0"}
    assert run("true", env=env).status == 0


def test_log_takes_the_messages(run: Runner, place: Path) -> None:
    log = place / "log"
    result = run("/no/such/command", options=["--log", log])
    assert (result.status, result.errors) == (NOT_FOUND, [])
    assert is_one_line(log.read_text())


def test_stats_describe_the_run(run: Runner) -> None:
    result = run("sh", "-c", "/bin/true; /bin/true; exit 4", 'x\n"\\\xe9', stats=True)
    stats = result.stats
    assert stats["version"] == 1
    assert stats["command"] == ["sh", "-c", "/bin/true; /bin/true; exit 4", 'x\n"\\é']
    assert stats["exit"] == {"status": 4}
    assert stats["job"]["processes"] == 3
    assert stats["job"]["max_rss_bytes"] > 0
    assert stats["tracer"]["stops"] > 0
    assert {"repositories", "network", "resolver"} <= set(stats)


def test_stats_name_the_signal(run: Runner) -> None:
    assert run("sh", "-c", "kill -9 $$", stats=True).stats["exit"] == {"signal": 9}


def test_stats_go_to_standard_error(run: Runner) -> None:
    result = run("true", options=["--stats", "-"])
    assert result.errors[0].startswith('{"version": 1')
