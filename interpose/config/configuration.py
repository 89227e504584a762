# SPDX-License-Identifier: GPL-2.0-or-later
"""The parameters of one repository, each with its origin.

Source: docs/parameters.md.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from interpose.config.files import LOCKED, Origin, Tree, Value
from interpose.config.layers import read
from interpose.config.parameters import (
    misspelt,
    parameter,
    read_number,
    read_switch,
)
from interpose.config.sources import Sources
from interpose.config.streams import Files
from interpose.formats.fqrn import Fqrn

UNSET = Origin("default")

# What other programs write for @fqrn@ and @org@.
_OTHER_TEMPLATE = re.compile(r"[{%<]+(fqrn|org)[}%>]+|@(fqrn|org)(?!@|\w)")


class Configuration(NamedTuple):
    """Parameters as text; unknown ones are kept.

    `notices` are lines for the user; `environment` is what Sources brought along;
    `consulted` are the files and directories whose change may change any of it.
    """

    fqrn: Fqrn | None
    values: Mapping[str, Value]
    notices: tuple[str, ...]
    environment: Mapping[str, str]
    repository_tree: Tree | None
    consulted: tuple[Path, ...]
    files: Files

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

    def replaced(self, texts: Mapping[str, str], origin: Origin) -> Configuration:
        """The same with other values of some parameters."""
        changed = {name: Value(text, origin) for name, text in texts.items()}
        return self._replace(values={**self.values, **changed})

    def path(self, text: str) -> Path:
        """A path of a value, where it can be read.

        Files of the configuration repository are copies, and what a directory of
        `--config` has goes before what /etc/cvmfs has.
        """
        return Path(self.files.real(text) if os.path.isabs(text) else text)


def _remarks(values: Mapping[str, Value]) -> Iterator[str]:
    """Lines about what is set and surely meant otherwise."""
    for name, value in values.items():
        meant = misspelt(name) if not parameter(name).name else None
        if meant is not None:
            yield f"no parameter {name}: {value.origin} (is {meant} meant?)"
        found = _OTHER_TEMPLATE.search(value.text)
        if found is not None and name.endswith("_URL"):
            wanted = f"@{found[1] or found[2]}@"
            yield f"no template {found[0]} in {name}: {value.origin} (write {wanted})"


def load(fqrn: Fqrn | None, sources: Sources) -> Configuration:
    """The configuration of a repository, or the general one without a name.

    Errors: ConfigurationError naming file and line.
    """
    reader = read(fqrn, sources, None)
    wanted = reader.values.get(LOCKED)
    if wanted is not None and wanted.text != reader.locked:
        # A layer above the official files names the configuration repository
        # although its files come earlier: read again, with the name known.
        reader = read(fqrn, sources, wanted)
    return Configuration(
        fqrn,
        dict(reader.values),
        (*reader.notices, *_remarks(reader.values)),
        sources.environment,
        reader.repository_tree,
        tuple(dict.fromkeys(reader.consulted)),
        reader.files(Path()),
    )
