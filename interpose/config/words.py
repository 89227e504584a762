# SPDX-License-Identifier: GPL-2.0-or-later
"""Words of a configuration file: shell text cut into tokens, quotes understood.

Source: POSIX shell language 2.2, 2.3, 2.6.2, as far as dash and bash agree.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from typing import Union

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EXPANSION = re.compile(r":?[-=+]")
_NAME_CHARACTERS = frozenset(string.ascii_letters + string.digits + "_")
_BLANKS = " \t"
_WORD_ENDS = " \t\n;&|<>()"
_MAX_DEPTH = 20


class Unsupported(Exception):
    """Shell text that our own evaluator does not do; `line` counts from 1."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(line, what)
        self.line = line
        self.what = what


@dataclass(frozen=True)
class Literal:
    """Text as it is; `quoted` text takes no part in any expansion."""

    text: str
    quoted: bool


@dataclass(frozen=True)
class Variable:
    """`$name` or `${name<operator>word}`; operator `#` asks for the length."""

    name: str
    quoted: bool
    operator: str = ""
    word: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Arithmetic:
    """`$((word))`."""

    word: tuple[Part, ...]
    quoted: bool


Part = Union[Literal, Variable, Arithmetic]
Word = tuple[Part, ...]


@dataclass(frozen=True)
class Token:
    """A word (`operator` empty), or one of `;`, newline, `&&`, `||`, end (``)."""

    line: int
    operator: str | None
    word: Word = ()

    @property
    def keyword(self) -> str:
        """The text of a word that is one unquoted literal, else nothing."""
        if len(self.word) == 1 and isinstance(self.word[0], Literal):
            part = self.word[0]
            return "" if part.quoted else part.text
        return ""


