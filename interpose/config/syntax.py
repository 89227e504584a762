# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands of a configuration file: tokens put together to a tree.

Source: POSIX shell grammar 2.10, without loops, functions, pipes and redirections.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Union

from interpose.config.words import Lexer, Literal, Token, Unsupported, Word

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_CLOSING = frozenset({"then", "elif", "else", "fi", "}"})
_NOT_OURS = frozenset(
    {"while", "until", "for", "case", "do", "done", "esac", "function", "[[", "in"}
)
_MAX_DEPTH = 50


@dataclass(frozen=True)
class Assignment:
    """`name=value`."""

    name: str
    value: Word
    line: int


@dataclass(frozen=True)
class Simple:
    """Assignments, or a command and its arguments."""

    line: int
    assignments: tuple[Assignment, ...]
    words: tuple[Word, ...]


@dataclass(frozen=True)
class Negated:
    """`! command`."""

    command: Command


@dataclass(frozen=True)
class AndOr:
    """`first && second || third`."""

    first: Command
    rest: tuple[tuple[str, Command], ...]


@dataclass(frozen=True)
class If:
    """Pairs of condition and body, and what stands after `else`."""

    branches: tuple[tuple[Sequence, Sequence], ...]
    otherwise: Sequence


Command = Union[Simple, Negated, AndOr, If, "Group"]
Sequence = tuple[Command, ...]


@dataclass(frozen=True)
class Group:
    """`{ commands; }`."""

    body: Sequence


def split_assignment(word: Word, line: int) -> Assignment | None:
    """The assignment that a word is, if it is one."""
    if not word or not isinstance(word[0], Literal) or word[0].quoted:
        return None
    match = _ASSIGNMENT.fullmatch(word[0].text)
    if not match:
        return None
    rest = match.group(2)
    value = ((Literal(rest, quoted=False),) if rest else ()) + word[1:]
    return Assignment(match.group(1), value, line)


def parse(text: str) -> Sequence:
    """The commands of a file. Errors: Unsupported with the line."""
    return _Parser(Lexer(text).tokens()).file()


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def file(self) -> Sequence:
        body = self._list()
        token = self._tokens[self._at]
        if token.operator != "end":
            raise Unsupported(token.line, f"`{token.keyword or token.operator}` here")
        return body

    def _skip_newlines(self) -> None:
        while self._tokens[self._at].operator == "\n":
            self._at += 1

    def _list(self) -> Sequence:
        """Commands up to a closing word or the end."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise Unsupported(self._tokens[self._at].line, "such deep nesting")
        found: list[Command] = []
        while True:
            self._skip_newlines()
            token = self._tokens[self._at]
            if token.operator == "end" or token.keyword in _CLOSING:
                break
            found.append(self._and_or())
            token = self._tokens[self._at]
            if token.operator in (";", "\n"):
                self._at += 1
            elif token.operator != "end":
                raise Unsupported(token.line, f"`{token.keyword}` here")
        self._depth -= 1
        return tuple(found)

    def _and_or(self) -> Command:
        first = self._pipeline()
        rest: list[tuple[str, Command]] = []
        while self._tokens[self._at].operator in ("&&", "||"):
            operator = self._tokens[self._at].operator or ""
            self._at += 1
            self._skip_newlines()
            rest.append((operator, self._pipeline()))
        return AndOr(first, tuple(rest)) if rest else first

    def _pipeline(self) -> Command:
        token = self._tokens[self._at]
        if token.keyword == "!":
            self._at += 1
            return Negated(self._command())
        return self._command()

    def _command(self) -> Command:
        token = self._tokens[self._at]
        if token.keyword == "if":
            return self._if()
        if token.keyword == "{":
            self._at += 1
            body = self._list()
            self._expect("}")
            return Group(body)
        if token.operator is not None or token.keyword in _CLOSING:
            raise Unsupported(token.line, f"`{token.keyword or token.operator}` here")
        if token.keyword in _NOT_OURS:
            raise Unsupported(token.line, f"`{token.keyword}`")
        return self._simple()

    def _expect(self, keyword: str) -> None:
        token = self._tokens[self._at]
        if token.keyword != keyword:
            raise Unsupported(token.line, f"a missing `{keyword}`")
        self._at += 1

    def _if(self) -> If:
        branches: list[tuple[Sequence, Sequence]] = []
        otherwise: Sequence = ()
        keyword = "if"
        while keyword in ("if", "elif"):
            self._at += 1
            condition = self._list()
            self._expect("then")
            branches.append((condition, self._list()))
            keyword = self._tokens[self._at].keyword
        if keyword == "else":
            self._at += 1
            otherwise = self._list()
        self._expect("fi")
        return If(tuple(branches), otherwise)

    def _simple(self) -> Simple:
        line = self._tokens[self._at].line
        assignments: list[Assignment] = []
        words: list[Word] = []
        while self._tokens[self._at].operator is None:
            token = self._tokens[self._at]
            found = None if words else split_assignment(token.word, token.line)
            if found:
                assignments.append(found)
            else:
                words.append(token.word)
            self._at += 1
        return Simple(line, tuple(assignments), tuple(words))
