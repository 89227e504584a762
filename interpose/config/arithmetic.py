# SPDX-License-Identifier: GPL-2.0-or-later
"""`$((...))` of configuration files: 64 bit, with names, as POSIX and bash have it.

Source: POSIX shell language 2.6.4, which takes the operators from C.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

_TOKEN = re.compile(
    r"\s*(?:(0[xX][0-9a-fA-F]+|[0-9]+#[0-9a-zA-Z]+|[0-9]+)|([A-Za-z_][A-Za-z0-9_]*)"
    r"|(<<=|>>=|\*\*|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&^|]=|[-+*/%<>=!~&^|?:(),]))"
)
_LEVELS = (("|",), ("^",), ("&",), ("==", "!="), ("<", "<=", ">", ">="),
           ("<<", ">>"), ("+", "-"), ("*", "/", "%"))  # fmt: skip
_ASSIGNMENTS = frozenset(
    {"=", "+=", "-=", "*=", "/=", "%=", "<<=", ">>=", "&=", "^=", "|="}
)
_MAX_TOKENS = 500
_MAX_DEPTH = 60
_MAX_NAMES = 10

Read = Callable[[str], str]
Write = Callable[[str, str], None]


def calculate(text: str, read: Read, write: Write) -> int:
    """The value of an expression; `read` gives a variable's text, `write` sets it.

    Errors: ValueError where the shell would complain.
    """
    return _Expression(text, read, write, 0).value()


def _wrapped(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def _quotient(left: int, right: int) -> int:
    """The shell cuts towards zero, Python towards minus infinity."""
    if not right:
        raise ValueError("division by zero")
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


_BINARY: dict[str, Callable[[int, int], int]] = {
    "|": operator.or_,
    "^": operator.xor,
    "&": operator.and_,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "<<": lambda left, right: left << (right & 63),
    ">>": lambda left, right: left >> (right & 63),
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _quotient,
    "%": lambda left, right: left - _quotient(left, right) * right,
}


class _Expression:
    def __init__(self, text: str, read: Read, write: Write, names: int) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._read = read
        self._write = write
        self._names = names
        self._depth = 0
        self._live = True

    def value(self) -> int:
        if not self._tokens:
            return 0
        value = self._comma()
        if self._peek():
            raise ValueError("arithmetic")
        return value

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, wanted: str = "") -> str:
        here = self._peek()
        if not here or (wanted and here != wanted):
            raise ValueError("arithmetic")
        self._at += 1
        return here

    def _comma(self) -> int:
        value = self._assignment()
        while self._peek() == ",":
            self._take()
            value = self._assignment()
        return value

    def _assignment(self) -> int:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ValueError("arithmetic")
        following = self._tokens[self._at + 1 : self._at + 2]
        if _is_name(self._peek()) and following and following[0] in _ASSIGNMENTS:
            name, sign = self._take(), self._take()
            value = self._assignment()
            if sign != "=":
                value = self._binary(sign[:-1], self._variable(name), value)
            self._set(name, value)
        else:
            value = self._ternary()
        self._depth -= 1
        return value

    def _set(self, name: str, value: int) -> None:
        if self._live:
            self._write(name, str(value))

    def _skipping(self, part: Callable[[], int], *, live: bool) -> int:
        """A part that is read, but takes effect only if it is `live`."""
        before = self._live
        self._live = before and live
        try:
            return part()
        finally:
            self._live = before

    def _ternary(self) -> int:
        condition = self._or()
        if self._peek() != "?":
            return condition
        self._take()
        yes = self._skipping(self._assignment, live=bool(condition))
        self._take(":")
        no = self._skipping(self._assignment, live=not condition)
        return yes if condition else no

    def _or(self) -> int:
        value = self._and()
        while self._peek() == "||":
            self._take()
            other = self._skipping(self._and, live=not value)
            value = int(bool(value or other))
        return value

    def _and(self) -> int:
        value = self._level(0)
        while self._peek() == "&&":
            self._take()
            other = self._skipping(lambda: self._level(0), live=bool(value))
            value = int(bool(value and other))
        return value

    def _level(self, level: int) -> int:
        if level == len(_LEVELS):
            return self._power()
        value = self._level(level + 1)
        while self._peek() in _LEVELS[level]:
            sign = self._take()
            value = self._binary(sign, value, self._level(level + 1))
        return value

    def _binary(self, sign: str, left: int, right: int) -> int:
        if not self._live and sign in ("/", "%"):
            return 0
        return _wrapped(int(_BINARY[sign](left, right)))

    def _power(self) -> int:
        value = self._unary()
        if self._peek() != "**":
            return value
        self._take()
        exponent = self._power()
        if not 0 <= exponent <= 63:
            raise ValueError("arithmetic")
        return _wrapped(value**exponent)

    def _unary(self) -> int:
        sign = self._peek()
        if sign not in ("-", "+", "!", "~", "++", "--"):
            return self._factor()
        self._take()
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ValueError("arithmetic")
        if sign in ("++", "--") and _is_name(self._peek()):
            name = self._take()
            value = _wrapped(self._variable(name) + (1 if sign == "++" else -1))
            self._set(name, value)
        else:
            value = self._unary()
            value = {"-": -value, "!": int(not value), "~": ~value}.get(sign, value)
        self._depth -= 1
        return _wrapped(value)

    def _factor(self) -> int:
        here = self._take()
        if here == "(":
            value = self._comma()
            self._take(")")
            return value
        if not _is_name(here):
            return _number(here)
        value = self._variable(here)
        if self._peek() in ("++", "--"):
            self._set(here, _wrapped(value + (1 if self._take() == "++" else -1)))
        return value

    def _variable(self, name: str) -> int:
        text = self._read(name).strip()
        if self._names >= _MAX_NAMES:
            raise ValueError("arithmetic")
        return _Expression(text, self._read, self._write, self._names + 1).value()


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    at, text = 0, text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match or len(found) >= _MAX_TOKENS:
            raise ValueError("arithmetic")
        found.append(match.group(match.lastindex or 0))
        at = match.end()
    return found


def _is_name(token: str) -> bool:
    return token[:1].isalpha() or token[:1] == "_"


def _number(token: str) -> int:
    if not token[0].isdigit() or len(token) > 30:
        raise ValueError("arithmetic")
    base, separator, digits = token.partition("#")
    if separator:
        if not 2 <= int(base) <= 36:
            raise ValueError("arithmetic")
        return _wrapped(int(digits, int(base)))
    if token[:2] in ("0x", "0X"):
        return _wrapped(int(token, 16))
    # A leading zero means octal to the shell.
    return _wrapped(int(token, 8 if token.startswith("0") else 10))
