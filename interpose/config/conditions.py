# SPDX-License-Identifier: GPL-2.0-or-later
"""`[ ... ]` and `$((...))` of configuration files.

Source: POSIX test(1); the arithmetic is integers with + - * / % and parentheses.
"""

from __future__ import annotations

import operator
import os
import re
from collections.abc import Callable

_FILE_TESTS: dict[str, Callable[[str], bool]] = {
    "-e": os.path.exists,
    "-f": os.path.isfile,
    "-d": os.path.isdir,
    "-L": os.path.islink,
    "-h": os.path.islink,
    "-r": lambda path: os.access(path, os.R_OK),
    "-w": lambda path: os.access(path, os.W_OK),
    "-x": lambda path: os.access(path, os.X_OK),
    "-s": lambda path: os.path.isfile(path) and os.path.getsize(path) > 0,
}
_TEXT_TESTS: dict[str, Callable[[str, str], bool]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}
_NUMBER_TESTS: dict[str, Callable[[int, int], bool]] = {
    "-eq": operator.eq,
    "-ne": operator.ne,
    "-lt": operator.lt,
    "-le": operator.le,
    "-gt": operator.gt,
    "-ge": operator.ge,
}
_INTEGER = re.compile(r"\s*[-+]?[0-9]{1,18}\s*")
_TERM = re.compile(r"\s*([0-9]{1,18}|[-+*/%()])")


def holds(arguments: list[str], directory: str) -> bool:
    """What `[ arguments ]` says; relative paths start at `directory`.

    Errors: ValueError where the shell would complain.
    """
    if "-o" in arguments[1:-1]:
        at = arguments.index("-o", 1)
        rest = arguments[at + 1 :]
        return holds(arguments[:at], directory) or holds(rest, directory)
    if "-a" in arguments[1:-1]:
        at = arguments.index("-a", 1)
        rest = arguments[at + 1 :]
        return holds(arguments[:at], directory) and holds(rest, directory)
    if len(arguments) == 3 and arguments[1] in _TEXT_TESTS:
        return _TEXT_TESTS[arguments[1]](arguments[0], arguments[2])
    if len(arguments) == 3 and arguments[1] in _NUMBER_TESTS:
        test = _NUMBER_TESTS[arguments[1]]
        return test(_integer(arguments[0]), _integer(arguments[2]))
    if len(arguments) > 1 and arguments[0] == "!":
        return not holds(arguments[1:], directory)
    if len(arguments) == 2:
        return _unary(arguments[0], arguments[1], directory)
    if len(arguments) > 1:
        raise ValueError("unexpected operator")
    return bool(arguments) and bool(arguments[0])


def _unary(test: str, argument: str, directory: str) -> bool:
    if test in ("-n", "-z"):
        return bool(argument) == (test == "-n")
    if test in _FILE_TESTS:
        return bool(argument) and _FILE_TESTS[test](os.path.join(directory, argument))
    raise ValueError("unknown operator")


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError("not a number")
    return int(text)


def calculate(text: str) -> int:
    """The value of an arithmetic expression. Errors: ValueError."""
    terms: list[str] = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _TERM.match(text, at)
        if not match:
            raise ValueError("arithmetic")
        terms.append(match.group(1))
        at = match.end()
    if len(terms) > 100:
        raise ValueError("arithmetic")
    value = _sum(terms)
    if terms:
        raise ValueError("arithmetic")
    return value


def _sum(terms: list[str]) -> int:
    value = _product(terms)
    while terms and terms[0] in "+-":
        sign = terms.pop(0)
        other = _product(terms)
        value = value + other if sign == "+" else value - other
    return value


def _product(terms: list[str]) -> int:
    value = _factor(terms)
    while terms and terms[0] in "*/%":
        sign = terms.pop(0)
        other = _factor(terms)
        if sign == "*":
            value *= other
            continue
        if other == 0:
            raise ValueError("division by zero")
        # The shell cuts towards zero, Python towards minus infinity.
        quotient = abs(value) // abs(other)
        quotient = quotient if (value < 0) == (other < 0) else -quotient
        value = quotient if sign == "/" else value - quotient * other
    return value


def _factor(terms: list[str]) -> int:
    if not terms:
        raise ValueError("arithmetic")
    term = terms.pop(0)
    if term == "(":
        value = _sum(terms)
        if not terms or terms.pop(0) != ")":
            raise ValueError("arithmetic")
        return value
    if term in ("-", "+"):
        value = _factor(terms)
        return -value if term == "-" else value
    if not term.isdigit():
        raise ValueError("arithmetic")
    # A leading zero means octal to the shell.
    return int(term, 8) if term.startswith("0") and len(term) > 1 else int(term)
