# SPDX-License-Identifier: GPL-2.0-or-later
"""What the environment says: ours, the official client's, pilots' and Parrot's.

The only place in Python that reads the process environment.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from interpose.config.parameters import read_switch
from interpose.config.parrot import parrot_values
from interpose.config.sources import Sources
from interpose.config.words import NAME
from interpose.formats.fqrn import Fqrn

_SET_BY_CLIENT = frozenset({"CVMFS_FQRN"})
_NO_PROXY = frozenset({"", "none", "unavailable"})
SQUID_PORT = 3128


class Variables(NamedTuple):
    """The INTERPOSE_* variables; options of a command line win over them."""

    cache: Path | None = None
    alien_cache: Path | None = None
    trust_cache: bool = False
    scratch: Path | None = None
    offline: bool = False
    trusted_owners: str | None = None


def from_environment(environ: Mapping[str, str] | None = None) -> Sources:
    """Sources as the environment (default: of this process) gives them.

    Add options of the command line with _replace.
    """
    found = dict(os.environ if environ is None else environ)
    paths = found.get("INTERPOSE_CONFIG", "").split(":")
    extra = tuple(Path(path) for path in paths if path)
    return Sources(user_dir=_user_dir(found), extra=extra, environment=found)


def variables(environ: Mapping[str, str]) -> Variables:
    """The INTERPOSE_* variables of an environment."""
    return Variables(
        cache=_path(environ, "INTERPOSE_CACHE"),
        alien_cache=_path(environ, "INTERPOSE_ALIEN_CACHE"),
        trust_cache=bool(read_switch(environ.get("INTERPOSE_TRUST_CACHE", ""))),
        scratch=_path(environ, "INTERPOSE_SCRATCH"),
        trusted_owners=environ.get("INTERPOSE_TRUSTED_OWNERS"),
        offline=bool(read_switch(environ.get("INTERPOSE_OFFLINE", ""))),
    )


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    return Path(environ[name]) if environ.get(name) else None


def _user_dir(environ: Mapping[str, str]) -> Path | None:
    base = environ.get("XDG_CONFIG_HOME", "")
    if os.path.isabs(base):
        return Path(base) / "interpose"
    home = environ.get("HOME", "")
    return Path(home) / ".config" / "interpose" if os.path.isabs(home) else None


def cache_home(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """`$XDG_CACHE_HOME/interpose`, else `~/.cache/interpose`, else nothing."""
    base = environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(base):
        return (Path(base) / "interpose",)
    home = environ.get("HOME", "")
    return (Path(home) / ".cache" / "interpose",) if os.path.isabs(home) else ()


def user_values(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Variables that are parameters by their own names."""
    for name in sorted(environ):
        wanted = name.startswith("CVMFS_") and name not in _SET_BY_CLIENT
        if wanted and NAME.fullmatch(name):
            yield name, environ[name]


def pilot_values(
    environ: Mapping[str, str], fqrn: Fqrn | None
) -> Iterator[tuple[str, str, str]]:
    """Parameters that pilots and Parrot set in their own words, with the origin."""
    for name in ("GLIDEIN_Proxy_URL", "OSG_SQUID_LOCATION"):
        value = environ.get(name, "").strip()
        if value.lower() not in _NO_PROXY:
            yield "CVMFS_HTTP_PROXY", _with_port(value), f"environment {name}"
    yield from parrot_values(environ, fqrn)


def pilot_repositories(environ: Mapping[str, str]) -> list[str]:
    """Names that a pilot offers: GLIDEIN_CVMFS_REPOS, separated by colons."""
    return [n for n in environ.get("GLIDEIN_CVMFS_REPOS", "").split(":") if n]


def _with_port(proxy: str) -> str:
    """A pilot's proxy; squid's port where it names none."""
    if any(sign in proxy for sign in ";|") or proxy.upper() == "DIRECT":
        return proxy
    scheme, separator, rest = proxy.rpartition("://")
    host = rest.rstrip("/")
    if ":" in host.rpartition("]")[2]:
        return proxy
    return f"{scheme}{separator}{host}:{SQUID_PORT}"
