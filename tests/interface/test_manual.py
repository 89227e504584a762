# SPDX-License-Identifier: GPL-2.0-or-later
"""--help, man pages and completions say what the tables of options have."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import time
from pathlib import Path

import pytest

from interpose import commands
from tests.support import helptexts, manual
from tests.support.places import ROOT, need_tool, program
from tests.support.web import RUNNING

SHARE = ROOT / "docs/share"
PAGES = sorted((SHARE / "man/man1").iterdir())
BASH = SHARE / "bash-completion/completions/interpose_run"
ZSH = SHARE / "zsh/site-functions/_interpose"
TIMEOUT_S = 30.0


def table() -> list[dict[str, str]]:
    """The rows of interpose_run's table that are for users, read from the source."""
    text = (ROOT / "native/launch/optiontable.c").read_text(encoding="utf-8")
    text = re.sub(r'"\s*\n\s*"', "", text)
    rows = re.findall(r"^\t\{(\.name = .*?)\},$", text, re.MULTILINE | re.DOTALL)
    fields = [dict(re.findall(r"\.(\w+) = ([^,\"]+|\"[^\"]*\")", row)) for row in rows]
    assert len(fields) == text.count(".name = ") > 25
    return [row for row in fields if "group" in row]


def typed(row: dict[str, str]) -> list[str]:
    """Its names with their dashes."""
    letter = row.get("letter", "").strip("'")
    return [*([f"-{letter}"] if letter else []), f"--{row['name'].strip(chr(34))}"]


