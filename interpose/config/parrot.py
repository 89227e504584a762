# SPDX-License-Identifier: GPL-2.0-or-later
"""Parrot's variables, as parameters.

`PARROT_CVMFS_REPO` is `NAME[/SUBPATH]:OPTION=VALUE,...` entries separated by blanks,
later ones win; a `*` before NAME stands for any text, which replaces each `*` of the
options. HTTP_PROXY counts only beside a PARROT_CVMFS_ variable.
Source: docs/parameters.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from interpose.formats.fqrn import Fqrn

DEFAULTS = "<default-repositories>"
_ENTRY = re.compile(r"(?:\\.|\S)+", re.DOTALL)
_ESCAPED_STAR = "\0"
_PARAMETERS = {
    "url": "CVMFS_SERVER_URL",
    "proxies": "CVMFS_HTTP_PROXY",
    "fallback_proxies": "CVMFS_FALLBACK_PROXY",
    "pubkey": "CVMFS_PUBLIC_KEY",
    "timeout": "CVMFS_TIMEOUT",
    "timeout_direct": "CVMFS_TIMEOUT_DIRECT",
    "blacklist": "CVMFS_BLACKLIST",
}


class Entry(NamedTuple):
    """One entry; `options` may hold stars that the name's star replaces."""

    name: str
    wildcard: bool
    options: str

    def star(self, fqrn: str) -> str | None:
        """What the star stands for in this name; None if the name does not fit."""
        if not self.wildcard:
            return "" if fqrn == self.name else None
        fits = fqrn.endswith(self.name) and len(fqrn) > len(self.name)
        return fqrn[: len(fqrn) - len(self.name)] if fits else None


def entries(text: str) -> list[Entry]:
    """The entries of PARROT_CVMFS_REPO, without Parrot's built-in ones."""
    found: list[Entry] = []
    for word in _ENTRY.findall(text):
        name, _, options = word.partition(":")
        if name == DEFAULTS:
            continue
        wildcard = name.startswith("*")
        name = _unescape(name[wildcard:]).partition("/")[0]
        found.append(Entry(name, wildcard, options))
    return found


def parrot_repositories(environ: Mapping[str, str]) -> list[str]:
    """Names without a wildcard."""
    listed = entries(environ.get("PARROT_CVMFS_REPO", ""))
    return [entry.name for entry in listed if not entry.wildcard]


def parrot_values(
    environ: Mapping[str, str], fqrn: Fqrn | None
) -> Iterator[tuple[str, str, str]]:
    """Parameters with their origin, weakest first."""
    if not any(name.startswith("PARROT_CVMFS_") for name in environ):
        return
    if environ.get("HTTP_PROXY"):
        yield "CVMFS_HTTP_PROXY", environ["HTTP_PROXY"], "environment HTTP_PROXY"
    if environ.get("PARROT_CVMFS_ALIEN_CACHE"):
        value = environ["PARROT_CVMFS_ALIEN_CACHE"]
        origin = "environment PARROT_CVMFS_ALIEN_CACHE"
        yield "CVMFS_ALIEN_CACHE", value, origin
    if fqrn is None:
        return
    for entry in reversed(entries(environ.get("PARROT_CVMFS_REPO", ""))):
        star = entry.star(fqrn)
        if star is not None:
            for name, value in _options(entry.options, star):
                yield name, value, "environment PARROT_CVMFS_REPO"
            return


def _options(text: str, star: str) -> Iterator[tuple[str, str]]:
    """Options of one entry as parameters; those without a meaning here vanish."""
    text = re.sub(r"\\\*", _ESCAPED_STAR, text).replace("*", star)
    text = _unescape(text).replace(_ESCAPED_STAR, "*")
    for option in re.split(r"(?<!\\),", text):
        key, equals, value = option.partition("=")
        if equals and key in _PARAMETERS:
            yield _PARAMETERS[key], _unescape(value)


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
