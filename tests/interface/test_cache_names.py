# SPDX-License-Identifier: GPL-2.0-or-later
"""Jobs leave in a cache what the table of names has, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from interpose.cache import inventory
from interpose.cache.inventory import Row
from tests.support.run import Runner

Configured = Callable[..., list[Any]]
FQRN, TAGGED = "tricky.example.org", "tagged.example.org"
HASH = r"[0-9a-f]{40}(-[a-z0-9]+)?"
WORDS = {
    "object": r"[0-9a-f]{2}/[0-9a-f]{38}(-[a-z0-9]+)?",
    "object_name": rf"{HASH}(-raw)?",
    "hash": HASH,
    "fqrn": r"[a-z0-9-]+(\.[a-z0-9-]+)+",
    "digest": r"[0-9a-f]{64}",
    "settings": r"[0-9a-f]{32}",
    "network": r"[0-9a-f]{16}",
    "number": r"\d+",
    "version": r"\d+",
    "name": r"[^/]+",
}
DIRECTORIES = (
    inventory.RUNTIME,
    inventory.CONFIGURATION,
    inventory.CONFIGURATION_REST,
)


def pattern(row: Row) -> str:
    parts = re.split(r"\{(\w+)\}", row.path)
    text = "".join(
        WORDS[part] if number % 2 else re.escape(part)
        for number, part in enumerate(parts)
    )
    return text + (r"(/.*)?" if row in DIRECTORIES else "")


def unknown(cache: Path, rows: Iterable[Row]) -> list[str]:
    """Files of a cache that no row names."""
    known = re.compile("|".join(f"(?:{pattern(row)})" for row in rows))
    files = [path for path in cache.rglob("*") if not path.is_dir()]
    names = [str(path.relative_to(cache)) for path in files]
    assert names
    return [name for name in names if not known.fullmatch(name)]


def test_jobs_leave_what_the_table_has(
    run: Runner, configured: Configured, place: Path
) -> None:
    alien = place / "alien"
    alien.mkdir()
    script = f"cd /cvmfs/{FQRN} && cat sizes/* chunked/* smallchunks/* | wc -c"
    options = configured(FQRN)
    for more in ([], ["--alien-cache", alien]):
        run("sh", "-c", script, options=[*options, *more], timeout_s=120).ok()
    tagged = configured(TAGGED, CVMFS_REPOSITORY_TAG="first")
    run("ls", f"/cvmfs/{TAGGED}", options=tagged).ok()
    run("ls", "/cvmfs/nothing.example.org", options=configured(FQRN))
    everything = (*inventory.EVERYWHERE, *inventory.PRIVATE)
    assert unknown(run.cache, everything) == []
    assert unknown(alien, inventory.EVERYWHERE) == []
    names = "\n".join(str(one.relative_to(run.cache)) for one in run.cache.rglob("*"))
    met = {row for row in everything if re.search(rf"(?m)^{pattern(row)}$", names)}
    wanted = {inventory.OBJECT, inventory.INDEX, inventory.KEPT, inventory.TRUST}
    assert wanted | {inventory.PIN, inventory.ASSEMBLED, inventory.FACTS} <= met
