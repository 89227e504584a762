# SPDX-License-Identifier: GPL-2.0-or-later
"""The parameters of one repository, each with its origin.

Source: client-parameters 1; interface.md, Configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from interpose.config.environment import pilot_values, user_values
from interpose.config.files import (
    LOCKED,
    Origin,
    Reader,
    Tree,
    Value,
    read_official,
    required,
)
from interpose.config.parameters import parameter, read_number, read_switch
from interpose.config.sources import Sources
from interpose.errors import ConfigurationError
from interpose.formats.fqrn import Fqrn

_REPOSITORY_NAME = re.compile(r"[A-Za-z0-9._-]{1,60}")
UNSET = Origin("default")


@dataclass(frozen=True)
class Configuration:
    """Parameters as text; unknown ones are kept.

    `notices` are lines for the user; `environment` is what Sources brought along;
    `consulted` are the files and directories whose change may change any of it.
    """

    fqrn: Fqrn | None
    values: Mapping[str, Value]
    notices: tuple[str, ...]
    environment: Mapping[str, str]
    repository_tree: Tree | None = None
    consulted: tuple[Path, ...] = ()

    def get(self, name: str) -> str | None:
        """The value, None if nothing sets the parameter."""
        value = self.values.get(name)
        return value.text if value else None

    def text(self, name: str) -> str:
        """The value; if it is not set or empty, the default."""
        return self.get(name) or parameter(name).default

    def flag(self, name: str) -> bool:
        """On or off; a word that is neither leaves the default of the code."""
        found = read_switch(self.get(name) or "")
        if found is None:
            found = read_switch(parameter(name).default)
        return bool(found)

    def number(self, name: str) -> int:
        """The number as sscanf reads it: rubbish is 0."""
        return read_number(self.text(name))

    def items(self) -> Iterator[tuple[str, str]]:
        """All parameters that are set, by name."""
        for name in sorted(self.values):
            yield name, self.values[name].text

    def origin(self, name: str) -> Origin:
        """File and line that set the parameter."""
        value = self.values.get(name)
        return value.origin if value else UNSET

    def path(self, text: str) -> Path:
        """A path of a value; files of the configuration repository where they are."""
        tree = self.repository_tree
        if tree and tree.alias and text.startswith(tree.alias + "/"):
            return tree.root / text[len(tree.alias) + 1 :]
        return Path(text)


def load(fqrn: Fqrn | None, sources: Sources) -> Configuration:
    """The configuration of a repository, or the general one without a name.

    Errors: ConfigurationError naming file and line.
    """
    reader = _read(fqrn, sources, None)
    wanted = reader.values.get(LOCKED)
    if wanted is not None and wanted.text != reader.locked:
        # A layer above the official files names the configuration repository
        # although its files come earlier: read again, with the name known.
        reader = _read(fqrn, sources, wanted)
    return Configuration(
        fqrn,
        dict(reader.values),
        tuple(reader.notices),
        sources.environment,
        reader.repository_tree,
        tuple(reader.consulted),
    )


def _read(fqrn: Fqrn | None, sources: Sources, wanted: Value | None) -> Reader:
    reader = Reader(fqrn, sources.environment)
    etc = Tree(sources.etc, system=True)
    reader.defaults(etc)
    if wanted is not None:
        reader.set(LOCKED, wanted.text, wanted.origin)
    reader.lock()
    tree = _repository_tree(reader, sources)
    read_official(reader, etc, tree)
    reader.unlock()
    _read_users(reader, sources)
    for name, text, origin in pilot_values(sources.environment, fqrn):
        reader.set(name, text, Origin(origin))
    for name, text in user_values(sources.environment):
        reader.set(name, text, Origin("environment"))
    for name, text in sources.options:
        reader.set(name, text, Origin("-o"))
    for option in sources.repositories:
        if option.fqrn == fqrn:
            for name, text in option.parameters():
                reader.set(name, text, Origin("-r"))
    return reader


def _read_users(reader: Reader, sources: Sources) -> None:
    if sources.user_dir is not None:
        tree = Tree(sources.user_dir)
        reader.file(sources.user_dir / "default.local", tree)
        reader.specific(tree, "config.d", ".conf")
    for path in sources.extra:
        if path.is_dir():
            reader.own_tree(path)
        else:
            reader.file(path, Tree(path.parent), must=True)


def _repository_tree(reader: Reader, sources: Sources) -> Tree | None:
    """Where the configuration repository's files are.

    Errors: ConfigurationError if it is required and cannot be had.
    """
    name = reader.text(LOCKED)
    mount = reader.text("CVMFS_MOUNT_DIR")
    if reader.fqrn is None or not name or name == reader.fqrn or not mount:
        return None
    if not _REPOSITORY_NAME.fullmatch(name):
        reader.notices.append(f"no name of a repository in {LOCKED}: {name}")
        return None
    root = sources.config_repository(name) if sources.config_repository else None
    if root is None:
        if sources.config_repository and required(reader):
            raise ConfigurationError(
                "the configuration repository cannot be read",
                name,
                "or set CVMFS_CONFIG_REPO_REQUIRED=no",
            )
        reader.notices.append(f"the configuration repository is not read: {name}")
        return None
    return Tree(root, alias=f"{mount}/{name}/etc/cvmfs")