class Lexer:
    """Cuts text into tokens. Errors: Unsupported."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._depth = 0

    def tokens(self) -> list[Token]:
        """All tokens; the last one has the operator `end`."""
        found: list[Token] = []
        while True:
            self._skip_blanks()
            line = self._line
            here = self._peek()
            if not here:
                found.append(Token(line, "end"))
                return found
            if here in "\n;&|<>()":
                found.append(Token(line, self._operator()))
            else:
                found.append(Token(line, None, self._word(_WORD_ENDS)))

    def _peek(self) -> str:
        """The next character after joined lines, or nothing at the end."""
        while self._text.startswith("\\\n", self._at):
            self._at += 2
            self._line += 1
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        here = self._peek()
        self._at += len(here)
        self._line += here == "\n"
        return here

    def _skip_blanks(self) -> None:
        while self._peek() and self._peek() in _BLANKS:
            self._take()
        if self._peek() == "#":
            end = self._text.find("\n", self._at)
            self._at = len(self._text) if end < 0 else end

    def _operator(self) -> str:
        line = self._line
        first = self._take()
        if first == "\n":
            return first
        if first in "&|" and self._peek() == first:
            return first + self._take()
        if first == ";" and self._peek() != ";":
            return first
        raise Unsupported(line, f"shell operator `{first}`")

    def _word(self, ends: str) -> Word:
        """Parts up to one of `ends`, outside of quotes."""
        parts = _Parts()
        while self._peek() and self._peek() not in ends:
            here = self._peek()
            if here == "'":
                self._single(parts)
            elif here == '"':
                self._double(parts)
            elif here == "\\":
                self._take()
                parts.add(self._take() or "\\", quoted=True)
            elif here in "$`":
                self._dollar(parts, quoted=False)
            else:
                parts.add(self._take(), quoted=False)
        return parts.done()

    def _single(self, parts: _Parts) -> None:
        line = self._line
        end = self._text.find("'", self._at + 1)
        if end < 0:
            raise Unsupported(line, "a quote that is never closed")
        text = self._text[self._at + 1 : end]
        self._line += text.count("\n")
        self._at = end + 1
        parts.add(text, quoted=True)

    def _double(self, parts: _Parts) -> None:
        line = self._line
        self._take()
        parts.add("", quoted=True)
        while self._peek() != '"':
            if not self._peek():
                raise Unsupported(line, "a quote that is never closed")
            self._inside_double(parts)
        self._take()

    def _inside_double(self, parts: _Parts) -> None:
        here = self._peek()
        if here in "$`":
            self._dollar(parts, quoted=True)
            return
        self._take()
        if here == "\\" and self._peek() and self._peek() in '$`"\\':
            here = self._take()
        parts.add(here, quoted=True)

    def _dollar(self, parts: _Parts, *, quoted: bool) -> None:
        line = self._line
        if self._take() == "`":
            raise Unsupported(line, "command substitution")
        here = self._peek()
        if here == "(":
            parts.append(self._parenthesis(line, quoted=quoted))
        elif here == "{":
            self._take()
            parts.append(self._braces(line, quoted=quoted))
        elif here and (name := self._name()):
            parts.append(Variable(name, quoted))
        elif here and here in "$?":
            parts.append(Variable(self._take(), quoted))
        elif here and (here in "#@*!-" or here.isdigit()):
            raise Unsupported(line, f"`${here}`")
        else:
            parts.add("$", quoted=True)

    def _name(self) -> str:
        found: list[str] = []
        if self._peek() and not self._peek().isdigit():
            while self._peek() and self._peek() in _NAME_CHARACTERS:
                found.append(self._take())
        return "".join(found)

    def _braces(self, line: int, *, quoted: bool) -> Variable:
        operator = "#" if self._peek() == "#" else ""
        if operator:
            self._take()
        name = self._name()
        if not name:
            raise Unsupported(line, "this form of `${...}`")
        word: Word = ()
        if not operator and self._peek() != "}":
            match = _EXPANSION.match(self._text, self._at)
            if not match:
                raise Unsupported(line, "this form of `${...}`")
            operator = match.group()
            self._at = match.end()
            word = self._inner(line, "}", quoted=quoted)
        if self._take() != "}":
            raise Unsupported(line, "this form of `${...}`")
        return Variable(name, quoted, operator, word)

    def _parenthesis(self, line: int, *, quoted: bool) -> Arithmetic:
        if not self._text.startswith("((", self._at):
            raise Unsupported(line, "command substitution")
        self._at += 2
        word = self._formula(line)
        if not self._text.startswith("))", self._at):
            raise Unsupported(line, "this form of `$((...))`")
        self._at += 2
        return Arithmetic(word, quoted)

    def _formula(self, line: int) -> Word:
        """The word inside of `$((...))`, up to the parenthesis that closes it."""
        parts = _Parts()
        opened = 0
        while self._peek() and (opened or self._peek() != ")"):
            if self._peek() == '"':
                raise Unsupported(line, "quotes inside of `$((...))`")
            opened += {"(": 1, ")": -1}.get(self._peek(), 0)
            self._inside_double(parts)
        return parts.done()

    def _inner(self, line: int, end: str, *, quoted: bool) -> Word:
        """The word inside of `${...}`: double quotes outside stay in force."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise Unsupported(line, "such deep nesting")
        if not quoted:
            word = self._word(end)
        else:
            parts = _Parts()
            while self._peek() and self._peek() != end:
                if self._peek() == '"':
                    raise Unsupported(line, "quotes inside of a quoted `${...}`")
                self._inside_double(parts)
            word = parts.done()
        self._depth -= 1
        return word


class _Parts:
    """Parts of one word under construction; joins literals of one kind."""

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._pending: list[str] = []
        self._quoted = False

    def add(self, text: str, *, quoted: bool) -> None:
        if quoted != self._quoted:
            self._flush()
            self._quoted = quoted
        self._pending.append(text)

    def _flush(self) -> None:
        if self._pending:
            self._parts.append(Literal("".join(self._pending), self._quoted))
            self._pending = []

    def append(self, part: Part) -> None:
        self._flush()
        self._parts.append(part)

    def done(self) -> Word:
        self._flush()
        return tuple(self._parts)
