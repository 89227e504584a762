# SPDX-License-Identifier: GPL-2.0-or-later
"""sed for configuration files: s, p, d, q, y, with addresses.

Source: POSIX sed; GNU's -E, -r and the flag I.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from interpose.config.patterns import regular_expression
from interpose.config.streams import Input, joined, lines, options

Result = tuple[int, str]
_MAX_COMMANDS = 100


class _Address(NamedTuple):
    """A line number, the last line, or a pattern."""

    number: int = 0
    last: bool = False
    pattern: re.Pattern[str] | None = None

    def matches(self, line: str, number: int, *, is_last: bool) -> bool:
        if self.pattern is not None:
            return bool(self.pattern.search(line))
        return is_last if self.last else number == self.number


class _Command:
    pattern: re.Pattern[str] | None = None
    replacement = ""
    flags = ""
    active = False

    def __init__(
        self, addresses: list[_Address], letter: str, *, negated: bool
    ) -> None:
        self.addresses = addresses
        self.letter = letter
        self.negated = negated

    def applies(self, line: str, number: int, *, is_last: bool) -> bool:
        return self._chosen(line, number, is_last=is_last) != self.negated

    def _chosen(self, line: str, number: int, *, is_last: bool) -> bool:
        if not self.addresses:
            return True
        first = self.addresses[0].matches(line, number, is_last=is_last)
        if len(self.addresses) == 1:
            return first
        second = self.addresses[1]
        if self.active:
            past = second.number and number > second.number
            if past or second.matches(line, number, is_last=is_last):
                self.active = False
            return not past
        if first:
            self.active = not (second.number and second.number <= number)
        return first


class _Script:
    """Reads the commands of a script. Errors: ValueError."""

    def __init__(self, text: str, *, extended: bool) -> None:
        self._text = text
        self._at = 0
        self._extended = extended

    def commands(self) -> list[_Command]:
        found: list[_Command] = []
        while True:
            self._skip(" \t\n;")
            if self._at >= len(self._text):
                return found
            found.append(self._command())
            if len(found) > _MAX_COMMANDS:
                raise ValueError("a long script")

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        here = self._peek()
        if not here:
            raise ValueError("a script without an end")
        self._at += 1
        return here

    def _skip(self, characters: str) -> None:
        while self._peek() and self._peek() in characters:
            self._at += 1

    def _command(self) -> _Command:
        addresses = self._addresses()
        self._skip(" \t")
        negated = self._peek() == "!"
        if negated:
            self._at += 1
            self._skip(" \t")
        letter = self._take()
        command = _Command(addresses, letter, negated=negated)
        if letter == "s":
            self._substitution(command)
        elif letter == "y":
            mark = self._take()
            command.replacement = self._until(mark) + "\0" + self._until(mark)
        elif letter not in "pdq":
            raise ValueError(f"the command {letter}")
        self._skip(" \t")
        if self._peek() not in ("", ";", "\n"):
            raise ValueError("this script")
        return command

    def _addresses(self) -> list[_Address]:
        found: list[_Address] = []
        while len(found) < 2:
            match = re.compile(r"[0-9]{1,9}").match(self._text, self._at)
            if match:
                found.append(_Address(number=int(match.group())))
                self._at = match.end()
            elif self._peek() == "$":
                self._at += 1
                found.append(_Address(last=True))
            elif self._peek() in ("/", "\\"):
                mark = self._take()
                mark = self._take() if mark == "\\" else mark
                found.append(_Address(pattern=self._regular(self._until(mark), "")))
            else:
                break
            if len(found) < 2 and self._peek() == ",":
                self._at += 1
            else:
                break
        return found

    def _regular(self, text: str, flags: str) -> re.Pattern[str]:
        ignore = "I" in flags or "i" in flags
        return regular_expression(text, extended=self._extended, ignore_case=ignore)

    def _until(self, mark: str) -> str:
        """Text up to the next mark outside of brackets; a backslash keeps a mark."""
        found: list[str] = []
        bracket = False
        while True:
            here = self._take()
            if here == "\\":
                following = self._take()
                found.append(mark if following == mark else here + following)
                continue
            if here == mark and not bracket:
                return "".join(found)
            if here == "[" and not bracket:
                bracket = "]" in self._text[self._at + 1 :]
            elif here == "]":
                bracket = False
            found.append(here)

    def _substitution(self, command: _Command) -> None:
        mark = self._take()
        pattern = self._until(mark)
        command.replacement = self._plain_until(mark)
        match = re.compile(r"[gpIi0-9]*").match(self._text, self._at)
        command.flags = match.group() if match else ""
        self._at += len(command.flags)
        command.pattern = self._regular(pattern, command.flags)

    def _plain_until(self, mark: str) -> str:
        found: list[str] = []
        while True:
            here = self._take()
            if here == mark:
                return "".join(found)
            if here == "\\":
                following = self._take()
                here = mark if following == mark else here + following
            found.append(here)


def _replace(command: _Command, line: str) -> tuple[str, bool]:
    digits = re.sub("[^0-9]", "", command.flags)
    nth = int(digits) if digits else 1
    every = "g" in command.flags
    seen = 0

    def one(match: re.Match[str]) -> str:
        nonlocal seen
        seen += 1
        if seen < nth or (seen > nth and not every):
            return match.group()
        return _filled(command.replacement, match)

    if command.pattern is None:
        return line, False
    changed = command.pattern.sub(one, line)
    return changed, seen >= nth


def _filled(replacement: str, match: re.Match[str]) -> str:
    def piece(found: re.Match[str]) -> str:
        text = found.group()
        if text == "&":
            return match.group()
        if text[1].isdigit():
            try:
                return match.group(int(text[1])) or ""
            except IndexError:
                return ""
        return {"n": "\n", "t": "\t"}.get(text[1], text[1])

    return re.sub(r"&|\\.", piece, replacement, flags=re.DOTALL)


def sed(arguments: list[str], given: Input) -> Result:
    """Status and output. Errors: ValueError for what is not understood."""
    found, operands = options(
        arguments, "nErse:", "quiet", "silent", "regexp-extended", "expression="
    )
    flags = {option for option, _ in found}
    scripts = [value for option, value in found if option in ("-e", "--expression")]
    if not scripts:
        if not operands:
            raise ValueError("no script")
        scripts, operands = [operands[0]], operands[1:]
    extended = bool(flags & {"-E", "-r", "--regexp-extended"})
    quiet = bool(flags & {"-n", "--quiet", "--silent"})
    commands = _Script("\n".join(scripts), extended=extended).commands()
    status, text = given.text(operands)
    return status * 2, joined(_edited(commands, lines(text), quiet=quiet))


def _edited(commands: list[_Command], rows: list[str], *, quiet: bool) -> list[str]:
    output: list[str] = []
    for number, row in enumerate(rows, 1):
        line, verdict = row, ""
        for command in commands:
            if not command.applies(line, number, is_last=number == len(rows)):
                continue
            if command.letter == "s":
                line, changed = _replace(command, line)
                output += [line] if changed and "p" in command.flags else []
            elif command.letter == "y":
                source, _, target = command.replacement.partition("\0")
                if len(source) != len(target):
                    raise ValueError("y with unequal sets")
                line = line.translate(str.maketrans(source, target))
            elif command.letter == "p":
                output.append(line)
            else:
                verdict = command.letter
                break
        if verdict != "d" and not quiet:
            output.append(line)
        if verdict == "q":
            break
    return output
