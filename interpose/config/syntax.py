# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands of a configuration file as a tree.

Source: POSIX shell language 2.9.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple, Union

from interpose.config.words import Literal, Word

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?=)(.*)", re.DOTALL)


class Assignment(NamedTuple):
    """`name=value`; `more` is bash's `name+=value`."""

    name: str
    value: Word
    line: int
    more: bool = False


class Redirection(NamedTuple):
    """`number operator target`; no number where none was written."""

    number: str
    operator: str
    target: Word


class Simple(NamedTuple):
    """Assignments, or a command and its arguments."""

    line: int
    assignments: tuple[Assignment, ...]
    words: tuple[Word, ...]
    redirections: tuple[Redirection, ...] = ()


class Condition(NamedTuple):
    """bash's `[[ terms ]]`; a term is a word or an operator."""

    line: int
    terms: tuple[Word | str, ...]


class Negated:
    """`! command`."""

    def __init__(self, command: Command, line: int) -> None:
        self.command: Final = command
        self.line: Final = line


class Pipeline:
    """`first | second | third`."""

    def __init__(self, stages: tuple[Command, ...], line: int) -> None:
        self.stages: Final = stages
        self.line: Final = line


class AndOr:
    """`first && second || third`."""

    def __init__(
        self, first: Command, rest: tuple[tuple[str, Command], ...], line: int
    ) -> None:
        self.first: Final = first
        self.rest: Final = rest
        self.line: Final = line


class If:
    """Pairs of condition and body, and what stands after `else`."""

    def __init__(
        self,
        branches: tuple[tuple[Sequence, Sequence], ...],
        otherwise: Sequence,
        line: int,
    ) -> None:
        self.branches: Final = branches
        self.otherwise: Final = otherwise
        self.line: Final = line


class While:
    """`while condition; do body; done`; `until` is its negation."""

    def __init__(
        self, condition: Sequence, body: Sequence, line: int, *, until: bool
    ) -> None:
        self.condition: Final = condition
        self.body: Final = body
        self.until: Final = until
        self.line: Final = line


class For:
    """`for name in words; do body; done`; no words: the positional parameters."""

    def __init__(
        self, name: str, words: tuple[Word, ...] | None, body: Sequence, line: int
    ) -> None:
        self.name: Final = name
        self.words: Final = words
        self.body: Final = body
        self.line: Final = line


class Case:
    """`case word in pattern|pattern) body;; esac`."""

    def __init__(
        self,
        word: Word,
        branches: tuple[tuple[tuple[Word, ...], Sequence], ...],
        line: int,
    ) -> None:
        self.word: Final = word
        self.branches: Final = branches
        self.line: Final = line


class Function:
    """`name() command`."""

    def __init__(self, name: str, body: Command, line: int) -> None:
        self.name: Final = name
        self.body: Final = body
        self.line: Final = line


class Group:
    """`{ commands; }`, or `(commands)` with variables of its own."""

    def __init__(self, body: Sequence, line: int, *, own: bool) -> None:
        self.body: Final = body
        self.own: Final = own
        self.line: Final = line


class Redirected:
    """A compound command with redirections behind it."""

    def __init__(
        self, command: Command, redirections: tuple[Redirection, ...], line: int
    ) -> None:
        self.command: Final = command
        self.redirections: Final = redirections
        self.line: Final = line


class Lost(NamedTuple):
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
