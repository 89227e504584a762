# SPDX-License-Identifier: GPL-2.0-or-later
"""What words of a configuration file expand to, and the variables they use.

Source: POSIX shell language 2.5, 2.6; of bash `${x/a/b}`, `${x:1:2}`, `${x,,}`.
"""

from __future__ import annotations

import glob
import os
import random
import re
from collections.abc import Callable, Mapping

from interpose.config.arithmetic import calculate
from interpose.config.patterns import shell_pattern
from interpose.config.streams import Files
from interpose.config.words import (
    Arithmetic,
    Literal,
    Part,
    Substitution,
    Unsupported,
    Variable,
    Word,
)

_GLOB = re.compile(r"[*?\[]")
_SPECIAL = frozenset("\\*?[]")
_MAX_VALUE = 1 << 20
_MAX_RANDOM = 32768

Substitute = Callable[[str, int], str]


class Variables:
    """Shell variables, and the lines on which they were assigned last.

    `unknown` are those whose last assignment was not understood.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = dict(values)
        self.lines: dict[str, int] = {}
        self.readonly: set[str] = set()
        self.unknown: set[str] = set()
        self.arguments: list[str] = []
        self.status = 0
        self._outer: list[dict[str, str | None]] = []

    def copy(self) -> Variables:
        """The variables of a subshell."""
        found = Variables(self.values)
        found.lines = dict(self.lines)
        found.readonly, found.unknown = set(self.readonly), set(self.unknown)
        found.arguments, found.status = list(self.arguments), self.status
        found._outer = [{} for _ in self._outer]
        return found

    def begin_function(self) -> None:
        """From here on `local` has a meaning."""
        self._outer.append({})

    def end_function(self) -> None:
        """Give local names back what they were outside."""
        for name, value in self._outer.pop().items():
            self.restore(name, value)

    def keep_outer(self, name: str) -> None:
        """Make a name local to the function that runs."""
        if self._outer and name not in self._outer[-1]:
            self._outer[-1][name] = self.values.get(name)

    @property
    def in_function(self) -> bool:
        """Whether a function runs."""
        return bool(self._outer)

    def restore(self, name: str, value: str | None) -> None:
        """What a name was before."""
        if value is None:
            self.values.pop(name, None)
        else:
            self.values[name] = value

    def get(self, name: str) -> str | None:
        """The value, None if it is not set."""
        if name.isdigit():
            at = int(name) if len(name) < 9 else 0
            return self.arguments[at - 1] if 0 < at <= len(self.arguments) else None
        if name in ("@", "*"):
            return " ".join(self.arguments) if self.arguments else None
        special = {
            "?": self.status,
            "#": len(self.arguments),
            "!": "",
            "$": os.getpid(),
        }
        if name in special:
            return str(special[name])
        if name == "RANDOM" and name not in self.values:
            return str(random.randrange(_MAX_RANDOM))  # noqa: S311 - spreads load
        return self.values.get(name)

    def set(self, name: str, value: str, line: int) -> None:
        """Errors: Unsupported if it may not be changed or is too long."""
        self.check_writable(name, line)
        if len(value) > _MAX_VALUE:
            raise Unsupported(line, f"such a long {name}")
        self.values[name] = value
        self.lines[name] = line
        self.unknown.discard(name)

    def check_writable(self, name: str, line: int) -> None:
        """Errors: Unsupported for a name that is read-only."""
        if name in self.readonly:
            raise Unsupported(line, f"a change of the read-only {name}")


class Expander:
    """Expands words. `substitute` runs the text of `$(...)` and gives its output.

    `careful`: what depends on an assignment that was not understood is an error.
    """

    def __init__(
        self, variables: Variables, files: Files, substitute: Substitute
    ) -> None:
        self.variables = variables
        self.careful = False
        self._files = files
        self._substitute = substitute

    def text(self, word: Word, line: int) -> str:
        """A word expanded and not split."""
        return "".join(self._part(part, line) for part in word)

    def value(self, word: Word, line: int) -> str:
        """The value of an assignment: with `~` at its start and after each colon."""
        home = self.variables.values.get("HOME", "")
        parts = list(word)
        for at, part in enumerate(parts):
            if isinstance(part, Literal) and not part.quoted and home:
                start = "(^|:)" if at == 0 else "(:)"
                end = "(?=[/:]|$)" if at == len(parts) - 1 else "(?=[/:])"
                text = re.sub(start + "~" + end, lambda m: m.group(1) + home, part.text)
                parts[at] = Literal(text, quoted=False)
        return self.text(tuple(parts), line)

    def pattern(self, word: Word, line: int) -> str:
        """A word as a pattern: what was quoted has backslashes."""
        found: list[str] = []
        for part in word:
            text = self._part(part, line)
            found.append(_escaped(text) if part.quoted else text)
        return "".join(found)

    def fields(self, words: tuple[Word, ...], line: int) -> list[str]:
        """Arguments of a command: unquoted expansions fall apart, patterns match."""
        found: list[str] = []
        for word in words:
            for field in self._fields(_tilde(word, self.variables), line):
                found += self._matching(field)
        return found

    def _matching(self, field: list[tuple[str, bool]]) -> list[str]:
        plain = "".join(text for text, _ in field)
        if not any(_GLOB.search(text) for text, quoted in field if not quoted):
            return [plain]
        pattern = "".join(glob.escape(text) if q else text for text, q in field)
        return self._files.matching(pattern) or [plain]

    def _fields(self, word: Word, line: int) -> list[list[tuple[str, bool]]]:
        """Fields as pieces of text, each with whether it was quoted."""
        fields: list[list[tuple[str, bool]]] = []
        current: list[tuple[str, bool]] | None = None
        for part in word:
            if isinstance(part, Variable) and part.name == "@" and part.quoted:
                pieces, quoted = list(self.variables.arguments), True
            elif isinstance(part, Literal) or part.quoted:
                pieces, quoted = [self._part(part, line)], True
                quoted = not isinstance(part, Literal) or part.quoted
            else:
                pieces, quoted = self._split(self._part(part, line)), False
            for at, piece in enumerate(pieces):
                if at and current is not None:
                    fields.append(current)
                    current = None
                if piece or quoted or isinstance(part, Literal):
                    current = [*(current or []), (piece, quoted)]
        return fields if current is None else [*fields, current]

    def _split(self, text: str) -> list[str]:
        """Pieces between separators; an empty first or last one marks a blank."""
        separators = self.variables.values.get("IFS", " \t\n")
        if not text or not separators:
            return [text] if text else []
        blanks = "".join(c for c in separators if c in " \t\n")
        others = "".join(c for c in separators if c not in " \t\n")
        if not others:
            return re.split(f"[{re.escape(blanks)}]+", text)
        blank = f"[{re.escape(blanks)}]*" if blanks else ""
        pieces = re.split(f"{blank}[{re.escape(others)}]{blank}", text.strip(blanks))
        return pieces[:-1] if len(pieces) > 1 and not pieces[-1] else pieces

    def pieces(self, text: str, most: int) -> list[str]:
        """What `read` makes of a line for so many names."""
        separators = self.variables.values.get("IFS", " \t\n")
        blanks = "".join(c for c in separators if c in " \t\n")
        rest = text.strip(blanks)
        if not separators or most == 1:
            return [rest]
        pattern = (
            f"[{re.escape(blanks)}]*[{re.escape(separators)}][{re.escape(blanks)}]*"
        )
        return re.split(
            pattern if blanks else f"[{re.escape(separators)}]", rest, maxsplit=most - 1
        )

    def _part(self, part: Part, line: int) -> str:
        if isinstance(part, Literal):
            return part.text
        if isinstance(part, Arithmetic):
            return str(self.calculate(self.text(part.word, line), line))
        if isinstance(part, Substitution):
            return self._substitute(part.text, line).rstrip("\n")
        return self._variable(part, line)

    def calculate(self, text: str, line: int) -> int:
        """The value of an arithmetic expression. Errors: Unsupported."""

        def write(name: str, value: str) -> None:
            self.variables.set(name, value, line)

        try:
            return calculate(text, lambda name: self._known(name, line) or "", write)
        except (ValueError, RecursionError) as problem:
            raise Unsupported(line, "this arithmetic") from problem

    def _known(self, name: str, line: int) -> str | None:
        if self.careful and name in self.variables.unknown:
            raise Unsupported(line, f"a line before, which sets {name},")
        return self.variables.get(name)

    def _variable(self, part: Variable, line: int) -> str:
        value = self._known(part.name, line)
        operator = part.operator
        if operator == "length":
            return str(len(value or ""))
        if not operator:
            return value or ""
        if operator[-1] in "-=+?":
            return self._default(part, value, line)
        return self._changed(part, value or "", line)

    def _default(self, part: Variable, value: str | None, line: int) -> str:
        kind = part.operator[-1]
        missing = value is None or (part.operator.startswith(":") and not value)
        if missing == (kind == "+"):
            return (value or "") if kind != "+" else ""
        if kind == "?":
            raise Unsupported(line, f"`${{{part.name}?}}` of what is not set")
        other = self.text(part.word, line)
        if kind == "=":
            self.variables.set(part.name, other, line)
        return other

    def _changed(self, part: Variable, value: str, line: int) -> str:
        operator = part.operator
        if operator in (",", ",,", "^", "^^"):
            change = str.lower if operator[0] == "," else str.upper
            return change(value if len(operator) == 2 else value[:1]) + (
                "" if len(operator) == 2 else value[1:]
            )
        if operator == ":":
            return self._slice(value, self.text(part.word, line), line)
        if operator[0] == "/":
            return self._replaced(part, value, line)
        pattern = self.pattern(part.word, line)
        return _trimmed(value, pattern, operator)

    def _slice(self, value: str, word: str, line: int) -> str:
        first, separator, second = word.partition(":")
        start = self.calculate(first, line)
        start = max(0, len(value) + start) if start < 0 else start
        if not separator:
            return value[start:]
        length = self.calculate(second, line)
        return value[start : length if length < 0 else start + length]

    def _replaced(self, part: Variable, value: str, line: int) -> str:
        whole = self.pattern(part.word, line)
        pattern, _, replacement = whole.partition("/")
        replacement = re.sub(r"\\(.)", r"\1", replacement)
        count = 0 if part.operator == "//" else 1
        if not pattern:
            return value
        return shell_pattern(pattern).sub(lambda _: replacement, value, count=count)


def _escaped(text: str) -> str:
    return "".join("\\" + c if c in _SPECIAL or c == "/" else c for c in text)


def _tilde(word: Word, variables: Variables) -> Word:
    """`~` and `~/...` at the start of an argument."""
    home = variables.values.get("HOME", "")
    first = word[0] if word else None
    if not home or not isinstance(first, Literal) or first.quoted:
        return word
    if not first.text.startswith("~/") and not (first.text == "~" and len(word) == 1):
        return word
    rest = Literal(first.text[1:], quoted=False)
    return (Literal(home, quoted=True), rest, *word[1:])


def _trimmed(value: str, pattern: str, operator: str) -> str:
    """`#` and `##` from the start, `%` and `%%` from the end; doubled: the longest."""
    compiled = shell_pattern(pattern)
    lengths = range(len(value) + 1)
    longest = len(operator) == 2
    for length in reversed(lengths) if longest else lengths:
        piece = value[:length] if operator[0] == "#" else value[len(value) - length :]
        if compiled.fullmatch(piece):
            return (
                value[length:] if operator[0] == "#" else value[: len(value) - length]
            )
    return value