def run(*words: object) -> subprocess.CompletedProcess[str]:
    command = [str(word) for word in words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_is_in_share_is_made_from_the_tables() -> None:
    made = manual.files()
    found = {str(p.relative_to(SHARE)) for p in SHARE.rglob("*") if p.is_file()}
    assert found == set(made)
    old = [n for n, text in made.items() if (SHARE / n).read_text("ascii") != text]
    assert old == [], "make man"


@pytest.mark.parametrize("row", table(), ids=lambda row: typed(row)[-1])
def test_a_row_is_in_help_page_and_completions(row: dict[str, str]) -> None:
    (option,) = (
        one
        for one in helptexts.of_program("interpose_run", "").options
        if typed(row)[-1] in one.names
    )
    assert list(option.names) == typed(row)
    assert option.value == row.get("value", "").strip('"')
    assert option.text.startswith(row["help"].strip('"'))
    if "variable" in row:
        assert f"[{row['variable'].strip(chr(34))}" in option.text
    page = (SHARE / "man/man1/interpose_run.1").read_text()
    text = BASH.read_text()
    (listed,) = re.findall(r"\trun\) echo '(.*)'", text)
    for name in option.names:
        assert f"\\fB{name.replace('-', chr(92) + '-')}\\fR" in page
        assert name in listed.split()
        assert re.search(rf"'[^']*{name}[=+]?\[", ZSH.read_text())
        assert (f"'run {name}'" in text) == bool(option.kind)


@pytest.mark.parametrize(
    "row", [r for r in commands.SUBCOMMANDS if r.module and not r.hidden], ids=str
)
def test_a_subcommand_is_in_page_and_completions(row: commands.Subcommand) -> None:
    if row.name == "doctor":
        options = helptexts.of_program("interpose", "", "doctor").options
    else:
        options = helptexts.of_subcommand(row).options
    page = (SHARE / "man/man1/interpose.1").read_text()
    _, _, section = page.partition(f".SS {row.name}\n")
    section = section.partition("\n.SS ")[0].replace("\\-", "-")
    (listed,) = re.findall(rf"\t{row.name}\) echo '(.*)'", BASH.read_text())
    _, _, case = ZSH.read_text().partition(f"\t{row.name})\n\t\t_arguments")
    case = case.partition(";;")[0]
    assert len(options) >= 4
    for name in (name for option in options for name in option.names):
        assert f"\\fB{name}\\fR" in section
        assert name in listed.split()
        assert re.search(rf"{name}[=+]?\[", case)


def test_parrots_options_are_all_told() -> None:
    text = (ROOT / "native/launch/parrotoptions.c").read_text(encoding="utf-8")
    names = re.findall(r'^\t\{"([\w-]+)"', text, re.MULTILINE)
    assert len(names) > 50
    told = helptexts.printed("interpose_parrot_run", "--help")
    page = (SHARE / "man/man1/interpose_parrot_run.1").read_text().replace("\\-", "-")
    missing = [n for n in names if f"--{n}" not in told or f"--{n}" not in page]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_set_without_a_warning(page: Path) -> None:
    done = run(need_tool("groff"), "-ww", "-man", "-Tascii", "-P-cbou", page)
    assert (done.returncode, done.stderr) == (0, "")
    for head in ("NAME", "SYNOPSIS", "DESCRIPTION", "SEE ALSO"):
        assert f"\n{head}\n" in done.stdout


COMPLETED = {
    "interpose_run --alien": "--alien-cache",
    "interpose_run --cache fol": "folder",
    "interpose_run --cache = fol": "folder",
    "interpose_run --config f": "file folder",
    "interpose_run -r x -o A=B --st": "--stats",
    "interpose_run -r x -- file-pro": "file-program",
    "interpose_run --wait file-pro": "file-program",
    "interpose_run -- sh fi": "file",
    "interpose_run sh --ca": "",
    "interpose_run --tool prob": "probe",
    "interpose_run --tool ls --jso": "--json",
    "interpose pub": "publish",
    "interpose --vers": "--version",
    "interpose help sh": "showconfig",
    "interpose run --prefer": "--prefer-host",
    "interpose run -- file-pro": "file-program",
    "interpose doctor --class": "--classad",
    "interpose serve fol": "folder",
    "interpose publish --keys fol": "folder",
}


@pytest.mark.parametrize("line", COMPLETED)
def test_bash_completes(line: str, place: Path) -> None:
    (place / "folder").mkdir()
    (place / "file").touch()
    tool = place / "bin/file-program"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    script = (
        f'. {BASH}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1));'
        ' _interpose; printf "%s\\n" "${COMPREPLY[@]}"; complete -p interpose_run'
    )
    done = subprocess.run(
        ["bash", "--norc", "-u", "-c", script, "bash", *line.split()],
        cwd=place,
        env={"PATH": f"{tool.parent}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    *found, last = done.stdout.split("\n")[:-1]
    assert sorted(found) == (COMPLETED[line].split() or [""])
    assert last == "complete -F _interpose interpose_run"


def shown_by_zsh(line: str, wanted: str, place: Path) -> str:
    """What an interactive zsh writes after `line` and a tabulator, up to `wanted`."""
    setup = place / ".zshrc"
    setup.write_text(
        f"fpath=({ZSH.parent} $fpath)\nautoload -Uz compinit && compinit -u -D\n"
        "PS1='ready> '\nunsetopt zle_bracketed_paste prompt_cr\nLISTMAX=0\n"
    )
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(place)
        zsh = need_tool("zsh")
        env = {"ZDOTDIR": str(place), "HOME": str(place), "TERM": "dumb"}
        os.execve(zsh, ["zsh", "-i"], {**env, "PATH": "/usr/bin:/bin"})
    RUNNING.add(pid)
    try:
        before = read_until(terminal, "ready> ")
        assert "ready> " in before
        os.write(terminal, f"{line}\t".encode())
        return read_until(terminal, wanted)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        RUNNING.discard(pid)
        os.close(terminal)


def read_until(terminal: int, wanted: str) -> str:
    """All that comes up to this text, or within the time."""
    text = ""
    until = time.monotonic() + TIMEOUT_S
    while wanted not in text and time.monotonic() < until:
        if select.select([terminal], [], [], 1.0)[0]:
            text += os.read(terminal, 65536).decode(errors="replace")
    return text


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("interpose_run --alien", "--alien-cache"),
        ("interpose_run --cache fol", "folder"),
        ("interpose_run --tool pub", "publish"),
        ("interpose pub", "publish"),
        ("interpose help sh", "showconfig"),
        ("interpose run --prefer", "--prefer-host"),
        ("interpose doctor --class", "--classad"),
        ("interpose publish --stor", "--storage"),
        ("interpose_run --wait -- /usr/bin/tou", "/usr/bin/touch"),
    ],
)
def test_zsh_completes(line: str, wanted: str, place: Path) -> None:
    need_tool("zsh")
    (place / "folder").mkdir()
    assert wanted in shown_by_zsh(line, wanted, place)


def test_help_of_a_subcommand_is_its_own() -> None:
    interpose = program("interpose")
    for name in ("ls", "doctor", "run"):
        asked = run(interpose, "help", name)
        assert (asked.returncode, asked.stderr) == (0, "")
        assert asked.stdout == run(interpose, name, "--help").stdout
    assert run(interpose, "help", "run").stdout == helptexts.printed(
        "interpose_run", "--help"
    )
    overview = helptexts.printed("interpose", "--help")
    for words in (["help"], ["help", "help"], ["-v", "help", "-x"]):
        assert run(interpose, *words).stdout == overview
    listed = run(program("interpose_run"), "--tool", "help", "ls")
    assert listed.stdout == helptexts.printed("interpose", "ls", "--help")
    unknown = run(interpose, "help", "prob")
    assert unknown.returncode == 2
    assert "is probe meant?" in unknown.stderr


def test_run_is_interpose_run() -> None:
    interpose = program("interpose")
    words = ["run", "--", "sh", "-c", 'echo "$1"; kill -TERM $$', "sh", "--version"]
    ran = run(interpose, *words)
    assert (ran.returncode, ran.stdout) == (-signal.SIGTERM, "--version\n")
    wrong = run(interpose, "run", "--nonsense", "true")
    assert wrong.returncode == 125
    assert "see interpose_run --help" in wrong.stderr
    verbose = run(interpose, "-v", "run", "sh", "-c", "exit 3")
    assert verbose.returncode == 3
    assert "scratch is" in verbose.stderr


@pytest.mark.parametrize("words", [["--help"], ["--doctor", "--help"], ["--version"]])
def test_help_that_nobody_gets_is_told(words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        command = [str(program("interpose_run")), *words]
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 125
    assert done.stderr.startswith("interpose: cannot write: standard output")
