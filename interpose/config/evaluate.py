# SPDX-License-Identifier: GPL-2.0-or-later
"""What one configuration file defines.

Two passes as in the official client: the file runs, then its lines are scanned for
names, and each name gets the value that its variable has after the whole file has run.
Source: docs/parameters.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from interpose.config.interpreter import Interpreter, LeftOut
from interpose.config.shell import ask_shell
from interpose.config.simple import KEY_PARAMETERS
from interpose.config.streams import Files
from interpose.config.words import NAME
from interpose.errors import ConfigurationError

_PREFIX = re.compile(r"(?:readonly|export|eval)\s+")
_ADVICE = "write NAME=value, a value with blanks in quotes"


class Definition(NamedTuple):
    """One parameter as a file leaves it; `line` counts from 1."""

    name: str
    value: str
    line: int


class Source(NamedTuple):
    """A file that is to be evaluated: its text as it was read, once.

    `system`: root alone can change it, so it may be given to /bin/sh.
    `strict`: all of it has to be understood.
    """

    path: Path
    text: str
    files: Files
    system: bool = False
    strict: bool = False


class Evaluated(NamedTuple):
    """The definitions of one file in the order of its lines, and lines for the user."""

    definitions: tuple[Definition, ...]
    notices: tuple[str, ...] = ()


def evaluate(source: Source, environment: Mapping[str, str]) -> Evaluated:
    """What a file defines. A line that is not understood costs that line and a notice.

    Errors: ConfigurationError naming file and line, if such a line sets keys, or the
    source is strict.
    """
    text = source.text.replace("\0", "")  # as every shell
    names = defined_names(text)
    shell = Interpreter(environment, source.files)
    try:
        shell.run(text)
    except RecursionError as problem:
        raise ConfigurationError(
            "a configuration file is too deeply nested", str(source.path)
        ) from problem
    if shell.left_out and source.system:
        return Evaluated(_by_shell(source, names, environment))
    notices = [_notice(source, left_out) for left_out in shell.left_out]
    notices += [f"{source.path} line {line}: {text}" for line, text in shell.missing]
    variables, unknown = shell.variables.values, shell.variables.unknown
    definitions = tuple(
        Definition(
            name,
            echoed(variables.get(name, ""), source.files),
            shell.variables.lines.get(name, line),
        )
        for name, line in names.items()
        if name in variables or name not in unknown
    )
    return Evaluated(definitions, tuple(dict.fromkeys(notices)))


def _notice(source: Source, left_out: LeftOut) -> str:
    what = f"{left_out.what} is not understood in a configuration file"
    where = f"{source.path} line {left_out.line}"
    if source.strict:
        advice = (
            "the configuration repository is required, see CVMFS_CONFIG_REPO_REQUIRED"
        )
        raise ConfigurationError(what, where, advice)
    keys = sorted(left_out.names & KEY_PARAMETERS)
    if keys:
        raise ConfigurationError(f"{what}, and it sets {keys[0]}", where, _ADVICE)
    return f"{what}, it is left out: {where}"


def defined_names(text: str) -> dict[str, int]:
    """The names that the lines of a file define, with their last line."""
    names: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        before, equals, _ = line.partition("#")[0].strip().partition("=")
        name = _PREFIX.sub("", before, count=1).strip() if equals else ""
        if NAME.fullmatch(name):
            names.pop(name, None)
            names[name] = number
    return names


def echoed(value: str, files: Files) -> str:
    """What an unquoted `echo $NAME` makes of a value.

    Backslashes stay: dash's echo would interpret them, bash's does not.
    """
    words: list[str] = []
    for word in value.split():
        words += files.matching(word) or [word]
    return " ".join(words)


def _by_shell(
    source: Source, names: dict[str, int], environment: Mapping[str, str]
) -> tuple[Definition, ...]:
    values = ask_shell(source.path, source.text, list(names), environment)
    return tuple(
        Definition(name, value, line)
        for (name, line), value in zip(names.items(), values)
    )
