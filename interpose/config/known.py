# SPDX-License-Identifier: GPL-2.0-or-later
"""Which repositories a configuration knows.

Source: docs/parameters.md (strict mount).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from interpose.config.configuration import Configuration, load
from interpose.config.environment import pilot_repositories
from interpose.config.parrot import parrot_repositories
from interpose.config.sources import Sources
from interpose.errors import FormatError
from interpose.formats.fqrn import Fqrn
from interpose.formats.proxylist import split_list


def known_repositories(sources: Sources) -> list[Fqrn]:
    """Names that `ls /cvmfs` shows before anything is opened, sorted.

    Errors: ConfigurationError.
    """
    return sorted(set(_named(load(None, sources), sources)))


def _named(general: Configuration, sources: Sources) -> Iterator[Fqrn]:
    for option in sources.all_repositories:
        yield option.fqrn
    names = [
        *split_list(general.text("CVMFS_REPOSITORIES"), ","),
        *pilot_repositories(sources.environment),
        *parrot_repositories(sources.environment),
    ]
    directories = [sources.etc, sources.user_dir, *sources.all_extra]
    for directory in directories:
        names += _with_file(directory) if directory is not None else []
    for name in names:
        fqrn = complete(name, general)
        if fqrn is not None:
            yield fqrn


def _with_file(directory: Path) -> list[str]:
    """Names that have a file of their own in config.d."""
    try:
        files = list((directory / "config.d").iterdir())
    except OSError:
        return []
    return [file.stem for file in files if file.suffix in (".conf", ".local")]


def complete(name: str, general: Configuration) -> Fqrn | None:
    """The full name for a name that may lack its domain; None if it is none."""
    if "." not in name:
        name = f"{name}.{general.text('CVMFS_DEFAULT_DOMAIN')}"
    try:
        return Fqrn.parse(name)
    except FormatError:
        return None


def is_listed(fqrn: Fqrn, configuration: Configuration, sources: Sources) -> bool:
    """Whether somebody wrote this very name down: in a list, or as a file's name.

    Errors: ConfigurationError.
    """
    tree = configuration.repository_tree
    if tree is not None and fqrn in _with_file(tree.root):
        return True
    return fqrn in set(_named(load(None, sources), sources))


def is_covered(fqrn: Fqrn, sources: Sources) -> bool:
    """Whether there is any configuration for the name. Errors: ConfigurationError."""
    if any(option.fqrn == fqrn for option in sources.all_repositories):
        return True
    general = load(None, sources)
    listed = set(_named(general, sources))
    if general.flag("CVMFS_STRICT_MOUNT"):
        strict = split_list(general.text("CVMFS_REPOSITORIES"), ",")
        allowed = {complete(name, general) for name in strict}
        return fqrn in allowed or fqrn == general.text("CVMFS_CONFIG_REPOSITORY")
    return fqrn in listed or bool(load(fqrn, sources).text("CVMFS_SERVER_URL"))
