# SPDX-License-Identifier: GPL-2.0-or-later
"""`[ ... ]` and `[[ ... ]]` of configuration files.

Source: POSIX test(1); of bash `-nt`, `-ot`, `-ef`, `=~` and patterns in `[[`.
"""

from __future__ import annotations

import operator
import os
import re
import stat
from collections.abc import Callable
from typing import Union

from interpose.config.patterns import regular_expression, shell_pattern
from interpose.config.words import Word

Real = Callable[[str], str]

_FILE_TESTS: dict[str, Callable[[str], bool]] = {
    "-e": os.path.exists,
    "-a": os.path.exists,
    "-f": os.path.isfile,
    "-d": os.path.isdir,
    "-L": os.path.islink,
    "-h": os.path.islink,
    "-r": lambda path: os.access(path, os.R_OK),
    "-w": lambda path: os.access(path, os.W_OK),
    "-x": lambda path: os.access(path, os.X_OK),
    "-s": lambda path: os.path.exists(path) and os.stat(path).st_size > 0,
    "-S": lambda path: _has_type(path, stat.S_ISSOCK),
    "-p": lambda path: _has_type(path, stat.S_ISFIFO),
    "-b": lambda path: _has_type(path, stat.S_ISBLK),
    "-c": lambda path: _has_type(path, stat.S_ISCHR),
}
_TEXT_TESTS: dict[str, Callable[[str, str], bool]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_NUMBER_TESTS: dict[str, Callable[[int, int], bool]] = {
    "-eq": operator.eq,
    "-ne": operator.ne,
    "-lt": operator.lt,
    "-le": operator.le,
    "-gt": operator.gt,
    "-ge": operator.ge,
}
_TWO_FILES = frozenset({"-nt", "-ot", "-ef"})
_INTEGER = re.compile(r"\s*[-+]?[0-9]{1,18}\s*")


def _has_type(path: str, test: Callable[[int], bool]) -> bool:
    try:
        return test(os.stat(path).st_mode)
    except OSError:
        return False


def holds(arguments: list[str], real: Real) -> bool:
    """What `[ arguments ]` says; `real` makes a path of the name of a file.

    Errors: ValueError where the shell would complain.
    """
    if len(arguments) == 3 and _is_binary(arguments[1]):
        return _binary(arguments[0], arguments[1], arguments[2], real)
    for joint, join in (("-o", any), ("-a", all)):
        if joint in arguments[1:-1]:
            at = arguments.index(joint, 1)
            parts = (arguments[:at], arguments[at + 1 :])
            return join([holds(part, real) for part in parts])
    if len(arguments) > 1 and arguments[0] == "!":
        return not holds(arguments[1:], real)
    if len(arguments) > 2 and arguments[0] == "(" and arguments[-1] == ")":
        return holds(arguments[1:-1], real)
    if len(arguments) == 2:
        return _unary(arguments[0], arguments[1], real)
    if len(arguments) > 1:
        raise ValueError("unexpected operator")
    return bool(arguments) and bool(arguments[0])


def _is_binary(word: str) -> bool:
    return word in _TEXT_TESTS or word in _NUMBER_TESTS or word in _TWO_FILES


def _binary(left: str, test: str, right: str, real: Real) -> bool:
    if test in _TEXT_TESTS:
        return _TEXT_TESTS[test](left, right)
    if test in _NUMBER_TESTS:
        return _NUMBER_TESTS[test](_integer(left), _integer(right))
    return _compared(real(left), test, real(right))


def _compared(left: str, test: str, right: str) -> bool:
    states: list[os.stat_result | None] = []
    for path in (left, right):
        try:
            states.append(os.stat(path))
        except OSError:
            states.append(None)
    one, other = states if test != "-ot" else reversed(states)
    if test == "-ef":
        return bool(one and other and os.path.samestat(one, other))
    return bool(one and (other is None or one.st_mtime_ns > other.st_mtime_ns))


def _unary(test: str, argument: str, real: Real) -> bool:
    if test in ("-n", "-z"):
        return bool(argument) == (test == "-n")
    if test == "-t":
        return False
    if test in _FILE_TESTS:
        return bool(argument) and _FILE_TESTS[test](real(argument))
    raise ValueError("unknown operator")


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError("not a number")
    return int(text)


Term = Union[Word, str]


class Double:
    """`[[ terms ]]`: a term is an operator or a word, which is never split.

    `text` and `pattern` expand a word. Errors: ValueError for other forms.
    """

    def __init__(
        self,
        terms: tuple[Term, ...],
        text: Callable[[Word], str],
        pattern: Callable[[Word], str],
        real: Real,
    ) -> None:
        self._terms = list(terms)
        self._text = text
        self._pattern = pattern
        self._real = real

    def holds(self) -> bool:
        """What the whole says."""
        found = self._or(live=True)
        if self._terms:
            raise ValueError("this condition")
        return found

    def _or(self, *, live: bool) -> bool:
        found = self._and(live=live)
        while self._terms and self._terms[0] == "||":
            self._terms.pop(0)
            other = self._and(live=live and not found)
            found = found or other
        return found

    def _and(self, *, live: bool) -> bool:
        found = self._term(live=live)
        while self._terms and self._terms[0] == "&&":
            self._terms.pop(0)
            other = self._term(live=live and found)
            found = found and other
        return found

    def _next(self) -> Term:
        if not self._terms:
            raise ValueError("this condition")
        return self._terms.pop(0)

    def _word(self) -> Word:
        found = self._next()
        if isinstance(found, str):
            raise ValueError("this condition")  # noqa: TRY004 - a fault of the file
        return found

    def _is(self, text: str) -> bool:
        """Whether the next term is that word."""
        if not self._terms or isinstance(self._terms[0], str):
            return bool(self._terms) and self._terms[0] == text
        word = self._terms[0]
        return len(word) == 1 and not word[0].quoted and self._text(word) == text

    def _term(self, *, live: bool) -> bool:
        if self._is("!"):
            self._terms.pop(0)
            return not self._term(live=live)
        if self._is("("):
            self._terms.pop(0)
            found = self._or(live=live)
            if self._next() != ")":
                raise ValueError("this condition")
            return found
        left = self._word()
        if not self._terms or self._terms[0] in ("&&", "||", ")"):
            return live and bool(self._text(left))
        following = self._next()
        test = following if isinstance(following, str) else self._text(following)
        if test == "=~" or _is_binary(test):
            right = self._word()
            return live and self._binary(left, test, right)
        name = self._text(left)
        if isinstance(following, str):
            raise ValueError("this condition")  # noqa: TRY004 - a fault of the file
        return live and _unary(name, test, self._real)

    def _binary(self, left: Word, test: str, right: Word) -> bool:
        value = self._text(left)
        if test == "=~":
            expression = regular_expression(self._text(right), extended=True)
            return bool(expression.search(value))
        if test in ("=", "==", "!="):
            found = shell_pattern(self._pattern(right)).fullmatch(value)
            return bool(found) == (test != "!=")
        return _binary(value, test, self._text(right), self._real)
