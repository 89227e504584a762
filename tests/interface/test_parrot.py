# SPDX-License-Identifier: GPL-2.0-or-later
"""interpose_parrot_run: what a script for parrot_run finds."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import ROOT, program
from tests.support.run import DEFAULT_PATH, Result

FQRN = "sha1.example.org"
TOP = f"/cvmfs/{FQRN}"
Parrot = Callable[..., Result]


@pytest.fixture
def parrot(configured: Callable[..., list[Any]], place: Path) -> Parrot:
    """`parrot(WORD..., NAME=VALUE...)` in `place`; what is configured are options."""
    settings = [word if word != "-o" else "--cvmfs-option" for word in configured(FQRN)]

    def go(*words: str | Path, **variables: str) -> Result:
        whole = [
            program("interpose_parrot_run"),
            "-t",
            place / "tmp",
            *settings,
            *words,
        ]
        command = list(map(str, whole))
        # A directory of PATH that may not be searched would be another status (EACCES).
        own = {"HOME": str(place), "PATH": DEFAULT_PATH}
        environment = {**os.environ, **own, **variables}
        done = subprocess.run(
            command,
            cwd=place,
            env=environment,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr, " ".join(command))

    return go


def test_a_wrapper_of_lobsters_kind(parrot: Parrot, place: Path) -> None:
    (place / "siteconf").mkdir()
    (place / "siteconf/site.xml").write_text("<site/>\n")
    found = parrot(
        "-M",
        f"{TOP}/data/local={place}/siteconf",
        "-M",
        "/sbin/no-such-ifconfig=/bin/echo",
        "--timeout",
        "1m",
        "--cvmfs-repo-switching",
        "sh",
        "-c",
        f"cat {TOP}/data/local/site.xml; /sbin/no-such-ifconfig -a; exit $#",
        "sh",
        "one",
        "-two",
    )
    assert (found.status, found.errors) == (2, [])
    assert found.text == "<site/>\n-a\n"
    assert {path.name for path in (place / "tmp").iterdir()} == {"interpose"}


def test_variables_stand_before_options(parrot: Parrot, place: Path) -> None:
    for name in ("one", "two"):
        (place / name).write_text(f"{name}\n")
    variables = {"PARROT_MOUNT_STRING": f"{place}/x={place}/one"}
    assert parrot("cat", "x", **variables).ok().text == "one\n"
    row = f"{place}/x={place}/two"
    assert parrot("-M", row, "cat", "x", **variables).ok().text == "two\n"


def test_mountlists_are_done_for_real(parrot: Parrot, place: Path) -> None:
    (place / "home").mkdir()
    (place / "home/x").write_text("x\n")
    lines = f"# rules\n/ rx\n/dev/null rwx\n{place}/home DENY\n{place}/new rwx\n"
    (place / "list").write_text(lines)
    command = "cat home/x; echo a > new; cat new; echo b > other; echo c > /dev/null"
    for words, variables in (
        (["-m", "list"], {}),
        ([], {"PARROT_MOUNT_FILE": str(place / "list")}),
    ):
        found = parrot(*words, "sh", "-c", command, **variables)
        assert found.text == "a\n", found.explain()
        assert len(found.errors) == 2
        assert not (place / "other").exists()


@pytest.mark.parametrize(
    ("command", "status", "told"),
    [
        ("exit 0", 0, "normal\n0\n"),
        ("exit 7", 7, "normal\n7\n"),
        ("kill -9 $$", -signal.SIGKILL, "abnormal\n9\n"),
    ],
)
def test_statuses(
    parrot: Parrot, place: Path, command: str, status: int, told: str
) -> None:
    assert parrot("-c", "status", "--", "sh", "-c", command).status == status
    assert (place / "status").read_text() == told


def test_a_missing_command_is_no_exec(parrot: Parrot, place: Path) -> None:
    assert parrot("-c", "status", "no-such-command").status == 127
    assert (place / "status").read_text() == "noexec\n2\n"


def test_what_means_nothing_gets_one_notice(parrot: Parrot) -> None:
    found = parrot(
        "-N", "host", "-U", "5", "--fake-setuid", "-W", "true", PARROT_GID="1"
    )
    assert found.status == 0
    (line,) = found.messages
    for name in ("-N", "-U", "--fake-setuid", "-W", "PARROT_GID"):
        assert name in line


def test_scripts_can_ask_whether_they_are_inside(parrot: Parrot) -> None:
    asked = (program("interpose_parrot_run"), "--is-running")
    assert parrot(*asked).status == 0
    assert subprocess.run(asked, capture_output=True, check=False).returncode == 1
    assert parrot("sh", "-c", "echo $PARROT_ENABLED").ok().text == "TRUE\n"
    nested = (program("interpose_parrot_run"), "cat", f"{TOP}/README")
    assert parrot(*nested).ok().text == parrot("cat", f"{TOP}/README").ok().text


def test_drivers_and_services(parrot: Parrot) -> None:
    assert parrot("--check-driver", "cvmfs").ok().text == "cvmfs is enabled\n"
    assert parrot("--check-driver", "irods").status == 1
    natively = "absent" if not Path(TOP).exists() else "there"
    command = f"test -e {TOP} && echo there || echo absent"
    found = parrot("--disable-service", "cvmfs", "sh", "-c", command)
    assert found.text == f"{natively}\n"


def test_directories_and_lists(parrot: Parrot, place: Path) -> None:
    assert parrot("-w", f"{TOP}/data", "/bin/pwd").ok().text == f"{TOP}/data\n"
    parrot("-e", "list", "true", MARK="here").ok()
    listed = (place / "list").read_text().split("\0")
    assert {"MARK=here", f"PWD={place}"} <= set(listed)
    assert parrot("-e", "list", "true").status == 125


def test_repositories_in_the_grammar_of_parrot(parrot: Parrot, place: Path) -> None:
    (place / "options").write_text('# a comment\nCVMFS_HTTP_PROXY="DIRECT"\n')
    words = ("--cvmfs-option-file", "options", "-r", f"{FQRN}:timeout=5")
    assert parrot(*words, "test", "-s", f"{TOP}/README").status == 0


def test_a_loader_is_another_one(parrot: Parrot, place: Path) -> None:
    shell = program("interpose_run")  # is static: no loader of any kind
    (place / "no-loader").write_text("no program\n")
    found = parrot("-l", "no-loader", "/bin/true")
    assert found.status == 126, found.explain()
    assert parrot("-l", "no-loader", shell, "--version").status == 0
    loader = "/lib64/ld-linux-x86-64.so.2"
    if Path(loader).exists():
        assert parrot("-l", loader, "/bin/echo", "x").ok().text == "x\n"


@pytest.mark.parametrize("words", [("--no-such",), ("-M",), ("-T", "1y", "true"), ()])
def test_wrong_usage_is_one_line(words: tuple[str, ...]) -> None:
    command = [str(program("interpose_parrot_run")), *words]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (125, b"")
    assert done.stderr.count(b"\n") == 1


def test_every_option_and_variable_of_the_field_has_a_row() -> None:
    rows = (ROOT / "native/launch/parrotoptions.c").read_text()
    document = (ROOT / "docs/parrot.md").read_text()
    found = re.findall(
        r'\{(?:"([\w-]+)"|NULL),\s*(?:\'(\w)\'|0),\s*(?:"[^"]*"|NULL),\s*'
        r'(?:"[^"]*"|NULL),\s*(?:"(\w+)"|NULL),\s*(\w+)',
        rows,
    )
    assert len(found) == len(re.findall(r"(?m)^\t\{", rows))
    letters = [letter for _, letter, _, _ in found if letter]
    assert len(letters) == len(set(letters))
    assert set(letters) >= set("MmtTdoOvcnewlNUGuPFSsYfprabiQCIKkRHWBDZ")
    for name, letter, variable, deed in found:
        if deed != "NOTICE":
            assert not name or f"--{name}" in document, name
            assert not letter or f"`-{letter}`" in document, letter
            assert not variable or variable in document, variable
