# SPDX-License-Identifier: GPL-2.0-or-later
"""What the commands say about themselves, as man pages and completions need it.

interpose_run and interpose_parrot_run print their tables with --help; the subcommands
of `interpose` are argparse's.
"""

from __future__ import annotations

import argparse
import importlib
import re
import subprocess
from dataclasses import dataclass, replace

from interpose import commands
from tests.support.places import program

COLUMN = 23  # where native/launch/help.c explains
DIRECTORIES = frozenset("DIR OUT KEYDIR".split())
FILES = frozenset("FILE FILE|DIR PATH TARGET".split())


@dataclass(frozen=True)
class Option:
    """One row; `value` is "" where it takes none."""

    names: tuple[str, ...]
    value: str
    text: str

    @property
    def kind(self) -> str:
        """What its value is: directory, file, other, or "" for none."""
        return kind(self.value)

    @property
    def is_repeatable(self) -> bool:
        return "(repeatable)" in self.text or self.names[-1] == "--verbose"


def kind(value: str) -> str:
    """What a word of this name is: directory, file, other, or "" for no word."""
    if not value or value[0] == "[":
        return ""
    word = value.removesuffix("...")
    return "directory" if word in DIRECTORIES else "file" if word in FILES else "other"


@dataclass(frozen=True)
class Command:
    """One command or subcommand."""

    name: str
    summary: str
    usage: tuple[str, ...]
    paragraphs: tuple[str, ...]
    examples: str  # lines as they are
    groups: tuple[tuple[str, tuple[Option, ...]], ...]
    ending: tuple[str, ...] = ()  # paragraphs below the options
    words: tuple[str, ...] = ()  # positional arguments

    @property
    def options(self) -> tuple[Option, ...]:
        return tuple(option for _, options in self.groups for option in options)


def printed(name: str, *words: str) -> str:
    """What a command prints."""
    command = [str(program(name)), *words]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    return ended.stdout


def of_program(name: str, summary: str, *words: str) -> Command:
    """A command whose --help is printed from a table in C."""
    text = printed(name, *words, "--help")
    parts = text.rstrip("\n").split("\n\n")
    first = re.sub(r"^(Usage: | +)", "", parts[0], flags=re.MULTILINE)
    command = Command(name, summary, tuple(first.splitlines()), (), "", ())
    for part in parts[1:]:
        head, _, rest = part.partition("\n")
        if head in ("Example:", "Examples:"):
            command = replace(command, examples=rest)
        elif rest.lstrip().startswith("-") and rest.startswith("  "):
            groups = (*command.groups, (head.rstrip(":"), read_rows(rest)))
            command = replace(command, groups=groups)
        elif command.groups:
            command = replace(command, ending=(*command.ending, joined(part)))
        else:
            paragraphs = (*command.paragraphs, joined(part))
            command = replace(command, paragraphs=paragraphs)
    return command


def read_rows(text: str) -> tuple[Option, ...]:
    """The options of a part of the help."""
    found: list[Option] = []
    for line in text.splitlines():
        if line[:COLUMN].strip():
            left, _, text = line.strip().partition("  ")
            typed = re.fullmatch(r"((?:-\w, )?--[\w-]+|-\w)(?: (\S+))?", left)
            assert typed, line
            names = tuple(typed[1].split(", "))
            found.append(Option(names, typed[2] or "", text.strip()))
        else:
            longer = f"{found[-1].text} {line.strip()}".strip()
            found[-1] = replace(found[-1], text=longer)
    return tuple(found)


def joined(text: str) -> str:
    """Lines as one."""
    return " ".join(text.split())


def of_subcommand(row: commands.Subcommand) -> Command:
    """A subcommand that is Python."""
    assert row.module
    parser = commands._parser_for(row)
    importlib.import_module(f"interpose.commands.{row.module}").add_arguments(parser)
    options, words = [], []
    for action in parser._actions:
        if action.help == argparse.SUPPRESS:
            continue
        if action.option_strings:
            options.append(of_action(action))
        else:
            words.append(positional(action))
    head, _, example = (parser.epilog or "").partition("\n")
    assert head in ("example:", "examples:"), row.name
    return Command(
        row.name,
        row.summary,
        (" ".join([f"interpose {row.name} [OPTION...]", *words]),),
        (f"{joined(parser.description or '')}",),
        example.rstrip("\n"),
        (("Options", tuple(options)),),
        words=tuple(words),
    )


def of_action(action: argparse.Action) -> Option:
    """An option of argparse's; help's own words are other ones in other versions."""
    names = tuple(action.option_strings)
    value = "" if action.nargs == 0 else action.metavar or action.dest.upper()
    text = "this text" if "--help" in names else action.help or ""
    several = isinstance(action.default, list)
    return Option(names, str(value), text + (" (repeatable)" if several else ""))


def positional(action: argparse.Action) -> str:
    """As a line of usage shows it."""
    name = str(action.metavar or action.dest.upper())
    return {"*": f"[{name}...]", "+": f"{name}...", "?": f"[{name}]"}.get(
        str(action.nargs), name
    )


@dataclass(frozen=True)
class Suite:
    """All that is told of."""

    run: Command
    parrot: Command
    subcommands: tuple[Command, ...]  # of interpose; run and help have no options here


def everything() -> Suite:
    """Asks all of them."""
    found = []
    for row in commands.SUBCOMMANDS:
        if row.hidden:
            continue
        if row.name == "doctor":
            doctor = of_program("interpose", row.summary, "doctor")
            one = replace(doctor, name="doctor", words=("[FQRN...]",))
        elif row.module is None:
            word = "COMMAND" if row.name == "run" else "[SUBCOMMAND]"
            usage = f"interpose {row.name} {word}"
            if row.name == "run":
                usage = "interpose run [OPTION...] [--] COMMAND [ARGUMENT...]"
            one = Command(row.name, row.summary, (usage,), (), "", ())
        else:
            one = of_subcommand(row)
        found.append(one)
    return Suite(
        of_program("interpose_run", "run a command that sees /cvmfs"),
        of_program("interpose_parrot_run", "parrot_run's command line, for interpose"),
        tuple(found),
    )
