# SPDX-License-Identifier: GPL-2.0-or-later
"""What one configuration file defines.

Two passes as in the official client: the file runs, then its lines are scanned for
names, and each name gets the value that its variable has after the whole file has run.
Source: client-parameters 2; decisions 24.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from interpose.config.interpreter import Interpreter, Sourced
from interpose.config.shell import ask_shell
from interpose.config.words import NAME, Unsupported
from interpose.errors import ConfigurationError

_PREFIX = re.compile(r"(?:readonly|export|eval)\s+")
_PATTERN = re.compile(r"[*?\[]")
MAX_FILE_BYTES = 1 << 20


@dataclass(frozen=True)
class Definition:
    """One parameter as a file leaves it; `line` counts from 1."""

    name: str
    value: str
    line: int


@dataclass(frozen=True)
class Source:
    """A file that is to be evaluated: its text as it was read, once.

    `system`: root alone can change it, so it may be given to /bin/sh.
    `tree`: `.` reads files below this directory only; `alias` is another name of it.
    """

    path: Path
    text: str
    system: bool = False
    tree: Path | None = None
    alias: str = ""


def evaluate(source: Source, environment: Mapping[str, str]) -> list[Definition]:
    """The definitions of one file, in the order of its lines.

    Errors: ConfigurationError naming file and line.
    """
    names = defined_names(source.text)
    directory = str(source.path.parent)
    interpreter = Interpreter(environment, directory, _sourced(source))
    try:
        interpreter.run(source.text)
    except Unsupported as problem:
        if source.system:
            return _by_shell(source, names, environment)
        raise ConfigurationError(
            f"{problem.what} is not understood in a configuration file",
            f"{source.path} line {problem.line}",
            "write NAME=value, a value with blanks in quotes",
        ) from problem
    except RecursionError as problem:
        raise ConfigurationError(
            "a configuration file is too deeply nested", str(source.path)
        ) from problem
    return [
        Definition(
            name,
            echoed(interpreter.variables.get(name, ""), directory),
            interpreter.lines.get(name, line),
        )
        for name, line in names.items()
    ]


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


def echoed(value: str, directory: str) -> str:
    """What an unquoted `echo $NAME` makes of a value.

    Backslashes stay: dash's echo would interpret them, bash's does not.
    """
    words: list[str] = []
    for word in value.split():
        found: list[str] = []
        if _PATTERN.search(word):
            start = os.path.join(directory, "")
            paths = sorted(glob.glob(os.path.join(glob.escape(start), word)))
            found = [path.removeprefix(start) for path in paths]
        words += found or [word]
    return " ".join(words)


def _by_shell(
    source: Source, names: dict[str, int], environment: Mapping[str, str]
) -> list[Definition]:
    values = ask_shell(source.path, source.text, list(names), environment)
    return [
        Definition(name, value, line)
        for (name, line), value in zip(names.items(), values)
    ]


def _sourced(source: Source) -> Sourced:
    """Reads a file named by `.`, if it lies in the same tree."""

    def read(name: str) -> str:
        if source.tree is None:
            raise ValueError("only files of one directory of configuration")
        path = name
        if source.alias and name.startswith(source.alias + "/"):
            path = str(source.tree) + name[len(source.alias) :]
        real = Path(os.path.realpath(os.path.join(source.path.parent, path)))
        tree = Path(os.path.realpath(source.tree))
        if tree not in real.parents:
            raise ValueError(f"outside of {source.tree}")
        if source.system and not is_system_file(real):
            raise ValueError("not root's")
        try:
            return read_text(real)
        except OSError as problem:
            raise ValueError(problem.strerror or "not readable") from problem

    return read


SYSTEM_DIRECTORY = Path("/etc/cvmfs")


def is_system_file(path: Path) -> bool:
    """Whether only root can change the file, and it really lies in /etc/cvmfs."""
    real = Path(os.path.realpath(path))
    if SYSTEM_DIRECTORY not in real.parents:
        return False
    up = real.parents
    chain = [real, *up[: list(up).index(SYSTEM_DIRECTORY) + 1]]
    try:
        states = [os.lstat(place) for place in chain]
    except OSError:
        return False
    return all(state.st_uid == 0 and not state.st_mode & 0o022 for state in states)


def read_text(path: Path) -> str:
    """The text of a file; foreign bytes survive as surrogates.

    Errors: OSError, ConfigurationError if it is too long for a configuration.
    """
    with open(path, "rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise ConfigurationError("a configuration file is too long", str(path))
    return data.decode("utf-8", "surrogateescape")
