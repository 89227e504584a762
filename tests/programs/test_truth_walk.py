# SPDX-License-Identifier: GPL-2.0-or-later
"""Every entry and every field of the truth files, seen by os.scandir, lstat, open."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import ROOT, need_user, shared
from tests.support.run import Result, Runner
from tests.support.truth import Entry, assert_equal_tree, truth_lines, truth_tree

WALKER = ROOT / "tests/support/walker.py"
PYTHON = "/usr/bin/python3"
KEYS = (
    "type mode uid gid size mtime_ns nlink hardlink_group target rdev sha256"
    " xattr_names xattrs xattr_errno open_errno read_errno read_bytes"
    " fstat_differs d_type"
).split()
TREES = "sha1 rmd160 shake128 tagged bind oldschema programs tricky".split()
Configured = Callable[..., list[Any]]


def walk(run: Runner, root: str, options: list[Any], prefix: str = "") -> list[Entry]:
    """What the walker prints inside a job."""
    result = run(PYTHON, "-I", WALKER, root, prefix, options=options, timeout_s=300)
    return entries(result)


def entries(result: Result) -> list[Entry]:
    """Its lines; `trusted.` attributes are for root's eyes."""
    rows = [json.loads(line) for line in result.ok().stdout.splitlines()]
    assert result.messages == [], result.explain()
    return visible(rows)


def visible(rows: list[Entry]) -> list[Entry]:
    """Without what an unprivileged process may not see."""
    if os.geteuid() == 0:
        return rows
    for row in rows:
        names = row.get("xattr_names", [])
        row["xattr_names"] = [n for n in names if not n.startswith("trusted.")]
        values = row.get("xattrs", {})
        row["xattrs"] = {n: values[n] for n in values if not n.startswith("trusted.")}
    return rows


def expected(name: str) -> dict[str, Entry]:
    tree = truth_tree(name)
    visible(list(tree.values()))
    return tree


@pytest.mark.parametrize("short", TREES)
def test_every_entry_of_the_tree_equals_the_truth(
    run: Runner, configured: Configured, short: str
) -> None:
    fqrn = f"{short}.example.org"
    found = walk(run, f"/cvmfs/{fqrn}", configured(fqrn))
    assert_equal_tree(expected(f"{fqrn}.jsonl"), found, KEYS)


def tags() -> list[str]:
    place = shared() / "repositories/truth"
    return sorted(path.name for path in place.glob("tagged.example.org@*.jsonl"))


@pytest.mark.parametrize("by", ["parameter", "option", "root hash"])
@pytest.mark.parametrize("name", tags())
def test_every_entry_under_a_tag_equals_the_truth(
    run: Runner, configured: Configured, name: str, by: str
) -> None:
    fqrn = "tagged.example.org"
    head = truth_lines(name)[0]
    options = configured(fqrn)
    if by == "parameter":
        options = configured(fqrn, CVMFS_REPOSITORY_TAG=head["tag"])
    elif by == "option":
        options += ["-r", f"{fqrn}@{head['tag']}"]
    else:
        options += ["-r", f"{fqrn}@{head['root_hash']}"]
    found = walk(run, f"/cvmfs/{fqrn}", options)
    assert_equal_tree(expected(name), found, KEYS)


ASK = (
    "import os, sys; print(*(os.getxattr(sys.argv[1], 'user.' + n).decode()"
    " for n in ('root_hash', 'revision', 'tag')))"
)


def test_a_date_chooses_the_revision_that_was_current_then(
    run: Runner, configured: Configured
) -> None:
    fqrn = "tagged.example.org"
    for row in truth_lines(f"{fqrn}.dates.jsonl"):
        if "date" not in row or "mount" in row:
            continue
        options = configured(fqrn, CVMFS_REPOSITORY_DATE=row["date"])
        command = (PYTHON, "-I", "-c", ASK, f"/cvmfs/{fqrn}")
        words = run(*command, options=options).ok().text.split()
        assert words == [row["root_hash"], str(row["revision"]), row["tag"]], row


