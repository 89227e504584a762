# SPDX-License-Identifier: GPL-2.0-or-later
"""What interpose_run tells its second half in the first message.

NUL-ended texts `name=value`: `scratch`, `cache`, `alien_cache`, `trust_cache`,
`offline`, `config`, `option`, `repository` (these three may repeat), `verbose` (a
number), `quiet`, `log`, `kept` (a directory for mount files), `without_memfd`,
`refresh`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from interpose.config import RepositoryOption, Sources, from_environment
from interpose.config.repository_option import parse_parameter_option

# Options that are variables, too: said once, where the rooms below look for them.
_VARIABLES = {
    "cache": "INTERPOSE_CACHE",
    "alien_cache": "INTERPOSE_ALIEN_CACHE",
    "trust_cache": "INTERPOSE_TRUST_CACHE",
    "offline": "INTERPOSE_OFFLINE",
}
_ON = frozenset({"", "1", "yes", "on", "true"})


@dataclass(frozen=True)
class Settings:
    """One run as the resolver sees it. `scratch` is the run's own directory."""

    sources: Sources
    scratch: Path | None = None
    verbosity: int = 0
    quiet: bool = False
    log: Path | None = None
    kept: Path | None = None
    without_memfd: bool = False
    refresh: bool = False


def parse(body: bytes, environ: Mapping[str, str] | None = None) -> Settings:
    """Settings of the first message; unknown names are of no interest here.

    Errors: UsageError for options that make no sense.
    """
    pairs = []
    for item in body.split(b"\0"):
        name, _, value = item.decode("utf-8", "surrogateescape").partition("=")
        pairs.append((name, value))
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
    )


def _sources(
    pairs: list[tuple[str, str]], last: Mapping[str, str], base: Sources
) -> Sources:
    environment = dict(base.environment)
    for name, variable in _VARIABLES.items():
        if name in last:
            environment[variable] = last[name] or "yes"
    values: dict[str, list[str]] = {"config": [], "option": [], "repository": []}
    for name, value in pairs:
        if name in values and value:
            values[name].append(value)
    return replace(
        base,
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
