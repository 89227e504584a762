# SPDX-License-Identifier: GPL-2.0-or-later
"""Tokens of a configuration file put together to a tree of commands.

A line that cannot be put together becomes `Lost`, and the rest of the file holds.
Source: POSIX shell grammar 2.10; of bash `[[`, `function` and `+=`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from interpose.config.lexer import Lexer
from interpose.config.syntax import (
    AndOr,
    Assignment,
    Case,
    Command,
    Condition,
    For,
    Function,
    Group,
    If,
    Lost,
    Negated,
    Pipeline,
    Redirected,
    Redirection,
    Sequence,
    Simple,
    While,
    split_assignment,
)
from interpose.config.words import NAME, Token, Unsupported, Word

_CLOSING = frozenset({"then", "elif", "else", "fi", "}", "do", "done", "esac"})
_REDIRECTIONS = frozenset({"<", ">", ">>", ">&", "<&", "&>", "&>>", ">|"})
_CONDITIONAL = re.compile(
    r"(\s*)(if|elif|while|until)\s+(.*?)((?:;|\s)\s*(?:then|do)\b.*)?", re.DOTALL
)
_MARK = "interpose-lost-line"
_MARKED = re.compile(_MARK + r" (\d+)")
_MAX_DEPTH = 50
_MAX_LOST = 50


def parse(text: str) -> Sequence:
    """The commands of a text. Errors: Unsupported with the line."""
    return _Parser(Lexer(text).tokens(), {}).file()


def parse_what_can_be(text: str) -> Sequence:
    """The commands of a file; lines that are not understood are `Lost`."""
    lines = text.split("\n")
    lost: dict[str, Lost] = {}
    while True:
        try:
            return _Parser(Lexer("\n".join(lines)).tokens(), lost).file()
        except Unsupported as problem:
            _lose(lines, lost, problem)


def _lose(lines: list[str], lost: dict[str, Lost], problem: Unsupported) -> None:
    """Put a mark in place of what is wrong; the whole rest if it has no end."""
    first = min(max(problem.line, 1), len(lines)) - 1
    while first and lines[first - 1].endswith("\\"):
        first -= 1
    last = first
    while last + 1 < len(lines) and lines[last].endswith("\\"):
        last += 1
    whole = problem.whole or _MARK in lines[first] or len(lost) >= _MAX_LOST
    what = problem.what
    if whole:
        # What is wrong may be a line above, that needs another one here.
        found = _MARKED.search(lines[first])
        what = lost[found[1]].what if found else what
        if found and first and not any(lines[first + 1 :]):
            first -= 1
        last = len(lines) - 1
    original = "\n".join(lines[first : last + 1])
    original = _MARKED.sub(lambda mark: lost[mark[1]].text, original)
    mark = f"{_MARK} {len(lost)}"
    lost[str(len(lost))] = Lost(first + 1, what, original)
    condition = None if whole else _CONDITIONAL.fullmatch(original)
    if condition:
        mark = f"{condition[1]}{condition[2]} {mark}{condition[4] or ''}"
    lines[first : last + 1] = [mark, *[""] * (last - first)]


class _Parser:
    def __init__(self, tokens: list[Token], lost: dict[str, Lost]) -> None:
        self._tokens = tokens
        self._lost = lost
        self._at = 0
        self._depth = 0

    def file(self) -> Sequence:
        body = self._list()
        token = self._here()
        if token.operator != "end":
            raise self._unexpected()
        return body

    def _here(self) -> Token:
        return self._tokens[self._at]

    def _unexpected(self) -> Unsupported:
        token = self._here()
        shown = token.keyword or token.operator or "this word"
        shown = {"\n": "the end of the line", "end": "the end"}.get(shown, f"`{shown}`")
        return Unsupported(token.line, f"{shown} here")

    def _skip_newlines(self) -> None:
        while self._here().operator == "\n":
            self._at += 1

    def _list(self) -> Sequence:
        """Commands up to a closing word or the end."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise Unsupported(self._here().line, "such deep nesting")
        found: list[Command] = []
        while True:
            self._skip_newlines()
            token = self._here()
            if token.operator in ("end", ")", ";;") or token.keyword in _CLOSING:
                break
            found.append(self._and_or())
            token = self._here()
            if token.operator == "&":
                raise Unsupported(token.line, "a command in the background")
            if token.operator in (";", "\n"):
                self._at += 1
            elif token.operator not in ("end", ")", ";;"):
                raise self._unexpected()
        self._depth -= 1
        return tuple(found)

    def _and_or(self) -> Command:
        line = self._here().line
        first = self._pipeline()
        rest: list[tuple[str, Command]] = []
        while self._here().operator in ("&&", "||"):
            operator = self._here().operator or ""
            self._at += 1
            self._skip_newlines()
            rest.append((operator, self._pipeline()))
        return AndOr(first, tuple(rest), line) if rest else first

    def _pipeline(self) -> Command:
        line = self._here().line
        negated = self._here().keyword == "!"
        if negated:
            self._at += 1
        stages = [self._command()]
        while self._here().operator == "|":
            self._at += 1
            self._skip_newlines()
            stages.append(self._command())
        found = stages[0] if len(stages) == 1 else Pipeline(tuple(stages), line)
        return Negated(found, line) if negated else found

    def _command(self) -> Command:
        line = self._here().line
        found = self._compound()
        if found is None:
            return self._simple()
        redirections = self._redirections()
        return Redirected(found, redirections, line) if redirections else found

    def _compound(self) -> Command | None:
        token = self._here()
        if token.operator == "(":
            return self._group(")", own=True)
        if token.operator is not None or token.keyword in _CLOSING:
            raise self._unexpected()
        known: dict[str, Callable[[], Command]] = {
            "if": self._if,
            "while": self._while,
            "until": self._while,
            "for": self._for,
            "case": self._case,
            "[[": self._condition,
            "function": self._function,
            "{": lambda: self._group("}", own=False),
        }
        if token.keyword in known:
            return known[token.keyword]()
        following = self._tokens[self._at + 1 : self._at + 2]
        if NAME.fullmatch(token.keyword) and following and following[0].operator == "(":
            return self._function()
        return None

    def _close(self, keyword: str, line: int) -> None:
        """The word that ends what began on `line`."""
        token = self._here()
        found = token.operator if keyword == ")" else token.keyword
        if found != keyword:
            if token.operator == "end":
                raise Unsupported(line, f"a missing `{keyword}`", whole=True)
            raise self._unexpected()
        self._at += 1

    def _group(self, end: str, *, own: bool) -> Group:
        line = self._here().line
        self._at += 1
        body = self._list()
        self._close(end, line)
        return Group(body, line, own=own)

    def _if(self) -> If:
        line = self._here().line
        branches: list[tuple[Sequence, Sequence]] = []
        otherwise: Sequence = ()
        keyword = "if"
        while keyword in ("if", "elif"):
            self._at += 1
            condition = self._list()
            self._close("then", line)
            branches.append((condition, self._list()))
            keyword = self._here().keyword
        if keyword == "else":
            self._at += 1
            otherwise = self._list()
        self._close("fi", line)
        return If(tuple(branches), otherwise, line)

    def _body(self, line: int) -> Sequence:
        self._close("do", line)
        body = self._list()
        self._close("done", line)
        return body

    def _while(self) -> While:
        line, until = self._here().line, self._here().keyword == "until"
        self._at += 1
        condition = self._list()
        return While(condition, self._body(line), line, until=until)

    def _words(self) -> tuple[Word, ...]:
        found: list[Word] = []
        while self._here().operator is None:
            found.append(self._here().word)
            self._at += 1
        return tuple(found)

    def _for(self) -> For:
        line = self._here().line
        self._at += 1
        name = self._here().keyword
        if not NAME.fullmatch(name):
            raise self._unexpected()
        self._at += 1
        self._skip_newlines()
        words = None
        if self._here().keyword == "in":
            self._at += 1
            words = self._words()
        if self._here().operator == ";":
            self._at += 1
        self._skip_newlines()
        return For(name, words, self._body(line), line)

    def _case(self) -> Case:
        line = self._here().line
        self._at += 1
        word = self._here().word
        self._at += self._here().operator is None
        self._skip_newlines()
        self._close("in", line)
        branches: list[tuple[tuple[Word, ...], Sequence]] = []
        self._skip_newlines()
        while self._here().keyword != "esac":
            branches.append(self._branch(line))
            self._skip_newlines()
        self._at += 1
        return Case(word, tuple(branches), line)

    def _branch(self, line: int) -> tuple[tuple[Word, ...], Sequence]:
        self._at += self._here().operator == "("
        patterns: list[Word] = []
        while self._here().operator is None:
            patterns.append(self._here().word)
            self._at += 1
            if self._here().operator == "|":
                self._at += 1
        self._close(")", line)
        body = self._list()
        if self._here().operator == ";;":
            self._at += 1
        elif self._here().keyword != "esac":
            self._close("esac", line)
        return tuple(patterns), body

    def _function(self) -> Function:
        line = self._here().line
        if self._here().keyword == "function":
            self._at += 1
        name = self._here().keyword
        if not NAME.fullmatch(name):
            raise self._unexpected()
        self._at += 1
        if self._here().operator == "(":
            self._at += 1
            self._close(")", line)
        self._skip_newlines()
        return Function(name, self._command(), line)

    def _condition(self) -> Condition:
        """Up to `]]`; operators inside become words of their own."""
        line = self._here().line
        self._at += 1
        terms: list[Word | str] = []
        while self._here().keyword != "]]":
            token = self._here()
            if token.operator in ("end", "\n", ";"):
                raise Unsupported(line, "a missing `]]`")
            terms.append(token.word if token.operator is None else token.operator)
            self._at += 1
        self._at += 1
        return Condition(line, tuple(terms))

    def _redirections(self) -> tuple[Redirection, ...]:
        found: list[Redirection] = []
        while self._here().operator in _REDIRECTIONS:
            token = self._here()
            self._at += 1
            if self._here().operator is not None:
                raise self._unexpected()
            target = self._here().word
            found.append(Redirection(token.number, token.operator or "", target))
            self._at += 1
        return tuple(found)

    def _simple(self) -> Command:
        line = self._here().line
        assignments: list[Assignment] = []
        words: list[Word] = []
        redirections: list[Redirection] = []
        while True:
            redirections += self._redirections()
            token = self._here()
            if token.operator is not None:
                break
            found = None if words else split_assignment(token.word, token.line)
            if found:
                assignments.append(found)
            else:
                words.append(token.word)
            self._at += 1
        if self._here().operator in ("(", "<<", "<<<"):
            raise self._unexpected()
        if words and Token(line, None, words[0]).keyword == _MARK:
            lost = self._lost.get(Token(line, None, (*words, ())[1]).keyword)
            if lost is None:  # in a text that is taken apart once more
                raise Unsupported(line, "what was left out before")
            return lost
        return Simple(line, tuple(assignments), tuple(words), tuple(redirections))
