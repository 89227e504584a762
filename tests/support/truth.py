# SPDX-License-Identifier: GPL-2.0-or-later
"""What the official client showed of the shared repositories, and comparing with it."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.support.places import need_shared

Entry = dict[str, Any]
SETTINGS = {
    "CVMFS_HTTP_PROXY": "DIRECT",
    "CVMFS_CLAIM_OWNERSHIP": "no",
    "CVMFS_CHECK_PERMISSIONS": "no",
    "CVMFS_AUTO_UPDATE": "no",
    "CVMFS_SHARED_CACHE": "no",
    "CVMFS_QUOTA_LIMIT": "4000",
    "CVMFS_USE_GEOAPI": "no",
}


def truth_options(
    fqrn: str, url: str, key: Path, more: Mapping[str, str]
) -> list[str | Path]:
    """Options of interpose_run: the configuration under which truth was taken."""
    values = dict(SETTINGS)
    values["CVMFS_REPOSITORIES"] = fqrn
    values["CVMFS_SERVER_URL"] = f"{url}/cvmfs/@fqrn@"
    values["CVMFS_PUBLIC_KEY"] = str(key)
    if fqrn == "tricky.example.org":
        values["CVMFS_EXTERNAL_URL"] = f"{url}/external/{fqrn}"
        values["CVMFS_EXTERNAL_HTTP_PROXY"] = "DIRECT"
    values.update(more)
    return [word for name in values for word in ("-o", f"{name}={values[name]}")]


def truth_lines(name: str) -> list[Entry]:
    """All objects of a truth file; a name without `.xz` finds the packed file too."""
    path = need_shared() / "repositories/truth" / name
    if not path.exists():
        path = path.with_name(path.name + ".xz")
    opener = lzma.open if path.suffix == ".xz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def truth_tree(name: str) -> dict[str, Entry]:
    """The entries of a tree, by path; a first line that is no entry is left out."""
    rows = [row for row in truth_lines(name) if "path" in row]
    for row in rows:
        # The client under FUSE lists each magic attribute of the root twice.
        row["xattr_names"] = sorted(set(row.get("xattr_names", [])))
    return {row["path"]: row for row in rows}


def truth_summary(fqrn: str) -> dict[str, Any]:
    """Counts and a hash over all entries of a repository."""
    path = need_shared() / f"repositories/truth/{fqrn}.summary.json"
    summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return summary


def differences(
    expected: Mapping[str, Entry], found: Iterable[Entry], keys: Iterable[str]
) -> list[str]:
    """A line for each entry that is missing, too much, twice, or unequal in a key."""
    wanted = list(keys)
    seen: set[str] = set()
    lines = []
    for row in found:
        path = row["path"]
        if path in seen:
            lines.append(f"twice: {path!r}")
        seen.add(path)
        truth = expected.get(path)
        if truth is None:
            lines.append(f"not in the truth: {path!r}")
            continue
        for key in wanted:
            if row.get(key) != truth.get(key):
                mine, theirs = unequal_parts(row.get(key), truth.get(key))
                lines.append(f"{path!r}: {key} is {mine!r}, truth {theirs!r}")
    lines.extend(f"missing: {path!r}" for path in expected if path not in seen)
    return lines


def unequal_parts(mine: Any, theirs: Any) -> tuple[Any, Any]:
    """The two values; of two mappings what differs."""
    if not isinstance(mine, dict) or not isinstance(theirs, dict):
        return mine, theirs
    keys = [k for k in {**mine, **theirs} if mine.get(k) != theirs.get(k)]
    return {k: mine.get(k) for k in keys}, {k: theirs.get(k) for k in keys}


def assert_equal_tree(
    expected: Mapping[str, Entry], found: Iterable[Entry], keys: Iterable[str]
) -> None:
    """Fail with the first differences and their number."""
    lines = differences(expected, found, keys)
    shown = "\n".join(line[:500] for line in lines[:30])
    assert not lines, f"{len(lines)} differences:\n{shown}"
