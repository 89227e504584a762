# SPDX-License-Identifier: GPL-2.0-or-later
"""A job over a private cache that others could have filled: one line, another place."""

from __future__ import annotations

import base64
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.run import Runner

FQRN = "sha1.example.org"
LINK = f"/cvmfs/{FQRN}/current"
Configured = Callable[..., list[Any]]


def forge(cache: Path) -> None:
    """Another target in the index: whoever believes it shows `EVILware`."""
    from interpose import native

    for path in cache.glob("index/*.v*"):
        data = path.read_bytes()
        assert b"software" in data
        path.chmod(0o644)
        path.write_bytes(data.replace(b"software", b"EVILware"))
        path.chmod(0o444)
        with pytest.raises(native.FormatError):
            native.Index.open(path)


@pytest.mark.parametrize("part", [".", "index", "interpose", "kept", ".."])
def test_one_line_and_another_place(
    run: Runner, configured: Configured, part: str
) -> None:
    options = configured(FQRN)
    right = run("readlink", LINK, options=options).ok().stdout
    (run.cache / part).chmod(0o770)
    forge(run.cache)
    found = run("readlink", LINK, options=options).ok()
    assert found.stdout == right
    (line,) = found.errors
    assert "can be written by others" in line
    assert "--cache" in line
    (run.cache / part).chmod(0o700)
    assert run("readlink", LINK, options=options).ok().stdout == right


def test_an_index_under_another_catalogs_name_is_made_anew(
    run: Runner, configured: Configured
) -> None:
    options = configured("tricky.example.org")
    names = run("ls", "/cvmfs/tricky.example.org/nested", options=options)
    indexes = sorted((run.cache / "index").glob("*.v*"))
    if names.status or len(indexes) < 2:
        names = run("find", "/cvmfs/tricky.example.org", options=options)
        indexes = sorted((run.cache / "index").glob("*.v*"))
    assert len(indexes) >= 2
    whole = run("find", "/cvmfs/tricky.example.org", options=options).ok().stdout
    os.unlink(indexes[0])
    os.link(indexes[1], indexes[0])
    again = run("find", "/cvmfs/tricky.example.org", options=options).ok()
    assert again.stdout == whole
    assert again.errors == []


def test_stored_signatures_are_verified_again(
    run: Runner, configured: Configured
) -> None:
    """A record of our own, whoever has changed it: the manifest says revision 4242."""
    options = configured(FQRN)
    true = run("true", options=options, stats=True).ok()
    run("ls", f"/cvmfs/{FQRN}", options=options).ok()
    trust = run.cache / "interpose" / FQRN / "trust"
    fields = json.loads(trust.read_text())
    manifest = base64.b64decode(fields["manifest"])
    forged = re.sub(rb"\nS\d+", b"\nS4242", manifest)
    assert forged != manifest
    fields["manifest"] = base64.b64encode(forged).decode()
    fields["verified_at"] = time.time()
    trust.write_text(json.dumps(fields))
    found = run("ls", f"/cvmfs/{FQRN}", options=options, stats=True).ok()
    (repository,) = found.stats["repositories"]
    assert repository["revision"] != 4242
    assert true.errors == found.errors == []
