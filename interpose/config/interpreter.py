# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the commands of a configuration file without any shell.

Source: client-parameters 2; POSIX shell language 2.5 to 2.9, 2.14.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping

from interpose.config.conditions import calculate, holds
from interpose.config.syntax import (
    AndOr,
    Assignment,
    Command,
    Group,
    If,
    Negated,
    Sequence,
    Simple,
    parse,
    split_assignment,
)
from interpose.config.words import (
    NAME,
    Arithmetic,
    Literal,
    Unsupported,
    Variable,
    Word,
)

_SPLIT = re.compile(r"[ \t\n]+")
_MAX_VALUE = 1 << 20
_MAX_NESTING = 10

Sourced = Callable[[str], str]


class Interpreter:
    """Shell variables and the lines on which they were assigned last.

    `sourced` gives the text of a file that is read by `.`; it raises ValueError
    with the reason if that file may not or cannot be read.
    """

    def __init__(
        self, variables: Mapping[str, str], directory: str, sourced: Sourced
    ) -> None:
        self.variables = dict(variables)
        self.lines: dict[str, int] = {}
        self._directory = directory
        self._sourced = sourced
        self._readonly: set[str] = set()
        self._status = 0
        self._nesting = 0
        self._sourcing_line: int | None = None

    def run(self, text: str) -> None:
        """Run a whole file. Errors: Unsupported."""
        self._sequence(parse(text))

    def _sequence(self, commands: Sequence) -> bool:
        fine = True
        for command in commands:
            fine = self._command(command)
        return fine

    def _command(self, command: Command) -> bool:
        if isinstance(command, Simple):
            fine = self._simple(command)
        elif isinstance(command, Negated):
            fine = not self._command(command.command)
        elif isinstance(command, AndOr):
            fine = self._and_or(command)
        elif isinstance(command, Group):
            fine = self._sequence(command.body)
        else:
            fine = self._if(command)
        return fine

    def _and_or(self, command: AndOr) -> bool:
        fine = self._command(command.first)
        for operator, following in command.rest:
            if fine == (operator == "&&"):
                fine = self._command(following)
        return fine

    def _if(self, command: If) -> bool:
        for condition, body in command.branches:
            if self._sequence(condition):
                return self._sequence(body)
        return self._sequence(command.otherwise)

    def _simple(self, command: Simple) -> bool:
        if not command.words:
            for assignment in command.assignments:
                self._assign(assignment)
            self._status = 0
            return True
        if command.assignments:
            raise Unsupported(command.line, "a command with an assignment before it")
        fine = self._builtin(command)
        self._status = 0 if fine else 1
        return fine

    def _builtin(self, command: Simple) -> bool:
        first = self.fields(command.words[:1], command.line)
        name = first[0] if first else ""
        if name in ("export", "readonly"):
            self._declare(name, command)
            return True
        arguments = self.fields(command.words, command.line)[1:]
        if name in (":", "true", "false"):
            return name != "false"
        if name in ("[", "test"):
            return self._test(name, arguments, command.line)
        if name == "eval":
            return self._eval(" ".join(arguments), command.line)
        if name == "." and len(arguments) == 1:
            return self._source(arguments[0], command.line)
        if name == "unset" and all(NAME.fullmatch(word) for word in arguments):
            return self._unset(arguments, command.line)
        if NAME.fullmatch(name) and arguments and arguments[0].startswith("="):
            # `X = 1`: the shell looks for a program X, fails, and goes on.
            return False
        raise Unsupported(command.line, f"the command `{name}`")

    def _declare(self, kind: str, command: Simple) -> None:
        for word in command.words[1:]:
            assignment = split_assignment(word, command.line)
            if assignment:
                self._assign(assignment)
                name = assignment.name
            else:
                name = self.text(word, command.line)
                if not NAME.fullmatch(name):
                    raise Unsupported(command.line, f"`{kind} {name}`")
            if kind == "readonly":
                self._readonly.add(name)

    def _unset(self, names: list[str], line: int) -> bool:
        for name in names:
            self._check_writable(name, line)
            self.variables.pop(name, None)
        return True

    def _test(self, name: str, arguments: list[str], line: int) -> bool:
        if name == "[":
            if not arguments or arguments[-1] != "]":
                raise Unsupported(line, "`[` without `]`")
            arguments = arguments[:-1]
        try:
            return holds(arguments, self._directory)
        except ValueError:
            # The shell complains on standard error and takes it for untrue.
            return False

    def _eval(self, text: str, line: int) -> bool:
        return self._nested(text, line)

    def _source(self, path: str, line: int) -> bool:
        try:
            text = self._sourced(path)
        except ValueError as problem:
            raise Unsupported(line, f"`. {path}`: {problem}") from problem
        return self._nested(text, line)

    def _nested(self, text: str, line: int) -> bool:
        outer = self._sourcing_line
        self._sourcing_line = line if outer is None else outer
        self._nesting += 1
        if self._nesting > _MAX_NESTING:
            raise Unsupported(line, "such deep nesting")
        try:
            return self._sequence(parse(text))
        except Unsupported as problem:
            # Lines count in the outermost file, the only one that we name.
            raise Unsupported(line, problem.what) from problem
        finally:
            self._nesting -= 1
            self._sourcing_line = outer

    def _check_writable(self, name: str, line: int) -> None:
        if name in self._readonly:
            raise Unsupported(line, f"a change of the read-only {name}")

    def _assign(self, assignment: Assignment) -> None:
        value = self.text(self._with_home(assignment.value), assignment.line)
        self._set(assignment.name, value, assignment.line)

    def _set(self, name: str, value: str, line: int) -> None:
        self._check_writable(name, line)
        if len(value) > _MAX_VALUE:
            raise Unsupported(line, f"such a long {name}")
        self.variables[name] = value
        self.lines[name] = self._sourcing_line or line

    def _with_home(self, word: Word) -> Word:
        """The value with `~` replaced at its start and after each colon."""
        home = self.variables.get("HOME")
        parts = list(word)
        for at, part in enumerate(parts):
            if isinstance(part, Literal) and not part.quoted and home:
                start = "(^|:)" if at == 0 else "(:)"
                end = "(?=[/:]|$)" if at == len(parts) - 1 else "(?=[/:])"
                pattern = start + "~" + end
                text = re.sub(pattern, lambda m: m.group(1) + (home or ""), part.text)
                parts[at] = Literal(text, quoted=False)
        return tuple(parts)

    def text(self, word: Word, line: int) -> str:
        """A word expanded and not split."""
        return "".join(self._part(part, line) for part in word)

    def fields(self, words: tuple[Word, ...], line: int) -> list[str]:
        """Arguments of a command: unquoted expansions fall apart at blanks."""
        found: list[str] = []
        for word in words:
            found += self._fields(word, line)
        return found

    def _fields(self, word: Word, line: int) -> list[str]:
        found: list[str] = []
        current: str | None = None
        for part in word:
            text = self._part(part, line)
            if isinstance(part, Literal) or part.quoted:
                current = (current or "") + text
                continue
            pieces = _SPLIT.split(text) if text else []
            for at, piece in enumerate(pieces):
                if at and current is not None:
                    found.append(current)
                    current = None
                if piece:
                    current = (current or "") + piece
        return found if current is None else [*found, current]

    def _part(self, part: Literal | Variable | Arithmetic, line: int) -> str:
        if isinstance(part, Literal):
            return part.text
        if isinstance(part, Arithmetic):
            try:
                return str(calculate(self.text(part.word, line)))
            except ValueError as problem:
                raise Unsupported(line, "this arithmetic") from problem
        if part.name == "$":
            return str(os.getpid())
        if part.name == "?":
            return str(self._status)
        return self._variable(part, line)

    def _variable(self, part: Variable, line: int) -> str:
        value = self.variables.get(part.name)
        if part.operator == "#":
            return str(len(value or ""))
        kind = part.operator[-1:]
        missing = value is None or (part.operator.startswith(":") and not value)
        if not kind or (missing == (kind == "+")):
            return (value or "") if kind != "+" else ""
        if not missing and kind != "+":
            return value or ""
        other = self.text(part.word, line)
        if kind == "=":
            self._set(part.name, other, line)
        return other
