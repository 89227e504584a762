# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs of programs.example.org do what they did under the official client."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import ROOT, Repositories, need_user
from tests.support.run import Runner
from tests.support.truth import truth_lines
from tests.support.turns import turns
from tests.support.web import Server

Configured = Callable[..., list[Any]]
Serve = Callable[[Path], Server]
FQRN = "programs.example.org"
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/",
    "LC_ALL": "C",
    "FIXTURE_ENV": "set",
}
OWNERSHIP = {"CVMFS_CLAIM_OWNERSHIP": "yes", "CVMFS_CHECK_PERMISSIONS": "yes"}
# Lines of sysprobe where a plain read-only directory differs from the official client
# (docs/compatibility.md): long names, st_blocks, name_max, `..` in listings.
QUIRKS = (
    "open(ln, O_RDONLY)",
    "size 123 mode 100644 nlink 1 blksize",
    "statvfs rdonly",
    "lseek(dd, 0, SEEK_CUR)",
    "readdir entries",
    "after rewinddir",
    "d_types seen",
)
# Recorded with the client of root: there root owned what uid 1000 opened. Here the user
# runs the client, owns the files (CVMFS_CLAIM_OWNERSHIP) and may ask for O_NOATIME.
OWNERS_QUIRK = 'open("data/text", O_RDONLY | O_NOATIME)'


@pytest.mark.parametrize("config", ["root", "user"])
def test_each_recorded_run_gives_the_recorded_result(
    run: Runner,
    configured: Configured,
    serve: Serve,
    repositories: Repositories,
    config: str,
) -> None:
    place = run.place
    server = serve(repositories.docroot)
    rows = [r for r in truth_lines(f"{FQRN}.runs.jsonl") if r["config"] == config]
    uid = user_of(config)
    for row in rows:
        row["env"] = {**ENVIRONMENT, **row.get("env", {})}
    wanted = place / "runs.json"
    wanted.write_text(json.dumps(rows))
    options = configured(FQRN, at=server, **(OWNERSHIP if config == "user" else {}))
    if uid != os.geteuid():
        os.chown(place, uid, uid)
    command = ("/usr/bin/python3", "-I", ROOT / "tests/support/recorder.py", wanted)
    for more in turns(server):
        given = [*options, *more]
        result = run(*command, options=given, uid=uid, timeout_s=300).ok()
        got = [json.loads(line) for line in result.stdout.splitlines()]
        lines = []
        for row, found in zip(rows, got):
            lines += [f"{row['name']}: {line}" for line in unequal(row, found, uid)]
        assert not lines, f"{more} {len(lines)} differences:\n" + "\n".join(lines[:40])
        assert len(got) == len(rows)


def user_of(config: str) -> int:
    """Who runs: root; for the user's runs uid 1000, or whoever we are."""
    mine = os.geteuid()
    if config == "root":
        if mine != 0:
            pytest.skip("runs of root need root")
        return 0
    uid = mine or 1000
    need_user(uid)
    return uid


def unequal(row: dict[str, Any], found: dict[str, Any], uid: int) -> list[str]:
    """What differs from the record."""
    if "exec_errno" in row or "exec_errno" in found:
        pair = (found.get("exec_errno"), row.get("exec_errno"))
        return [] if pair[0] == pair[1] else [f"exec gives {pair[0]}, truth {pair[1]}"]
    if found["exit"] != row["exit"]:
        return [f"exit {found['exit']}, truth {row['exit']}: {found['stderr'][:300]}"]
    lines = []
    # The text of the C library's complaints depends on its version.
    if bool(found["stderr"]) != bool(row["stderr"]):
        lines.append(f"stderr {found['stderr']!r}, truth {row['stderr']!r}")
    gid = os.getegid() if uid == os.geteuid() else uid
    was = row["stdout"]
    if row["uid"] and row["name"].startswith("setid/"):
        user, group = was.split(" gid ")
        was = user.replace("1000", str(uid)) + " gid " + group.replace("1000", str(gid))
    mine, theirs = comparable(row, found["stdout"]), comparable(row, was)
    for left, right in zip(mine, theirs):
        if left != right:
            lines.append(f"{left!r}, truth {right!r}")
    if len(mine) != len(theirs):
        lines.append(f"{len(mine)} lines, truth {len(theirs)}")
    return lines


def comparable(row: dict[str, Any], text: str) -> list[str]:
    lines = text.splitlines()
    if row["name"] != "sysprobe":
        return lines
    quirks = (*QUIRKS, OWNERS_QUIRK) if row["uid"] else QUIRKS
    return [line for line in lines if not line.startswith(quirks)]
