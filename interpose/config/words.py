# SPDX-License-Identifier: GPL-2.0-or-later
"""Words of a configuration file: what a token and the parts of a word are.

Source: POSIX shell language 2.2, 2.3, 2.6.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Union

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Unsupported(Exception):
    """Shell text that our own evaluator does not do; `line` counts from 1.

    `whole`: the command that begins there has no end, so the rest of the text is lost.
    """

    def __init__(self, line: int, what: str, *, whole: bool = False) -> None:
        super().__init__(line, what)
        self.line = line
        self.what = what
        self.whole = whole


class Literal(NamedTuple):
    """Text as it is; `quoted` text takes no part in any expansion."""

    text: str
    quoted: bool


class Variable(NamedTuple):
    """`$name` or `${name<operator>word}`; operator `length` is that of `${#name}`."""

    name: str
    quoted: bool
    operator: str = ""
    word: tuple[Part, ...] = ()


class Arithmetic(NamedTuple):
    """`$((word))`."""

    word: tuple[Part, ...]
    quoted: bool


class Substitution(NamedTuple):
    """`$(text)`, or the same in backticks with their backslashes taken away."""

    text: str
    quoted: bool


Part = Union[Literal, Variable, Arithmetic, Substitution]
Word = tuple[Part, ...]


class Token(NamedTuple):
    """A word (`operator` None), or an operator, a newline, or the `end`.

    `number` is the descriptor that stands right before `<` or `>`.
    """

    line: int
    operator: str | None
    word: Word = ()
    number: str = ""

    @property
    def keyword(self) -> str:
        """The text of a word that is one unquoted literal, else nothing."""
        if len(self.word) == 1 and isinstance(self.word[0], Literal):
            part = self.word[0]
            return "" if part.quoted else part.text
        return ""


class PartList:
    """Parts of one word under construction; joins literals of one kind."""

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._pending: list[str] = []
        self._quoted = False

    def add(self, text: str, *, quoted: bool) -> None:
        """Text that goes on a literal of the same kind."""
        if quoted != self._quoted:
            self._flush()
            self._quoted = quoted
        self._pending.append(text)

    def _flush(self) -> None:
        if self._pending:
            self._parts.append(Literal("".join(self._pending), self._quoted))
            self._pending = []

    def append(self, part: Part) -> None:
        """A part that is no literal."""
        self._flush()
        self._parts.append(part)

    def done(self) -> Word:
        """The finished word."""
        self._flush()
        return tuple(self._parts)
