# SPDX-License-Identifier: GPL-2.0-or-later
"""Simple commands of a configuration file: assignments, builtins, programs.

Source: POSIX shell language 2.9.1 and 2.14.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import Protocol

from interpose.config.conditions import holds
from interpose.config.expansion import Expander, Variables
from interpose.config.programs import PROGRAMS
from interpose.config.streams import Files, Input, Stream
from interpose.config.syntax import Assignment, Command, Simple, split_assignment
from interpose.config.words import NAME, Unsupported
from interpose.errors import ConfigurationError

KEY_PARAMETERS = frozenset({"CVMFS_PUBLIC_KEY", "CVMFS_KEYS_DIR", "CVMFS_BLACKLIST"})
# Of _MAX_STEPS: names are looked for in the directories of PATH.
_SEARCH_STEPS = 100
_HARMLESS = frozenset({"umask", "ulimit", "trap", "alias", "unalias", "hash", "wait"})


class Leave(Exception):
    """`exit`, `return`, `break` or `continue`."""

    def __init__(self, kind: str, status: int = 0) -> None:
        super().__init__(kind)
        self.kind = kind
        self.status = status


class Failed(Exception):
    """A redirection that the shell could not make either."""


class Shell(Protocol):
    """What simple commands need of the interpreter."""

    variables: Variables
    expander: Expander
    files: Files
    functions: dict[str, Command]
    stdin: Stream
    output: list[str]
    silent: bool
    inner: int
    substituted: int
    missing: list[tuple[int, str]]

    def line_of(self, line: int) -> int:
        """The line in the file that was run."""

    def nested(self, text: str, line: int) -> bool:
        """Run text that came from elsewhere."""

    def call(self, name: str, arguments: list[str], line: int) -> bool:
        """Call a function."""

    def spend(self, steps: int) -> None:
        """Count what takes longer than other commands."""


Builtin = Callable[[list[str], int], bool]


class Runner:
    """Runs simple commands. Errors: Unsupported, Leave."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._sourcing = 0
        self._before = 0  # the status when the command began
        self._builtins: dict[str, Builtin] = {
            ":": lambda _words, _line: True,
            "true": lambda _words, _line: True,
            "false": lambda _words, _line: False,
            "[": self._bracket,
            "test": self._test,
            "eval": lambda words, line: shell.nested(" ".join(words), line),
            ".": self._source,
            "source": self._source,
            "unset": self._unset,
            "exit": self._exit,
            "return": self._return,
            "break": self._loop("break"),
            "continue": self._loop("continue"),
            "shift": self._shift,
            "set": self._set,
            "read": self._read,
            "command": self._command,
            "type": self._type,
        }

    def simple(self, command: Simple) -> bool:
        """Assignments, or a command; whether it succeeded."""
        shell, line = self._shell, command.line
        first = shell.expander.fields(command.words[:1], line)
        if not first and len(command.words) <= 1:
            shell.substituted = 0
            for assignment in command.assignments:
                self._assign(assignment)
            shell.variables.status = shell.substituted
            return not shell.substituted
        if first and first[0] in ("export", "readonly", "local", "declare", "typeset"):
            return self._declare(first[0], command)
        words = first + shell.expander.fields(command.words[1:], line)
        if not words:
            return True
        self._before, shell.variables.status = shell.variables.status, 0
        before = {
            a.name: shell.variables.values.get(a.name) for a in command.assignments
        }
        for assignment in command.assignments:
            self._assign(assignment)
        try:
            return self.run(words, line)
        finally:
            for name, value in before.items():
                shell.variables.restore(name, value)

    def run(self, words: list[str], line: int) -> bool:
        """A command with its arguments."""
        name, arguments = words[0], words[1:]
        if name in self._shell.functions:
            return self._shell.call(name, arguments, line)
        if name in self._builtins:
            return self._builtins[name](arguments, line)
        if name in _HARMLESS:
            return True
        program = os.path.basename(name) if name.startswith("/") else name
        if program in PROGRAMS:
            return self._program(program, arguments, line)
        self._shell.spend(_SEARCH_STEPS)
        if self._exists(name):
            raise Unsupported(line, f"the command `{name}`")
        self._note_missing(name, arguments, line)
        self._shell.variables.status = 127
        return False

    def _exists(self, name: str) -> bool:
        if "/" in name:
            path = self._shell.files.real(name)
            return os.path.isfile(path) and os.access(path, os.X_OK)
        return bool(shutil.which(name, path=self._shell.variables.values.get("PATH")))

    def _note_missing(self, name: str, arguments: list[str], line: int) -> None:
        if self._shell.silent:
            return
        advice = "write a value with blanks, `;` or `|` in quotes"
        if NAME.fullmatch(name) and arguments and arguments[0].startswith("="):
            value = " ".join(arguments)[1:].strip()
            advice = f"write {name}={value or '...'} without blanks"
        found = (self._shell.line_of(line), f"`{name}` is no command ({advice})")
        self._shell.missing.append(found)

    def _program(self, name: str, arguments: list[str], line: int) -> bool:
        shell = self._shell
        given = Input(shell.stdin.rest(), shell.files, shell.variables.values)
        try:
            status, output = PROGRAMS[name](arguments, given)
        except (ValueError, OSError, ConfigurationError) as problem:
            raise Unsupported(line, f"this use of `{name}`") from problem
        shell.output.append(output)
        shell.variables.status = status
        return not status

    def _assign(self, assignment: Assignment) -> None:
        expander, variables = self._shell.expander, self._shell.variables
        before, expander.careful = expander.careful, assignment.name in KEY_PARAMETERS
        try:
            value = expander.value(assignment.value, assignment.line)
        finally:
            expander.careful = before
        if assignment.more:
            value = (variables.get(assignment.name) or "") + value
        variables.set(assignment.name, value, self._shell.line_of(assignment.line))

    def _declare(self, kind: str, command: Simple) -> bool:
        variables = self._shell.variables
        for word in command.words[1:]:
            assignment = split_assignment(word, command.line)
            name = assignment.name if assignment else ""
            name = name or self._shell.expander.text(word, command.line)
            if not NAME.fullmatch(name):
                raise Unsupported(command.line, f"`{kind} {name}`")
            if kind not in ("export", "readonly"):
                variables.keep_outer(name)
            if assignment:
                self._assign(assignment)
            if kind == "readonly":
                variables.readonly.add(name)
        return True

    def _bracket(self, words: list[str], line: int) -> bool:
        if not words or words[-1] != "]":
            raise Unsupported(line, "`[` without `]`")
        return self._test(words[:-1], line)

    def _test(self, words: list[str], line: int) -> bool:
        del line
        try:
            return holds(words, self._shell.files.real)
        except ValueError:
            # The shell complains on standard error and takes it for untrue.
            self._shell.variables.status = 2
            return False

    def _source(self, words: list[str], line: int) -> bool:
        if not words:
            raise Unsupported(line, "`.` without a file")
        try:
            text = self._shell.files.read(words[0])
        except (OSError, ValueError) as problem:
            reason = getattr(problem, "strerror", None) or str(problem)
            raise Unsupported(line, f"`. {words[0]}` ({reason})") from problem
        self._sourcing += 1
        try:
            return self._shell.nested(text, line)
        except Leave as leave:
            if leave.kind != "return":
                raise
            return not leave.status
        finally:
            self._sourcing -= 1

    def _unset(self, words: list[str], line: int) -> bool:
        kind = words[0] if words and words[0] in ("-v", "-f") else ""
        for name in words[1:] if kind else words:
            if not NAME.fullmatch(name):
                raise Unsupported(line, f"`unset {name}`")
            self._shell.variables.check_writable(name, line)
            if kind != "-f":
                self._shell.variables.values.pop(name, None)
            if kind != "-v":
                self._shell.functions.pop(name, None)
        return True

    def _status(self, words: list[str]) -> int:
        if not words:
            return self._before
        return int(words[0]) & 255 if words[0].isdigit() else 2

    def _exit(self, words: list[str], line: int) -> bool:
        if not self._shell.inner:
            # The official client would lose the whole file.
            raise Unsupported(line, "`exit`")
        raise Leave("exit", self._status(words))

    def _return(self, words: list[str], line: int) -> bool:
        if not self._shell.variables.in_function and not self._sourcing:
            raise Unsupported(line, "`return`")
        raise Leave("return", self._status(words))

    def _loop(self, kind: str) -> Builtin:
        def leave(words: list[str], line: int) -> bool:
            if words not in ([], ["1"]):
                raise Unsupported(line, f"`{kind} {words[0]}`")
            raise Leave(kind)

        return leave

    def _shift(self, words: list[str], line: int) -> bool:
        if words and not words[0].isdigit():
            raise Unsupported(line, "`shift`")
        number = int(words[0]) if words else 1
        enough = number <= len(self._shell.variables.arguments)
        if enough:
            self._shell.variables.arguments = self._shell.variables.arguments[number:]
        return enough

    def _set(self, words: list[str], line: int) -> bool:
        if words and words[0] == "--":
            self._shell.variables.arguments = words[1:]
        elif words and words[0][0] not in "-+":
            self._shell.variables.arguments = words
        elif not words or set(words[0][1:]) - set("aehu"):
            raise Unsupported(line, "`set` with these options")
        return True

    def _read(self, words: list[str], line: int) -> bool:
        names = [word for word in words if word != "-r"] or ["REPLY"]
        if not all(NAME.fullmatch(name) for name in names):
            raise Unsupported(line, "this `read`")
        text = self._shell.stdin.line()
        fields = self._shell.expander.pieces(text or "", len(names))
        for at, name in enumerate(names):
            value = fields[at] if at < len(fields) else ""
            self._shell.variables.set(name, value, self._shell.line_of(line))
        return text is not None

    def _command(self, words: list[str], line: int) -> bool:
        if words and words[0] in ("-v", "-V"):
            return self._type(words[1:], line)
        if not words or words[0].startswith("-"):
            raise Unsupported(line, "`command` with these options")
        return self.run(words, line)

    def _type(self, words: list[str], line: int) -> bool:
        """Where commands are, as `command -v` says it."""
        del line
        path = self._shell.variables.values.get("PATH")
        fine = bool(words)
        for name in words:
            found = shutil.which(name, path=path)
            if name in self._shell.functions or name in self._builtins:
                found = name
            fine = fine and bool(found)
            self._shell.output.append(f"{found}\n" if found else "")
        return fine
