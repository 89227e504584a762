# SPDX-License-Identifier: GPL-2.0-or-later
"""`interpose probe`: opens repositories and prints what it found."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from interpose.commands import options
from interpose.commands.options import Session, complain
from interpose.config import KeySettings, known_repositories
from interpose.errors import ConfigurationError, FormatError, InterposeError, UsageError
from interpose.formats.fqrn import REPOSITORIES, Fqrn
from interpose.repository.finding import Root
from interpose.repository.repository import Repository

EXAMPLE = """\
example:
  interpose probe sft.example.org
  interpose probe --config my.conf my.example.org

Verifies whitelist, certificate, manifest and root catalog as a job would; within the
time to live, what was verified before is enough and nobody is asked.
Status 1: one of the repositories cannot be opened; its line says why.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `probe`."""
    parser.epilog = EXAMPLE
    parser.add_argument(
        "names", nargs="*", metavar="FQRN", help="default: all that are configured"
    )
    parser.add_argument("--json", action="store_true", help="one JSON list")
    parser.add_argument(
        "--refresh",
        action="store_true",
        help="ask the servers now, within the time to live, too",
    )
    options.add_arguments(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Status 0; 1 if a repository cannot be opened."""
    status = 0
    found: list[dict[str, Any]] = []
    with Session(arguments, refresh=arguments.refresh) as session:
        names = [named(text) for text in arguments.names]
        names = names or known_repositories(session.sources)
        if not names:
            raise ConfigurationError(
                "no repository is configured", "", "name one, or set CVMFS_REPOSITORIES"
            )
        for fqrn in names:
            try:
                found.append(fields(session.tree(fqrn).repository))
            except InterposeError as error:
                status = 1
                found.append({"fqrn": fqrn, "ok": False, "error": str(error)})
                complain(error)
            if not arguments.json:
                _print(found[-1])
    if arguments.json:
        options.say(json.dumps(found))
    return status


def named(text: str) -> Fqrn:
    """The repository that a word of the command line means. Errors: UsageError."""
    try:
        return Fqrn.parse(text.removeprefix(f"{REPOSITORIES}/").rstrip("/"))
    except FormatError as error:
        raise UsageError("no name of a repository", text) from error


def fields(repository: Repository) -> dict[str, Any]:
    """What was found of an opened repository."""
    root, caches = repository.root, repository.caches
    alien = caches.alien
    manifest = root.manifest
    requests = repository.network.statistics().get("requests", 0)
    return {
        "fqrn": repository.fqrn,
        "ok": True,
        "revision": root.revision,
        "root_hash": root.hash.text,
        "tag": root.tag,
        "published": 0 if manifest is None else manifest.timestamp,
        "proven": root.is_proven,
        "unreachable": root.unreachable,
        "standing": _standing(root, requests),
        "remark": root.remark,
        "servers": list(repository.network.settings.servers),
        "proxies": [list(group) for group in repository.network.settings.proxies],
        "keys": [str(path) for path in KeySettings.of(repository.configuration).files],
        "cache": str(caches.private.top),
        "alien_cache": None if alien is None else str(alien.top),
        "requests": requests,
    }


def _standing(root: Root, requests: int) -> str:
    """What is behind the answer, if that is not what the servers say now."""
    if root.remark:
        return "from the cache, see the remark"
    if root.unreachable:
        return "from the cache: no server answers now"
    age_s = round(time.time() - root.checked_at)
    left_s = max(0, round(root.valid_until - time.time()))
    if requests or not root.checked_at:
        return ""
    return f"as verified {age_s} s ago; asked again in {left_s} s, or with --refresh"


def _print(found: dict[str, Any]) -> None:
    if not found["ok"]:
        options.say(f"{found['fqrn']}: FAILED")
        return
    standing = f", {found['standing']}" if found["standing"] else ""
    options.say(f"{found['fqrn']}: OK{standing}")
    for name, value in found.items():
        shown = _shown(name, value)
        if shown and name not in ("fqrn", "ok", "unreachable", "standing"):
            options.say(f"  {name.replace('_', ' ') + ':':<13} {shown}")


def date(seconds: float) -> str:
    """Seconds since 1970 for a reader."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def _shown(name: str, value: Any) -> str:
    if name == "published":
        return date(value)
    if name == "proxies":
        return "; ".join("|".join(group) for group in value)
    if isinstance(value, bool):
        return "yes" if value else "no, the cache was trusted"
    if isinstance(value, list):
        return " ".join(value)
    return "" if value is None else str(value)
