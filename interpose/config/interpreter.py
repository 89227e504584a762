# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the commands of a configuration file without any shell and any process.

A command that is not understood is left out and noted; it costs nothing else.
Source: POSIX shell language 2.7 to 2.12.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from interpose.config.conditions import Double
from interpose.config.expansion import Expander, Variables
from interpose.config.parser import parse, parse_what_can_be
from interpose.config.patterns import shell_pattern
from interpose.config.simple import Failed, Leave, Runner
from interpose.config.streams import Files, Stream
from interpose.config.syntax import (
    AndOr,
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
    assigned_names,
)
from interpose.config.words import Unsupported

_MAX_NESTING = 20
_MAX_STEPS = 20_000
_LEFT_OUT_STEPS = 20
_MAX_OUTPUT = 1 << 20
_NOWHERE = frozenset({"/dev/null", "/dev/stderr"})


class LeftOut(NamedTuple):
    """A command that was not understood, and the names that it would have set."""

    line: int
    what: str
    names: frozenset[str]


class Interpreter:
    """The state of a shell while it runs a file.

    `left_out` is what was not understood; `missing` are words that are no command,
    with their lines.
    """

    def __init__(self, variables: Mapping[str, str], files: Files) -> None:
        self.variables = Variables(variables)
        self.left_out: list[LeftOut] = []
        self.missing: list[tuple[int, str]] = []
        self.files = files
        self.expander = Expander(self.variables, files, self._substitute)
        self.functions: dict[str, Command] = {}
        self.stdin = Stream("")
        self.output: list[str] = []
        self.silent = False
        self.inner = 0  # subshells around what runs
        self.substituted = 0  # status of the last `$(...)`
        self._runner = Runner(self)
        self._strict = 0
        self._nesting = 0
        self._steps = 0
        self._endless = False
        self._outer_line: int | None = None

    def run(self, text: str) -> None:
        """Run a whole file."""
        try:
            self.sequence(parse_what_can_be(text))
        except Leave:
            return

    def line_of(self, line: int) -> int:
        """The line in the file that was run, for one in a text that it brought in."""
        return line if self._outer_line is None else self._outer_line

    def sequence(self, commands: Sequence) -> bool:
        """One command after the other; whether the last one succeeded."""
        fine = True
        for command in commands:
            try:
                fine = self.command(command)
            except Unsupported as problem:
                if self._strict:
                    raise
                self._leave_out(command, problem)
                fine = False
        return fine

    def _leave_out(self, command: Command, problem: Unsupported) -> None:
        names = frozenset(assigned_names(command))
        self.variables.unknown |= names
        line = self.line_of(problem.line)
        self.spend(_LEFT_OUT_STEPS)
        self.left_out.append(LeftOut(line, problem.what, names))

    def command(self, command: Command) -> bool:
        """Run one command; whether it succeeded. Errors: Unsupported, Leave."""
        self._step(command)
        try:
            fine = self._kind_of(command)
        except RecursionError as problem:
            raise Unsupported(command.line, "such deep nesting") from problem
        if fine or not self.variables.status:
            self.variables.status = int(not fine)
        return fine

    def spend(self, steps: int) -> None:
        """Count what takes longer than others towards the end of an endless file."""
        self._steps += steps

    def _step(self, command: Command) -> None:
        self._steps += 1
        if self._steps > _MAX_STEPS:
            if not self._endless:
                problem = Unsupported(command.line, "a file that never ends")
                self._leave_out(command, problem)
            self._endless = True
            raise Leave("exit", 1)

    def _kind_of(self, command: Command) -> bool:
        if isinstance(command, Simple):
            with self._redirected(command.redirections, command.line) as possible:
                return possible and self._runner.simple(command)
        if isinstance(command, Negated):
            return not self.command(command.command)
        if isinstance(command, Pipeline):
            return self._pipeline(command)
        if isinstance(command, Group):
            run = self.subshell if command.own else self.sequence
            return run(command.body)
        if isinstance(command, Redirected):
            with self._redirected(command.redirections, command.line) as possible:
                return possible and self.command(command.command)
        if isinstance(command, Function):
            self.functions[command.name] = command.body
            return True
        return self._flow(command)

    def _flow(self, command: Command) -> bool:
        if isinstance(command, AndOr):
            return self._and_or(command)
        if isinstance(command, If):
            return self._if(command)
        if isinstance(command, While):
            return self._while(command)
        if isinstance(command, For):
            return self._for(command)
        if isinstance(command, Case):
            return self._case(command)
        if isinstance(command, Condition):
            return self._condition(command)
        what = command.what if isinstance(command, Lost) else "this command"
        raise Unsupported(command.line, what)

    def _and_or(self, command: AndOr) -> bool:
        fine = self.command(command.first)
        for operator, following in command.rest:
            if fine == (operator == "&&"):
                fine = self.command(following)
        return fine

    def _decide(self, condition: Sequence, whole: Command) -> bool:
        """A condition. One that is not understood does not hold; `whole` is noted."""
        self._strict += 1
        try:
            return self.sequence(condition)
        except Unsupported as problem:
            if self._strict > 1:
                raise
            self._leave_out(whole, problem)
            return False
        finally:
            self._strict -= 1

    def _if(self, command: If) -> bool:
        for condition, body in command.branches:
            if self._decide(condition, command):
                return self.sequence(body)
        return self.sequence(command.otherwise)

    def _round(self, body: Sequence) -> tuple[bool, bool]:
        """One round of a loop: whether it succeeded, and whether there is another."""
        try:
            return self.sequence(body), True
        except Leave as leave:
            if leave.kind not in ("break", "continue"):
                raise
            return True, leave.kind == "continue"

    def _while(self, command: While) -> bool:
        fine, more = True, True
        while more and self._decide(command.condition, command) != command.until:
            fine, more = self._round(command.body)
            self._step(command)
        return fine

    def _for(self, command: For) -> bool:
        fine, more = True, True
        words = self.variables.arguments
        if command.words is not None:
            words = self.expander.fields(command.words, command.line)
        for word in words:
            if more:
                self.variables.set(command.name, word, self.line_of(command.line))
                fine, more = self._round(command.body)
        return fine

    def _case(self, command: Case) -> bool:
        value = self.expander.text(command.word, command.line)
        for patterns, body in command.branches:
            for word in patterns:
                pattern = self.expander.pattern(word, command.line)
                if shell_pattern(pattern).fullmatch(value):
                    return self.sequence(body)
        return True

    def _condition(self, command: Condition) -> bool:
        expander, line = self.expander, command.line
        try:
            return Double(
                command.terms,
                lambda word: expander.text(word, line),
                lambda word: expander.pattern(word, line),
                self.files.real,
            ).holds()
        except ValueError as problem:
            raise Unsupported(line, "this `[[`") from problem

    def subshell(self, body: Sequence) -> bool:
        """Run commands with variables of their own."""
        before, functions = self.variables, dict(self.functions)
        self.variables = self.expander.variables = before.copy()
        self.inner += 1
        try:
            return self.sequence(body)
        except Leave as leave:
            if self._endless:
                raise
            self.variables.status = leave.status
            return not leave.status
        finally:
            self.inner -= 1
            before.status = self.variables.status
            before.unknown |= self.variables.unknown
            self.functions = functions
            self.variables = self.expander.variables = before

    def _pipeline(self, command: Pipeline) -> bool:
        fine, stdin, output = True, self.stdin, self.output
        try:
            for stage in command.stages[:-1]:
                self.output = []
                self.subshell((stage,))
                self.stdin = Stream("".join(self.output))
            self.output = output
            fine = self.subshell(command.stages[-1:])
        finally:
            self.stdin, self.output = stdin, output
        return fine

    def _substitute(self, text: str, line: int) -> str:
        output = self.output
        self.output = []
        self._strict += 1
        try:
            self.nested(text, line, own=True)
            self.substituted = self.variables.status
            found = "".join(self.output).replace("\0", "")
        finally:
            self._strict -= 1
            self.output = output
        if len(found) > _MAX_OUTPUT:
            raise Unsupported(line, "so much output")
        return found

    def nested(self, text: str, line: int, *, own: bool = False) -> bool:
        """Run text that came from elsewhere. Lines count in the outermost file."""
        outer = self._outer_line
        self.spend(len(text) // 10)  # it is taken apart each time
        self._deeper(line)
        self._outer_line = self.line_of(line)
        try:
            body = parse(text) if self._strict else parse_what_can_be(text)
            return self.subshell(body) if own else self.sequence(body)
        except Unsupported as problem:
            raise Unsupported(line, problem.what) from problem
        finally:
            self._nesting -= 1
            self._outer_line = outer

    def _deeper(self, line: int) -> None:
        if self._nesting == _MAX_NESTING:
            raise Unsupported(line, "such deep nesting")
        self._nesting += 1

    def call(self, name: str, arguments: list[str], line: int) -> bool:
        """Call a function of the file."""
        variables, before = self.variables, self.variables.arguments
        self._deeper(line)
        variables.arguments = arguments
        variables.begin_function()
        try:
            return self.command(self.functions[name])
        except Leave as leave:
            if leave.kind != "return":
                raise
            variables.status = leave.status
            return not leave.status
        finally:
            self._nesting -= 1
            variables.end_function()
            variables.arguments = before

    @contextmanager
    def _redirected(
        self, redirections: tuple[Redirection, ...], line: int
    ) -> Iterator[bool]:
        """Streams as redirections say; False if one of them cannot be had."""
        before = (self.stdin, self.output, self.silent)
        try:
            for redirection in redirections:
                self._redirect(redirection, line)
        except Failed:
            self.stdin, self.output, self.silent = before
            yield False
            return
        try:
            yield True
        finally:
            self.stdin, self.output, self.silent = before

    def _redirect(self, redirection: Redirection, line: int) -> None:
        target = self.expander.text(redirection.target, line)
        operator, number = redirection.operator, redirection.number
        if operator == "<" and number in ("", "0"):
            try:
                self.stdin = Stream(self.files.read(target))
            except (OSError, ValueError) as problem:
                raise Failed from problem
            return
        if operator == ">&" and target in ("1", "2", "-"):
            self.silent |= number == "2"
            if number in ("", "1") and target != "1":
                self.output = []
            return
        if target not in _NOWHERE or operator[0] == "<":
            raise Unsupported(line, f"`{number}{operator}{target}`")
        if number == "2" or operator[0] == "&":
            self.silent = True
        if number in ("", "1"):
            self.output = []
