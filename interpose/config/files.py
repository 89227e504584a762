# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads files of parameters in the official order.

Source: docs/parameters.md.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from interpose.config.parameters import read_switch, shipped_values
from interpose.config.streams import Elsewhere, Files, read_text
from interpose.config.systemfiles import is_system_file
from interpose.errors import ConfigurationError
from interpose.formats.fqrn import Fqrn

LOCKED = "CVMFS_CONFIG_REPOSITORY"
GENERIC_KEYS = "/etc/cvmfs/keys"


class Origin(NamedTuple):
    """Where a value comes from; line 0 means that lines do not apply."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


BUILT_IN = Origin("built-in")


class Value(NamedTuple):
    """A parameter's text and where it comes from."""

    text: str
    origin: Origin


class Tree(NamedTuple):
    """A directory laid out like /etc/cvmfs; `alias` is what files call it.

    `foreign`: it is the configuration repository's.
    """

    root: Path
    system: bool = False
    alias: str = ""
    foreign: bool = False


class Reader:
    """Parameters read so far, in the order of reading."""

    def __init__(self, fqrn: Fqrn | None, environment: Mapping[str, str]) -> None:
        self.fqrn = fqrn
        self.values: dict[str, Value] = {}
        self.notices: list[str] = []
        self.repository_tree: Tree | None = None
        self.elsewhere: Elsewhere | None = None
        self.consulted: list[Path] = []  # read, or looked for in vain
        self._environment = environment
        self._own: list[Tree] = []
        self.locked = ""
        self._is_locked = False

    def text(self, name: str) -> str:
        """The value so far, empty if there is none."""
        value = self.values.get(name)
        return value.text if value else ""

    def lock(self) -> None:
        """From here on files cannot change the configuration repository."""
        self.locked = self.text(LOCKED)
        self._is_locked = True

    def unlock(self) -> None:
        """Layers above the official files may change everything."""
        self._is_locked = False

    def set(self, name: str, text: str, origin: Origin) -> None:
        """Store one value, templates filled in."""
        if self.fqrn is not None:
            text = text.replace("@fqrn@", self.fqrn)
            text = text.replace("@org@", self.fqrn.organisation)
        if name == LOCKED and self._is_locked and text != self.locked:
            self.notices.append(f"{name} cannot be changed here: {origin}")
            return
        self.values[name] = Value(text, origin)

    def built_in(self) -> None:
        """What the official default.conf would set."""
        for name, text in shipped_values().items():
            self.set(name, text, BUILT_IN)

    def file(self, path: Path, tree: Tree, *, must: bool = False) -> bool:
        """Read one file; False if it does not exist.

        Errors: ConfigurationError if it cannot be evaluated, or `must` be there.
        """
        self.consulted.append(path)
        try:
            text = read_text(path)
        except (FileNotFoundError, NotADirectoryError) as problem:
            if must:
                raise ConfigurationError(
                    "a configuration file is missing", str(path)
                ) from problem
            return False
        except OSError as problem:
            if not (tree.system or must or os.access(path.parent, os.X_OK)):
                # A home that is another's (sudo, su) holds nothing for this user.
                text = f"cannot read {tree.root}: {problem.strerror}"
                self.notices += [] if text in self.notices else [text]
                return False
            if tree.system:
                # The official client goes on without files that it cannot read.
                self.notices.append(f"cannot read {path}: {problem.strerror}")
                return True
            raise ConfigurationError(
                "a configuration file cannot be read", str(path)
            ) from problem
        # Options alone need no shell language, which takes a while to load.
        from interpose.config.evaluate import Source, evaluate  # noqa: PLC0415

        source = Source(
            path,
            text,
            self.files(path.parent, foreign=tree.foreign),
            system=tree.system and is_system_file(path),
            strict=tree.foreign and required(self),
        )
        found = evaluate(source, self._variables())
        self.notices += found.notices
        for definition in found.definitions:
            origin = Origin(str(path), definition.line)
            self.set(definition.name, definition.value, origin)
        return True

    def files(self, directory: Path, *, foreign: bool = False) -> Files:
        """What names in a configuration mean, relative ones below `directory`."""
        trees = [*reversed(self._own), self.repository_tree]
        aliases = tuple((t.alias, t.root) for t in trees if t is not None and t.alias)
        return Files(
            str(directory), aliases, self.elsewhere, self.consulted, foreign=foreign
        )

    def _variables(self) -> dict[str, str]:
        found = dict(self._environment)
        found.update((name, value.text) for name, value in self.values.items())
        found["CVMFS_FQRN"] = self.fqrn or ""
        return found

    def defaults(self, tree: Tree) -> bool:
        """default.conf and default.d; whether there was a default.conf."""
        there = self.file(tree.root / "default.conf", tree)
        if not there and tree.system:
            self.built_in()
        self.consulted.append(tree.root / "default.d")
        for path in listed(tree.root / "default.d", ".conf"):
            self.file(path, tree)
        return there

    def specific(self, tree: Tree, directory: str, *suffixes: str) -> None:
        """The files for the domain or the repository, if a name is known."""
        if self.fqrn is None:
            return
        stem = self.fqrn.domain if directory == "domain.d" else self.fqrn
        for suffix in suffixes:
            self.file(tree.root / directory / f"{stem}{suffix}", tree)

    def add_own(self, root: Path) -> Tree:
        """A directory of the user's, laid out like /etc/cvmfs and called so."""
        tree = Tree(root, alias="/etc/cvmfs")
        self._own.append(tree)
        return tree

    def own_keys(self, root: Path) -> None:
        """Keys of such a directory, if no others were chosen."""
        keys = root / "keys"
        self.consulted += [root, keys]
        generic = self.text("CVMFS_KEYS_DIR") in ("", GENERIC_KEYS)
        if generic and os.path.isdir(keys):
            self.set("CVMFS_KEYS_DIR", str(keys), Origin(str(keys)))


def listed(directory: Path, suffix: str) -> list[Path]:
    """Files with a suffix, sorted by the bytes of their names; none if unreadable."""
    try:
        names = [path for path in directory.iterdir() if path.name.endswith(suffix)]
    except OSError:
        return []
    return sorted(names, key=lambda path: path.name.encode("utf-8", "surrogateescape"))


def required(reader: Reader) -> bool:
    """Whether the configuration repository must be there."""
    return bool(read_switch(reader.text("CVMFS_CONFIG_REPO_REQUIRED")))