def test_a_date_before_the_first_revision_and_missing_tags_are_refused(
    run: Runner, configured: Configured
) -> None:
    fqrn = "tagged.example.org"
    refused = [r for r in truth_lines(f"{fqrn}.dates.jsonl") if "mount" in r]
    assert len(refused) == 3
    for row in refused:
        kind = "DATE" if "date" in row else "TAG"
        pin = {f"CVMFS_REPOSITORY_{kind}": row.get("date", row.get("tag"))}
        options = configured(fqrn, **pin)
        named = run("/bin/true", options=[*options, "-r", fqrn])
        assert named.status == 125, named.explain()
        assert len(named.errors) == 1, named.explain()
        listed = run("/bin/ls", f"/cvmfs/{fqrn}", options=options)
        assert listed.status == 2, listed.explain()
        assert "Input/output error" in " ".join(listed.errors)
        assert len(listed.messages) == 1, listed.explain()


def test_the_hidden_directory_of_snapshots_equals_the_truth(
    run: Runner, configured: Configured
) -> None:
    fqrn = "bind.example.org"
    found = walk(run, f"/cvmfs/{fqrn}/.cvmfs", configured(fqrn), ".cvmfs")
    assert_equal_tree(expected(f"{fqrn}.hidden.jsonl"), found, KEYS)


LINKS = (
    "import json, os, sys\n"
    "for path in json.loads(sys.argv[1]):\n"
    "    full = '/cvmfs/tricky.example.org/' + path\n"
    "    target = os.readlink(full)\n"
    "    size = os.lstat(full).st_size\n"
    "    row = {'path': path, 'target': target, 'size': size}\n"
    "    print(json.dumps(row))\n"
)


def test_variant_symlinks_follow_the_environment_of_interpose_run(
    run: Runner, configured: Configured
) -> None:
    fqrn = "tricky.example.org"
    head, *rows = truth_lines(f"{fqrn}.variant-symlinks.jsonl")
    env = {**run.environment(), **head["environment"]}
    paths = json.dumps([row["path"] for row in rows])
    command = (PYTHON, "-I", "-c", LINKS, paths)
    result = run(*command, options=configured(fqrn), env=env)
    tree = {row["path"]: row for row in rows}
    assert_equal_tree(tree, entries(result), ["target", "size"])


PROBER = ROOT / "tests/support/prober.py"
OUTCOMES = (
    "type mode uid gid lstat_errno listdir chdir open_rdonly open_wronly"
    " access_r access_w access_x"
).split()
OWNERSHIP = {"CVMFS_CLAIM_OWNERSHIP": "yes", "CVMFS_CHECK_PERMISSIONS": "yes"}


def test_another_user_is_refused_what_the_modes_refuse(
    run: Runner, configured: Configured, place: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user inside a job")
    fqrn = "tricky.example.org"
    tree = truth_tree(f"{fqrn}.user-other.jsonl")
    other = "setpriv --reuid 1000 --regid 1000 --clear-groups".split()
    found = probe(run, [*other], configured(fqrn, **OWNERSHIP), (list(tree), place))
    assert_equal_tree(tree, found, OUTCOMES)


def test_the_owner_is_refused_what_the_modes_refuse(
    run: Runner, configured: Configured, place: Path
) -> None:
    fqrn = "tricky.example.org"
    tree = truth_tree(f"{fqrn}.user-owner.jsonl")
    uid = os.geteuid() or 1000
    need_user(uid)
    for row in tree.values():
        if row.get("uid") == 1000:
            row["uid"] = row["gid"] = uid
    if uid != os.geteuid():
        os.chown(place, uid, uid)
    elif os.getegid() != uid:
        for row in tree.values():
            if "gid" in row:
                row["gid"] = os.getegid()
    options = configured(fqrn, **OWNERSHIP)
    found = probe(run, [], options, (list(tree), place), uid)
    assert_equal_tree(tree, found, OUTCOMES)


def probe(
    run: Runner,
    before: list[str],
    options: list[Any],
    what: tuple[list[str], Path],
    uid: int | None = None,
) -> list[Entry]:
    """Outcome of lstat, listdir, chdir, open and access for each path."""
    paths, place = what
    wanted = place / "paths.json"
    wanted.write_text(json.dumps(paths))
    command = [*before, PYTHON, "-I", PROBER, "/cvmfs/tricky.example.org", wanted]
    return entries(run(*command, options=options, uid=uid))
