# SPDX-License-Identifier: GPL-2.0-or-later
"""Where configuration comes from.

Source: docs/parameters.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from interpose.config.repository_option import RepositoryOption

ETC = Path("/etc/cvmfs")

ConfigRepository = Callable[[str], Optional[Path]]
ConfigFile = Callable[[str, str], Optional[Path]]


@dataclass(frozen=True)
class Sources:
    """All places, weakest first.

    `config_repository` gets the name of the configuration repository and gives the
    directory in which its `etc/cvmfs` can be read, None if it cannot be had.
    `config_file` does the same for any other file of that repository, by its path.
    """

    etc: Path = ETC
    user_dir: Path | None = None
    extra: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    options: tuple[tuple[str, str], ...] = ()
    repositories: tuple[RepositoryOption, ...] = ()
    config_repository: ConfigRepository | None = None
    config_file: ConfigFile | None = None
