# SPDX-License-Identifier: GPL-2.0-or-later
"""What was found out, as lines for interpose_run, which prints them.

Source: native/doctor/finding.h (the form of a line).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from interpose.errors import InterposeError
from interpose.messages import one_line

OK, WARNING, NO = "ok", "warning", "no"
_MOST_BYTES = {"text": 1000, "advice": 500, "fact": 400}


class Finding(NamedTuple):
    """One line; `about` is a repository. Facts are numbers or texts."""

    level: str
    name: str
    about: str
    text: str
    advice: str = ""
    facts: Mapping[str, float | str] = MappingProxyType({})

    @classmethod
    def of(cls, error: InterposeError, level: str, name: str, about: str) -> Finding:
        """What an error says."""
        where = f": {error.where}" if error.where else ""
        return cls(level, name, about, error.what + where, error.advice)


class Findings:
    """Writes lines into a descriptor; thread-safe, and nothing after `close`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._is_closed = False
        self._said: set[bytes] = set()

    def add(self, finding: Finding) -> None:
        """Pass on a finding, once."""
        fields = [finding.level, finding.name, finding.about[:60]]
        texts = [_cut(finding.text, "text"), _cut(finding.advice, "advice")]
        facts = [_cut(_fact(*pair), "fact") for pair in finding.facts.items()]
        self._write("\t".join(one_line(f) for f in [*fields, *texts, *facts]))

    def place(self, row: str, path: str) -> None:
        """Have a directory looked at, for this row of the table; once."""
        self._write(f"place\t{row}\t{one_line(path)}")

    def close(self) -> None:
        """Say that this was all; what comes later is too late."""
        self._write("done")
        with self._lock:
            self._is_closed = True

    def _write(self, line: str) -> None:
        data = line.encode("utf-8", "surrogateescape") + b"\n"
        with self._lock:
            if self._is_closed or data in self._said:
                return
            self._said.add(data)
            while data:
                data = data[os.write(self._descriptor, data) :]


def _fact(name: str, value: float | str) -> str:
    return f"{name}={value}" if isinstance(value, str) else f"{name}:={value}"


def _cut(text: str, kind: str) -> str:
    data = text.encode("utf-8", "surrogateescape")[: _MOST_BYTES[kind]]
    return data.decode("utf-8", "surrogateescape")
