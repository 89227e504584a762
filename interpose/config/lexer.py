# SPDX-License-Identifier: GPL-2.0-or-later
"""Cuts shell text into tokens, quotes understood.

Source: POSIX shell language 2.2, 2.3, 2.6.2; of bash what sites use.
"""

from __future__ import annotations

import re
import string

from interpose.config.words import (
    Arithmetic,
    PartList,
    Substitution,
    Token,
    Unsupported,
    Variable,
    Word,
)

_OPERATORS = (
    "<<<", "&>>", "&&", "||", ";;", "&>", ">>", "<<", ">&", "<&", ">|",
    "\n", ";", "&", "|", "<", ">", "(", ")",
)  # fmt: skip
_EXPANSION = re.compile(r":?[-=+?]|%%?|##?|//?|:|,,?|\^\^?")
_NAME_CHARACTERS = frozenset(string.ascii_letters + string.digits + "_")
_BLANKS = " \t"
_WORD_ENDS = " \t\n;&|<>()"
_MAX_DEPTH = 20


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
                continue
            token = Token(line, None, self._word(_WORD_ENDS))
            if token.keyword.isdigit() and self._peek() and self._peek() in "<>":
                token = Token(line, self._operator(), number=token.keyword)
            found.append(token)

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
        for operator in _OPERATORS:
            if self._text.startswith(operator, self._at):
                self._at += len(operator)
                self._line += operator == "\n"
                return operator
        raise Unsupported(self._line, f"`{self._peek()}` here")

    def _word(self, ends: str) -> Word:
        """Parts up to one of `ends`, outside of quotes."""
        parts = PartList()
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

    def _single(self, parts: PartList) -> None:
        line = self._line
        end = self._text.find("'", self._at + 1)
        if end < 0:
            raise Unsupported(line, "a quote that is never closed")
        text = self._text[self._at + 1 : end]
        self._line += text.count("\n")
        self._at = end + 1
        parts.add(text, quoted=True)

    def _double(self, parts: PartList) -> None:
        line = self._line
        self._take()
        parts.add("", quoted=True)
        while self._peek() != '"':
            if not self._peek():
                raise Unsupported(line, "a quote that is never closed")
            self._inside_double(parts)
        self._take()

    def _inside_double(self, parts: PartList) -> None:
        here = self._peek()
        if here in "$`":
            self._dollar(parts, quoted=True)
            return
        self._take()
        if here == "\\" and self._peek() and self._peek() in '$`"\\':
            here = self._take()
        parts.add(here, quoted=True)

    def _dollar(self, parts: PartList, *, quoted: bool) -> None:
        line = self._line
        if self._take() == "`":
            parts.append(self._backticks(line, quoted=quoted))
            return
        here = self._peek()
        if here == "(":
            parts.append(self._parenthesis(line, quoted=quoted))
        elif here == "{":
            self._take()
            parts.append(self._braces(line, quoted=quoted))
        elif here and (name := self._name()):
            parts.append(Variable(name, quoted))
        elif here and (here in "$?#@*!" or here.isdigit()):
            parts.append(Variable(self._take(), quoted))
        elif here == "'" and not quoted:
            raise Unsupported(line, "`$'...'`")
        elif here == "-":
            raise Unsupported(line, "`$-`")
        else:
            parts.add("$", quoted=True)

    def _name(self) -> str:
        found: list[str] = []
        if self._peek() and not self._peek().isdigit():
            while self._peek() and self._peek() in _NAME_CHARACTERS:
                found.append(self._take())
        return "".join(found)

    def _backticks(self, line: int, *, quoted: bool) -> Substitution:
        text: list[str] = []
        while self._peek() != "`":
            here = self._take()
            if not here:
                raise Unsupported(line, "a backtick that is never closed")
            escaped = '\\$`"' if quoted else "\\$`"
            if here == "\\" and self._peek() and self._peek() in escaped:
                here = self._take()
            text.append(here)
        self._take()
        return Substitution("".join(text), quoted)

    def _braces(self, line: int, *, quoted: bool) -> Variable:
        length = self._peek() == "#" and self._text[self._at + 1 : self._at + 2] != "}"
        if length:
            self._take()
        name = self._name()
        if not name and self._peek() and self._peek() in "0123456789#@*?!":
            name = self._take()
        if not name or (length and self._peek() != "}"):
            raise Unsupported(line, "this form of `${...}`")
        operator = "length" if length else ""
        word: Word = ()
        if self._peek() != "}":
            match = _EXPANSION.match(self._text, self._at)
            if not match:
                raise Unsupported(line, "this form of `${...}`")
            operator = match.group()
            self._at = match.end()
            # Patterns have quotes of their own, also within double quotes.
            word = self._inner(line, quoted=quoted and operator[-1] in "-=+?")
        if self._take() != "}":
            raise Unsupported(line, "this form of `${...}`")
        return Variable(name, quoted, operator, word)

    def _parenthesis(self, line: int, *, quoted: bool) -> Arithmetic | Substitution:
        start = (self._at, self._line)
        if self._text.startswith("((", self._at):
            self._at += 2
            word = self._formula(line)
            if self._text.startswith("))", self._at):
                self._at += 2
                return Arithmetic(word, quoted)
            self._at, self._line = start
        self._take()
        begin = self._at
        self._balance(line)
        return Substitution(self._text[begin : self._at - 1], quoted)

    def _balance(self, line: int) -> None:
        """Behind the parenthesis that closes a substitution."""
        opened = 1
        unused = PartList()
        self._deeper(line)
        while opened:
            here = self._peek()
            if not here:
                raise Unsupported(line, "a parenthesis that is never closed")
            if here == "'":
                self._single(unused)
            elif here == '"':
                self._double(unused)
            elif here in "$`":
                self._dollar(unused, quoted=False)
            else:
                opened += {"(": 1, ")": -1}.get(here, 0)
                self._take()
                if here == "\\":
                    self._take()
        self._depth -= 1

    def _deeper(self, line: int) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise Unsupported(line, "such deep nesting")

    def _formula(self, line: int) -> Word:
        """The word inside of `$((...))`, up to the parenthesis that closes it."""
        parts = PartList()
        opened = 0
        self._deeper(line)
        while self._peek() and (opened or self._peek() != ")"):
            if self._peek() == '"':
                self._take()
                continue
            opened += {"(": 1, ")": -1}.get(self._peek(), 0)
            self._inside_double(parts)
        self._depth -= 1
        return parts.done()

    def _inner(self, line: int, *, quoted: bool) -> Word:
        """The word inside of `${...}`: double quotes outside stay in force."""
        self._deeper(line)
        if not quoted:
            word = self._word("}")
        else:
            parts = PartList()
            while self._peek() and self._peek() != "}":
                if self._peek() == '"':
                    raise Unsupported(line, "quotes inside of a quoted `${...}`")
                self._inside_double(parts)
            word = parts.done()
        self._depth -= 1
        return word
