# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that lines of a run go to, beside standard error.

Source: docs/parameters.md (process, logs, control).
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from interpose.config.configuration import Configuration
from interpose.config.systemfiles import is_system_file


class LogFile(NamedTuple):
    """One file, and the parameter that names it, as text for the user.

    `is_sites`: only root can have set it, who may have meant the official client's
    daemon; that a job's user cannot write it is no news then.
    """

    path: Path
    parameter: str
    is_sites: bool


class LogSettings(NamedTuple):
    """`lines`: what the user is told; `debug`: all that -vv shows.

    `prefix` stands before each line, in parentheses.
    """

    lines: LogFile | None
    debug: LogFile | None
    prefix: str

    @classmethod
    def of(cls, configuration: Configuration) -> LogSettings:
        """The files of a repository."""
        return cls(
            _file(configuration, "CVMFS_USYSLOG"),
            _file(configuration, "CVMFS_DEBUGLOG"),
            configuration.text("CVMFS_SYSLOG_PREFIX") or configuration.fqrn or "",
        )


def _file(configuration: Configuration, name: str) -> LogFile | None:
    text = configuration.text(name)
    if not text or _is_of_repository(configuration, name):
        return None
    origin = configuration.origin(name)
    return LogFile(
        Path(text), f"{name} from {origin}", is_system_file(Path(origin.file))
    )


def _is_of_repository(configuration: Configuration, name: str) -> bool:
    """Whether a configuration repository said so, which may choose no file of ours."""
    tree = configuration.repository_tree
    if tree is None:
        return False
    file = configuration.origin(name).file
    return any(
        directory and file.startswith(directory)
        for directory in (tree.alias, f"{tree.root}")
    )
