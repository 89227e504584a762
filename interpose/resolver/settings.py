# SPDX-License-Identifier: GPL-2.0-or-later
"""What interpose_run tells its second half in the first message.

NUL-ended texts `name=value`: `scratch`, `cache`, `alien_cache`, `trust_cache`,
`offline`, `config`, `option`, `repository` (these three may repeat), `verbose` (a
number), `quiet`, `log`, `kept` (a directory for mount files), `without_memfd`,
`refresh`, `no_prefetch`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from interpose.config import (
    Addition,
    RepositoryOption,
    Sources,
    from_environment,
)
from interpose.config.parameters import Kind, parameter
from interpose.config.repository_option import parse_parameter_option

# Options that are variables, too: said once, where the rooms below look for them.
_VARIABLES = {
    "cache": "INTERPOSE_CACHE",
    "alien_cache": "INTERPOSE_ALIEN_CACHE",
    "trust_cache": "INTERPOSE_TRUST_CACHE",
    "offline": "INTERPOSE_OFFLINE",
}
Pairs = list[tuple[str, str]]
_ON = frozenset({"", "1", "yes", "on", "true"})


class Settings(NamedTuple):
    """One run as the resolver sees it. `scratch` is the run's own directory."""

    sources: Sources
    scratch: Path | None = None
    verbosity: int = 0
    quiet: bool = False
    log: Path | None = None
    kept: Path | None = None
    without_memfd: bool = False
    refresh: bool = False
    prefetch: bool = True


def parse(body: bytes, environ: Mapping[str, str] | None = None) -> Settings:
    """Settings of the first message; unknown names are of no interest here.

    Errors: UsageError for options that make no sense.
    """
    pairs = split(body)
    last = dict(pairs)
    sources = _sources(pairs, last, from_environment(environ))
    verbosity = last.get("verbose", "0")
    return Settings(
        sources=sources,
        scratch=_path(last, "scratch"),
        verbosity=int(verbosity) if verbosity.isdigit() else 1,
        quiet="quiet" in last and last["quiet"] in _ON,
        log=_path(last, "log"),
        kept=_path(last, "kept"),
        without_memfd="without_memfd" in last,
        refresh="refresh" in last,
        prefetch="no_prefetch" not in last,
    )


def parse_addition(pairs: Pairs) -> Addition:
    """What an inner run asks for. Errors: UsageError for options that make no sense."""
    texts = _texts(pairs)
    directory = Path(dict(pairs).get("directory", "."))
    is_elsewhere = directory.is_absolute() and directory != Path.cwd()
    start = directory if is_elsewhere else Path()
    return Addition(
        extra=tuple(directory / path for path in texts["config"]),
        options=tuple(
            _from(start, *parse_parameter_option(text)) for text in texts["option"]
        ),
        repositories=tuple(
            _with_key_from(start, RepositoryOption.parse(text))
            for text in texts["repository"]
        ),
    )


def _from(start: Path, name: str, value: str) -> tuple[str, str]:
    """A parameter whose relative paths are meant from `start`."""
    kind = parameter(name).kind
    if kind is Kind.PATH and value:
        value = str(start / value)
    elif kind is Kind.PATHS:
        value = ":".join(str(start / path) for path in value.split(":") if path)
    return name, value


def _with_key_from(start: Path, option: RepositoryOption) -> RepositoryOption:
    if option.pubkey is None:
        return option
    return option._replace(pubkey=str(start / option.pubkey))


def split(body: bytes) -> Pairs:
    """NUL-ended texts `name=value`."""
    pairs = []
    for item in body.split(b"\0"):
        name, _, value = item.decode("utf-8", "surrogateescape").partition("=")
        pairs.append((name, value))
    return pairs


def _texts(pairs: Pairs) -> dict[str, list[str]]:
    """The options that may repeat."""
    values: dict[str, list[str]] = {"config": [], "option": [], "repository": []}
    for name, value in pairs:
        if name in values and value:
            values[name].append(value)
    return values


def _sources(pairs: Pairs, last: Mapping[str, str], base: Sources) -> Sources:
    environment = dict(base.environment)
    for name, variable in _VARIABLES.items():
        if name in last:
            environment[variable] = last[name] or "yes"
    values = _texts(pairs)
    return base._replace(
        environment=environment,
        # interpose_run has read the variable too.
        extra=tuple(Path(path) for path in values["config"]),
        options=tuple(parse_parameter_option(text) for text in values["option"]),
        repositories=tuple(
            RepositoryOption.parse(text) for text in values["repository"]
        ),
    )


def _path(last: Mapping[str, str], name: str) -> Path | None:
    return Path(last[name]) if last.get(name) else None
