# SPDX-License-Identifier: GPL-2.0-or-later
"""Where configuration comes from.

Source: docs/parameters.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Optional

from interpose.config.repository_option import RepositoryOption

ETC = Path("/etc/cvmfs")

ConfigRepository = Callable[[str], Optional[Path]]
ConfigFile = Callable[[str, str], Optional[Path]]


class Addition(NamedTuple):
    """What an inner run says of configuration; it is read above all else."""

    extra: tuple[Path, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    repositories: tuple[RepositoryOption, ...] = ()


class Sources(NamedTuple):
    """All sources, weakest first.

    `config_repository` gets the name of the configuration repository and gives the
    directory in which its `etc/cvmfs` can be read, None if it cannot be had.
    `config_file` does the same for any other file of that repository, by its path.
    """

    etc: Path = ETC
    user_dir: Path | None = None
    extra: tuple[Path, ...] = ()
    environment: Mapping[str, str] = MappingProxyType({})
    options: tuple[tuple[str, str], ...] = ()
    repositories: tuple[RepositoryOption, ...] = ()
    config_repository: ConfigRepository | None = None
    config_file: ConfigFile | None = None
    added: tuple[Addition, ...] = ()

    @property
    def all_repositories(self) -> tuple[RepositoryOption, ...]:
        """Each `-r`, also of inner runs."""
        inner = (option for one in self.added for option in one.repositories)
        return (*self.repositories, *inner)

    @property
    def all_extra(self) -> tuple[Path, ...]:
        """Each `--config`, also of inner runs."""
        return (*self.extra, *(path for one in self.added for path in one.extra))
