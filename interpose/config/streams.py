# SPDX-License-Identifier: GPL-2.0-or-later
"""What the programs of a configuration file read: files, standard input, options."""

from __future__ import annotations

import errno
import getopt
import glob
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from interpose.errors import ConfigurationError

MAX_FILE_BYTES = 1 << 20

Elsewhere = Callable[[str], "Path | None"]


_PATTERN = re.compile(r"[*?\[]")


class Files:
    """How the names in a configuration file become files.

    `directory`: where the file is and relative names begin. `aliases`: what a directory
    is called by the files, and where it is. `foreign`: the text comes from a
    configuration repository, so it sees nothing of the user's. `elsewhere` finds other
    files of that repository. `consulted` collects what was read.
    """

    def __init__(
        self,
        directory: str,
        aliases: tuple[tuple[str, Path], ...] = (),
        elsewhere: Elsewhere | None = None,
        consulted: list[Path] | None = None,
        *,
        foreign: bool = False,
    ) -> None:
        self.directory = directory
        self.aliases = aliases
        self.foreign = foreign
        self.elsewhere = elsewhere
        self.consulted = [] if consulted is None else consulted

    def real(self, name: str) -> str:
        """Where the file of that name is."""
        return self._located(name)[0]

    def _located(self, name: str) -> tuple[str, bool]:
        """Where a file is, and whether it belongs to those that are evaluated."""
        path = os.path.normpath(os.path.join(self._called(self.directory), name))
        for alias, root in self.aliases:
            inside = path == alias or path.startswith(alias + "/")
            candidate = str(root) + path[len(alias) :]
            if inside and os.path.lexists(candidate):
                return candidate, True
        found = self.elsewhere(path) if self.elsewhere else None
        return (str(found), True) if found else (path, False)

    def _called(self, path: str) -> str:
        """What the files call a path."""
        for alias, root in self.aliases:
            if path == str(root) or path.startswith(str(root) + "/"):
                return alias + path[len(str(root)) :]
        return path

    def read(self, name: str) -> str:
        """The text of a regular file. Errors: OSError; ConfigurationError: too long."""
        path, own = self._located(name)
        self.consulted.append(Path(path))
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        with open(os.open(path, flags), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise OSError(errno.EINVAL, "no regular file", path)
            everybodys = found.st_uid == 0 and found.st_mode & stat.S_IROTH
            if self.foreign and not own and not everybodys:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
            return _decoded(file.read(MAX_FILE_BYTES + 1), path)

    def matching(self, pattern: str) -> list[str]:
        """Names that match a pattern, sorted; none if it is no pattern."""
        if not _PATTERN.search(pattern):
            return []
        start = os.path.join(self.directory, "")
        if os.path.isabs(pattern):
            return sorted(self._called(path) for path in glob.glob(self.real(pattern)))
        found = sorted(glob.glob(os.path.join(glob.escape(start), pattern)))
        return [path.removeprefix(start) for path in found]


def read_text(path: Path) -> str:
    """The text of a file; foreign bytes survive as surrogates.

    Errors: OSError, ConfigurationError if it is too long for a configuration.
    """
    with open(path, "rb") as file:
        return _decoded(file.read(MAX_FILE_BYTES + 1), str(path))


def _decoded(data: bytes, path: str) -> str:
    if len(data) > MAX_FILE_BYTES:
        raise ConfigurationError("a configuration file is too long", path)
    return data.decode("utf-8", "surrogateescape")


class Stream:
    """Standard input: text of which a part may have been read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def line(self) -> str | None:
        """The next line without its end; None behind the last one."""
        if self._at >= len(self._text):
            return None
        end = self._text.find("\n", self._at)
        end = len(self._text) if end < 0 else end
        found = self._text[self._at : end]
        self._at = end + 1
        return found

    def rest(self) -> str:
        """All that has not been read."""
        return self._text[self._at :]


class Input(NamedTuple):
    """What a program is given: standard input, files, the shell's variables."""

    stdin: str
    files: Files
    variables: Mapping[str, str]

    def texts(self, names: list[str]) -> Iterator[str | None]:
        """Contents of the named files, of standard input without names or for `-`.

        None stands for a file that cannot be read.
        """
        for name in names or ["-"]:
            if name == "-":
                yield self.stdin
                continue
            try:
                yield self.files.read(name)
            except (OSError, ValueError):
                yield None

    def text(self, names: list[str]) -> tuple[int, str]:
        """All contents one after the other; status 1 if one could not be read."""
        found = list(self.texts(names))
        return int(None in found), "".join(text or "" for text in found)


def options(
    arguments: list[str], short: str, *long: str
) -> tuple[list[tuple[str, str]], list[str]]:
    """Options with their values, and operands. Errors: ValueError."""
    try:
        return getopt.gnu_getopt(arguments, short, list(long))
    except getopt.GetoptError as problem:
        raise ValueError(problem.msg) from problem


def lines(text: str) -> list[str]:
    """Lines without their ends."""
    found = text.split("\n")
    return found[:-1] if found[-1] == "" else found


def joined(found: list[str]) -> str:
    """Lines with their ends."""
    return "".join(line + "\n" for line in found)
