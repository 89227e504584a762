# SPDX-License-Identifier: GPL-2.0-or-later
"""Magic attributes: which are listed, and what they say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.run import Runner
from tests.support.truth import assert_equal_tree, truth_lines

Configured = Callable[..., list[Any]]
NAMES = "sha1 rmd160 shake128 tagged bind programs tricky oldschema".split()
ASK = """
import errno, json, os, sys
def value(path, name):
    try:
        return os.getxattr(path, name, follow_symlinks=False).decode(), None
    except OSError as error:
        return None, errno.errorcode[error.errno]
for row in json.load(open(sys.argv[2])):
    path = sys.argv[1] + ('/' + row['path'] if row['path'] else '')
    if os.path.isfile(path) and not os.path.islink(path):
        open(path, 'rb').read()  # The truth was taken of files that had been read.
    names = os.listxattr(path, follow_symlinks=False)
    found = {'path': row['path'], 'listxattr': sorted(set(names))}
    for key in ('values', 'errors'):
        if key in row:
            got = {n: value(path, n)[key == 'errors'] for n in row[key]}
            found[key] = got
    print(json.dumps(found))
"""


@pytest.mark.parametrize("visibility", ["rootonly", "always", "never"])
@pytest.mark.parametrize("short", NAMES)
def test_magic_attributes_equal_the_truth(
    run: Runner, configured: Configured, place: Path, short: str, visibility: str
) -> None:
    fqrn = f"{short}.example.org"
    rows = [
        {**row, "listxattr": sorted(set(row["listxattr"]))}
        for row in truth_lines("magic-xattrs.jsonl")
        if row["fqrn"] == fqrn and row["visibility"] == visibility
    ]
    if not rows:
        pytest.skip("the truth has no attributes of this repository")
    wanted = place / "wanted.json"
    wanted.write_text(json.dumps(rows))
    # The truth's client had read no default.conf, which sets the time-out to 10 s.
    more = {
        "CVMFS_MAGIC_XATTRS_VISIBILITY": visibility,
        "CVMFS_AUTO_UPDATE": "yes",
        "CVMFS_TIMEOUT_DIRECT": "5",
    }
    command = ("/usr/bin/python3", "-I", "-c", ASK, f"/cvmfs/{fqrn}", wanted)
    result = run(*command, options=configured(fqrn, **more)).ok()
    found = [json.loads(line) for line in result.stdout.splitlines()]
    tree = {row["path"]: row for row in rows}
    keys = ["listxattr", "values", "errors"]
    assert_equal_tree(tree, found, keys)
