# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands of a configuration file as a tree.

Source: POSIX shell language 2.9.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Union

from interpose.config.words import Literal, Word

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?=)(.*)", re.DOTALL)


@dataclass(frozen=True)
class Assignment:
    """`name=value`; `more` is bash's `name+=value`."""

    name: str
    value: Word
    line: int
    more: bool = False


@dataclass(frozen=True)
class Redirection:
    """`number operator target`; no number where none was written."""

    number: str
    operator: str
    target: Word


@dataclass(frozen=True)
class Simple:
    """Assignments, or a command and its arguments."""

    line: int
    assignments: tuple[Assignment, ...]
    words: tuple[Word, ...]
    redirections: tuple[Redirection, ...] = ()


@dataclass(frozen=True)
class Condition:
    """bash's `[[ terms ]]`; a term is a word or an operator."""

    line: int
    terms: tuple[Word | str, ...]


@dataclass(frozen=True)
class Negated:
    """`! command`."""

    command: Command
    line: int


@dataclass(frozen=True)
class Pipeline:
    """`first | second | third`."""

    stages: tuple[Command, ...]
    line: int


@dataclass(frozen=True)
class AndOr:
    """`first && second || third`."""

    first: Command
    rest: tuple[tuple[str, Command], ...]
    line: int


@dataclass(frozen=True)
class If:
    """Pairs of condition and body, and what stands after `else`."""

    branches: tuple[tuple[Sequence, Sequence], ...]
    otherwise: Sequence
    line: int


@dataclass(frozen=True)
class While:
    """`while condition; do body; done`; `until` is its negation."""

    condition: Sequence
    body: Sequence
    until: bool
    line: int


@dataclass(frozen=True)
class For:
    """`for name in words; do body; done`; no words: the positional parameters."""

    name: str
    words: tuple[Word, ...] | None
    body: Sequence
    line: int


@dataclass(frozen=True)
class Case:
    """`case word in pattern|pattern) body;; esac`."""

    word: Word
    branches: tuple[tuple[tuple[Word, ...], Sequence], ...]
    line: int


@dataclass(frozen=True)
class Function:
    """`name() command`."""

    name: str
    body: Command
    line: int


@dataclass(frozen=True)
class Group:
    """`{ commands; }`, or `(commands)` with variables of its own."""

    body: Sequence
    own: bool
    line: int


@dataclass(frozen=True)
class Redirected:
    """A compound command with redirections behind it."""

    command: Command
    redirections: tuple[Redirection, ...]
    line: int


@dataclass(frozen=True)
class Lost:
    """A line that could not be put together: `what` says why, `text` is the line."""

    line: int
    what: str
    text: str


Command = Union[
    Simple,
    Condition,
    Negated,
    Pipeline,
    AndOr,
    If,
    While,
    For,
    Case,
    Function,
    Group,
    Redirected,
    Lost,
]
Sequence = tuple[Command, ...]


def split_assignment(word: Word, line: int) -> Assignment | None:
    """The assignment that a word is, if it is one."""
    if not word or not isinstance(word[0], Literal) or word[0].quoted:
        return None
    match = _ASSIGNMENT.fullmatch(word[0].text)
    if not match:
        return None
    rest = match.group(3)
    value = ((Literal(rest, quoted=False),) if rest else ()) + word[1:]
    return Assignment(match.group(1), value, line, more=match.group(2) == "+=")


def assigned_names(command: Command) -> Iterator[str]:
    """Names that a command would assign if all of it ran."""
    if isinstance(command, Simple):
        yield from (found.name for found in command.assignments)
        for word in command.words[1:]:
            found = split_assignment(word, command.line)
            if found:
                yield found.name
    elif isinstance(command, Lost):
        yield from re.findall(r"([A-Za-z_][A-Za-z0-9_]*)\s*\+?=", command.text)
    else:
        for inner in _inner(command):
            yield from assigned_names(inner)


def _inner(command: Command) -> Iterator[Command]:
    if isinstance(command, (Negated, Redirected)):
        yield command.command
    elif isinstance(command, Function):
        yield command.body
    elif isinstance(command, Pipeline):
        yield from command.stages
    elif isinstance(command, AndOr):
        yield command.first
        yield from (following for _, following in command.rest)
    elif isinstance(command, If):
        for condition, body in command.branches:
            yield from (*condition, *body)
        yield from command.otherwise
    elif isinstance(command, Case):
        for _, body in command.branches:
            yield from body
    elif isinstance(command, While):
        yield from (*command.condition, *command.body)
    elif isinstance(command, (For, Group)):
        yield from command.body
