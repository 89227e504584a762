# SPDX-License-Identifier: GPL-2.0-or-later
"""What the subcommands that look into repositories have in common."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from interpose.commands.scratch import Scratch
from interpose.config import (
    Configuration,
    RepositoryOption,
    Sources,
    from_environment,
    is_covered,
    known_repositories,
    load,
)
from interpose.config.repository_option import parse_parameter_option
from interpose.errors import (
    ConfigurationError,
    FormatError,
    InterposeError,
    NotThere,
    UsageError,
)
from interpose.formats.fqrn import REPOSITORIES, Fqrn
from interpose.messages import Messages, nearest
from interpose.repository.caches import Caches
from interpose.repository.configuring import with_configuration_repository
from interpose.repository.repository import Repository, Surroundings
from interpose.repository.store import Notice
from interpose.repository.tree import Tree
from interpose.resolver.logfiles import LogFiles

_HOW_TO_COVER = (
    "see CVMFS_SERVER_URL, or name a server with the option for repositories"
)


def add_arguments(
    parser: argparse.ArgumentParser, names: tuple[str, ...] = ("-r", "--repository")
) -> None:
    """Options that say which repositories there are and where objects are kept.

    `names`: of the option for a repository, where `-r` means something else.
    """
    parser.add_argument(
        "-o",
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a client parameter (CVMFS_HTTP_PROXY=...)",
    )
    parser.add_argument(
        *names,
        dest="repository",
        action="append",
        default=[],
        metavar="FQRN[@PIN][=URL][,pubkey=FILE]",
        help="a repository, whether or not a configuration names it",
    )
    parser.add_argument(
        "--config",
        action="append",
        default=[],
        type=Path,
        metavar="FILE|DIR",
        help="more configuration, read last",
    )
    parser.add_argument("--cache", metavar="DIR", help="private cache")
    parser.add_argument("--alien-cache", metavar="DIR", help="shared cache")
    parser.add_argument(
        "--trust-cache",
        action="store_true",
        help="use objects of the shared cache without proof",
    )
    parser.add_argument("--scratch", metavar="DIR", help="for temporary files")
    parser.add_argument(
        "--offline", action="store_true", help="make no connection at all"
    )


def sources_of(arguments: argparse.Namespace) -> Sources:
    """Environment and options together. Errors: UsageError."""
    base = from_environment()
    given = {
        "INTERPOSE_CACHE": arguments.cache,
        "INTERPOSE_ALIEN_CACHE": arguments.alien_cache,
        "INTERPOSE_SCRATCH": arguments.scratch,
        "INTERPOSE_TRUST_CACHE": "yes" if arguments.trust_cache else None,
        "INTERPOSE_OFFLINE": "yes" if arguments.offline else None,
    }
    environment = dict(base.environment)
    environment.update((n, value) for n, value in given.items() if value is not None)
    return base._replace(
        environment=environment,
        extra=base.extra + tuple(arguments.config),
        options=tuple(parse_parameter_option(text) for text in arguments.option),
        repositories=tuple(RepositoryOption.parse(t) for t in arguments.repository),
    )


class Session:
    """Repositories opened for one command; a context, because of its scratch."""

    def __init__(
        self,
        arguments: argparse.Namespace,
        *,
        refresh: bool = False,
        hear: Notice | None = None,
    ) -> None:
        """`hear` gets what is a line for the user otherwise."""
        sources = sources_of(arguments)
        base = _scratch_base(sources)
        try:
            self._scratch = Scratch(base)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise InterposeError(reason, str(base), "see --scratch") from error
        self._messages = Messages()
        self._logs = LogFiles(self._messages)
        self._notice = self._tell if hear is None else hear
        self._around = Surroundings(self._scratch.path, self._notice, refresh=refresh)
        self.sources = with_configuration_repository(sources, self._around)
        self._trees: dict[Fqrn, Tree] = {}

    def __enter__(self) -> Session:  # noqa: PYI034 (Self is younger than 3.9)
        return self

    def __exit__(self, *_: object) -> None:
        self._scratch.remove()

    def _tell(self, text: str, cause: str) -> None:
        self._messages.tell(text, cause=cause)

    def tree(self, fqrn: Fqrn) -> Tree:
        """The tree of a repository. Errors: whatever opening can raise."""
        if fqrn not in self._trees:
            self._trees[fqrn] = Tree(self.opened(fqrn, self.configuration(fqrn)))
        return self._trees[fqrn]

    def configuration(self, fqrn: Fqrn) -> Configuration:
        """What covers a repository. Errors: ConfigurationError."""
        if not is_covered(fqrn, self.sources):
            near = nearest(fqrn, known_repositories(self.sources))
            advice = _HOW_TO_COVER if near is None else f"is {near} meant?"
            raise ConfigurationError(
                "no configuration covers this repository", fqrn, advice
            )
        configuration = load(fqrn, self.sources)
        self._logs.open(configuration)
        for notice in configuration.notices:
            self._notice(notice, notice)
        return configuration

    def opened(self, fqrn: Fqrn, configuration: Configuration) -> Repository:
        """A repository, by any configuration. Errors: whatever opening can raise."""
        return Repository.open(fqrn, configuration, self._around)

    def caches(self, fqrn: Fqrn, configuration: Configuration) -> Caches:
        """Where its objects go. Errors: CacheError."""
        return Caches.of(fqrn, configuration, self._scratch.path)

    def locate(self, text: str) -> tuple[Tree, bytes]:
        """The tree and the path in it that `/cvmfs/FQRN/path` or `FQRN/path` means.

        Errors: UsageError; whatever opening can raise.
        """
        rest = text.removeprefix(f"{REPOSITORIES}/")
        name, _, path = rest.strip("/").partition("/")
        try:
            fqrn = Fqrn.parse(name)
        except FormatError as error:
            raise UsageError(
                "no path of a repository", text, "write /cvmfs/FQRN/path"
            ) from error
        if text.endswith("/") and path:
            path += "/"
        return self.tree(fqrn), os.fsencode(path)


def _scratch_base(sources: Sources) -> str:
    names = ("INTERPOSE_SCRATCH", "_CONDOR_SCRATCH_DIR", "SLURM_TMPDIR", "TMPDIR")
    found = (sources.environment.get(name) for name in names)
    return next((value for value in found if value), "/tmp")  # noqa: S108


def for_each(paths: list[str], work: Callable[[str], None]) -> int:
    """Do `work` for each path; 1 if one of them does not exist, else 0.

    What does not exist gets its line; the other paths are done nevertheless.
    """
    status = 0
    for path in paths:
        try:
            work(path)
        except NotThere as error:
            complain(error)
            status = 1
    return status


def complain(error: InterposeError) -> None:
    """One line on standard error; results before it are written first."""
    sys.stdout.flush()
    Messages().tell(str(error))


def say(text: str) -> None:
    """One line on standard output."""
    write(text.encode("utf-8", "surrogateescape") + b"\n")


def write(data: bytes) -> None:
    """Bytes on standard output: names and contents need not be text."""
    sys.stdout.buffer.write(data)
