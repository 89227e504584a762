# SPDX-License-Identifier: GPL-2.0-or-later
"""`interpose cache`: what lies in caches, and making them smaller."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from interpose.cache import Room, census, eviction, layout
from interpose.cache.census import Item
from interpose.cache.quota import is_of_official_client
from interpose.commands import options
from interpose.commands.progress import progress_bar
from interpose.config import from_environment
from interpose.config.environment import cache_home, variables
from interpose.errors import CacheError, UsageError

EXAMPLE = """\
example:
  interpose cache stats
  interpose cache list ~/.cache/interpose/sft.example.org | sort -n -k 2 | tail
  interpose cache gc --limit 800G --dry-run /gpfs/cvmfs/alien

Without DIR: the cache that INTERPOSE_CACHE names, else those below
$XDG_CACHE_HOME/interpose. A private cache is kept below its quota by itself
(CVMFS_QUOTA_LIMIT); nothing but `gc` makes a shared one smaller. What was not used for
longest goes first, as far as the file system tells when that was; what was used in the
minute before the last use of all stays. Jobs keep what they have open, and get again
what they miss. Links are not followed.
"""

_SIZE = re.compile(r"([0-9]+)([KMGT]?)(i?B?)", re.IGNORECASE)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cache`."""
    parser.epilog = EXAMPLE
    actions = ("stats", "list", "gc")
    parser.add_argument(
        "action",
        nargs="?",
        choices=actions,
        metavar="stats|list|gc",
        help="count, list, remove",
    )
    parser.add_argument("directories", nargs="*", type=Path, metavar="DIR")
    parser.add_argument(
        "--limit", type=size, metavar="SIZE", help="of gc: what may stay: 500M, 10G, 2T"
    )
    parser.add_argument(
        "--files", type=count, metavar="N", help="of gc: as many files may stay"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="of gc: say what would go"
    )
    parser.add_argument("--json", action="store_true", help="one JSON list")


def size(text: str) -> int:
    """Bytes of "800", "10G", "2TiB". Errors: UsageError."""
    found = _SIZE.fullmatch(text)
    if found is None or not int(found.group(1)):
        raise UsageError("no size", text, "as 500M, 10G or 2T")
    return int(found.group(1)) << 10 * _POWERS[found.group(2).upper()]


def count(text: str) -> int:
    """A number of files. Errors: UsageError."""
    if not text.isdecimal() or not text.isascii() or not int(text):
        raise UsageError("no number of files", text)
    return int(text)


def execute(arguments: argparse.Namespace) -> int:
    """Status 0."""
    if arguments.action is None:
        raise UsageError("what is to be done?", "", "say stats, list or gc")
    if arguments.action != "gc" and (
        arguments.limit is not None or arguments.files is not None or arguments.dry_run
    ):
        raise UsageError("only gc makes a cache smaller", arguments.action)
    tops = [top.absolute() for top in arguments.directories] or default_caches()
    if not tops:
        raise UsageError("there is no cache yet", "", "name its directory")
    act = {"stats": _stats, "list": _list, "gc": _gc}[arguments.action]
    told = [row for top in tops for row in act(top, contents_of(top), arguments)]
    if arguments.json:
        options.say(json.dumps(told))
    return 0


def default_caches() -> list[Path]:
    """The caches of this user that are there."""
    environment = from_environment().environment
    named = variables(environment).cache
    if named is not None:
        return [named.absolute()]
    homes = [home for home in cache_home(environment) if home.is_dir()]
    below = [path for home in homes for path in sorted(home.iterdir())]
    return [path for path in [*homes, *below] if _is_cache(path)]


def _is_cache(path: Path) -> bool:
    return (path / layout.TXN).is_dir()


def contents_of(top: Path) -> list[Item]:
    """What lies in a cache. Errors: CacheError if it is none."""
    if not _is_cache(top):
        raise CacheError("not a cache", str(top), "a cache has a directory txn")
    try:
        return census.items(top)
    except OSError as error:
        raise layout.cache_error(error, top) from error


def _stats(
    top: Path, items: list[Item], arguments: argparse.Namespace
) -> Iterable[dict[str, Any]]:
    kinds = {}
    for kind in census.KINDS:
        room = Room.of(item for item in items if item.kind == kind)
        kinds[kind] = {"files": room.files, "bytes": room.size_bytes}
    whole = Room.of(items)
    oldest = min((item.used_s for item in items), default=None)
    if not arguments.json:
        options.say(f"{top}: {whole.files} files, {shown(whole.size_bytes)}")
        for kind, row in kinds.items():
            options.say(f"  {kind:<10} {row['files']:>9} {shown(row['bytes']):>10}")
        if oldest is not None:
            options.say(f"  least recently used: {_date(oldest)}")
    return [
        {
            "cache": str(top),
            "files": whole.files,
            "bytes": whole.size_bytes,
            "kinds": kinds,
            "oldest_use": oldest,
        }
    ]


def _list(
    top: Path, items: list[Item], arguments: argparse.Namespace
) -> Iterable[dict[str, Any]]:
    rows = []
    for item in sorted(items, key=lambda item: item.used_s):
        rows.append(_row(top, item))
        if not arguments.json:
            fields = (_date(item.used_s), f"{item.size_bytes:>12}", f"{item.kind:<9}")
            options.say(f"{' '.join(fields)} {top / item.path}")
    return rows


def _row(top: Path, item: Item) -> dict[str, Any]:
    return {
        "path": str(top / item.path),
        "kind": item.kind,
        "bytes": item.size_bytes,
        "used": item.used_s,
        "uid": item.uid,
    }


def _gc(
    top: Path, items: list[Item], arguments: argparse.Namespace
) -> Iterable[dict[str, Any]]:
    if arguments.limit is None and arguments.files is None:
        raise UsageError("how much may stay?", "", "see --limit and --files")
    if is_of_official_client(top):
        raise CacheError(
            "the official client counts what lies in this cache",
            str(top),
            "cvmfs_talk cleanup",
        )
    limit = Room(arguments.limit or 0, arguments.files or 0)
    wanted = eviction.chosen(items, limit)
    gone = wanted
    if not arguments.dry_run:
        with progress_bar("removing", "files", len(wanted)) as bar:
            gone = eviction.remove(
                top, wanted, lambda _: bar.update() if bar is not None else None
            )
    went, stay = Room.of(gone), Room.of(items).minus(gone)
    if not arguments.json:
        verb = "would go" if arguments.dry_run else "removed"
        options.say(
            f"{top}: {went.files} files, {shown(went.size_bytes)} {verb};"
            f" {stay.files} files, {shown(stay.size_bytes)} stay"
        )
    if len(gone) < len(wanted):
        sys.stderr.write(
            f"interpose: {len(wanted) - len(gone)} files could not be removed: {top}"
            " (whose are they?)\n"
        )
    return [
        {
            "cache": str(top),
            "dry_run": arguments.dry_run,
            "removed": [_row(top, item) for item in gone],
            "files": stay.files,
            "bytes": stay.size_bytes,
        }
    ]


def shown(size_bytes: int) -> str:
    """Bytes for a reader: three digits and a unit of 1024."""
    amount = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1000:
            return f"{amount:.3g} {unit}"
        amount /= 1024
    return f"{amount:.3g} TiB"


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
