# SPDX-License-Identifier: GPL-2.0-or-later
"""Patterns of the shell and regular expressions of grep and sed, as Python's.

Source: POSIX shell language 2.13, POSIX regular expressions 9, and GNU's additions.
"""

from __future__ import annotations

import re

_CLASSES = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": " \\t\\n\\r\\f\\v",
    "blank": " \\t",
    "punct": "!-/:-@\\[-`{-~",
    "xdigit": "0-9a-fA-F",
    "print": " -~",
    "graph": "!-~",
    "cntrl": "\\x00-\\x1f\\x7f",
}
_BACKSLASHED = {"n": "\\n", "t": "\\t", "<": "\\b", ">": "\\b"}
_KEPT_BACKSLASHES = frozenset("wWsSbB123456789")
_MAX_PATTERN = 2000


def shell_pattern(text: str, *, shortest: bool = False) -> re.Pattern[str]:
    """A pattern of `case` and `${name#pattern}`; quoted characters have backslashes."""
    found: list[str] = []
    at = 0
    while at < len(text):
        here = text[at]
        if here == "\\" and at + 1 < len(text):
            found.append(re.escape(text[at + 1]))
            at += 2
        elif here == "[" and (bracket := _bracket(text, at, "!^")):
            found.append(_shell_bracket(bracket[0]))
            at = bracket[1]
        else:
            many = ".*?" if shortest else ".*"
            found.append({"*": many, "?": "."}.get(here) or re.escape(here))
            at += 1
    return re.compile("".join(found), re.DOTALL)


def _shell_bracket(bracket: str) -> str:
    """One with an impossible range (`[z-a]`) matches nothing."""
    try:
        re.compile(bracket)
    except re.error:
        return "(?!)"
    return bracket


def regular_expression(
    text: str, *, extended: bool, ignore_case: bool = False
) -> re.Pattern[str]:
    """A basic or an extended regular expression. Errors: ValueError."""
    if len(text) > _MAX_PATTERN:
        raise ValueError("a long pattern")
    parts: list[str] = []
    at = 0
    while at < len(text):
        part, at = _atom(text, at, extended=extended, first=_starts(parts))
        parts.append(part)
    try:
        return re.compile("".join(parts), re.IGNORECASE if ignore_case else 0)
    except (re.error, OverflowError, RecursionError) as problem:
        raise ValueError(str(problem)) from problem


def _starts(parts: list[str]) -> bool:
    """Whether a `*` here would have nothing to repeat."""
    return not parts or parts[-1] in ("(", "|", "^")


def _atom(text: str, at: int, *, extended: bool, first: bool) -> tuple[str, int]:
    here = text[at]
    if here == "[":
        bracket = _bracket(text, at, "^")
        if not bracket:
            raise ValueError("a bracket that is never closed")
        return bracket
    if here == "\\":
        return _backslash(text[at + 1 : at + 2], extended=extended), at + 2
    if here == "*":
        return ("\\*" if first else "*"), at + 1
    if here == ".":
        return ".", at + 1
    if here == "^":
        anchor = extended or first
        return ("^" if anchor else "\\^"), at + 1
    if here == "$":
        anchor = (
            extended or text[at + 1 :] in ("", "\\)") or text[at + 1 :][:2] == "\\|"
        )
        return ("$" if anchor else "\\$"), at + 1
    if here in "+?(){}|":
        return (here if extended else re.escape(here)), at + 1
    return re.escape(here), at + 1


def _backslash(following: str, *, extended: bool) -> str:
    if not following:
        raise ValueError("a backslash at the end")
    if following in _BACKSLASHED:
        return _BACKSLASHED[following]
    if following in _KEPT_BACKSLASHES:
        return "\\" + following
    if following in "+?(){}|" and not extended:
        return following
    return re.escape(following)


def _bracket(text: str, at: int, negations: str) -> tuple[str, int] | None:
    """A bracket expression and where it ends; None if it is never closed."""
    found = ["["]
    at += 1
    if text[at : at + 1] and text[at] in negations:
        found.append("^")
        at += 1
    start = at
    while at < len(text) and (text[at] != "]" or at == start):
        name = re.compile(r"\[:([a-z]+):\]").match(text, at)
        if name and name[1] in _CLASSES:
            found.append(_CLASSES[name[1]])
            at = name.end()
            continue
        found.append("\\" + text[at] if text[at] in "\\[]^&~|" else text[at])
        at += 1
    if at >= len(text):
        return None
    return "".join(found) + "]", at + 1
