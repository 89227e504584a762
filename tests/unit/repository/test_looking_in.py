# SPDX-License-Identifier: GPL-2.0-or-later
"""ls, cat, stat, cp and probe, run as commands against a real server."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.places import ROOT, Repositories
from tests.support.truth import SETTINGS, truth_tree
from tests.support.web import Server

SHA1 = "sha1.example.org"
TRICKY = "tricky.example.org"
_CODE = "import sys; from interpose.commands import main; sys.exit(main())"
Command = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def command(repositories: Repositories, server: Server, place: Path) -> Command:
    """`command(name, ...)`: runs a subcommand with the configuration of the truth."""
    keys = repositories.source / "keys"

    def run(name: str, *words: str, **more: str) -> subprocess.CompletedProcess[bytes]:
        for fqrn in (SHA1, TRICKY):
            repositories.need(fqrn)
        values = dict(SETTINGS, CVMFS_KEYS_DIR=str(keys))
        values["CVMFS_SERVER_URL"] = f"{server.url}/cvmfs/@fqrn@"
        values["CVMFS_EXTERNAL_URL"] = f"{server.url}/external/{TRICKY}"
        values.update(more)
        options = [w for k, v in values.items() for w in ("-o", f"{k}={v}")]
        options += ["--cache", str(place / "cache"), "--scratch", str(place)]
        return subprocess.run(
            [sys.executable, "-c", _CODE, name, *options, *words],
            check=False,
            capture_output=True,
            env={"PATH": "/usr/bin:/bin", "HOME": str(place), "PYTHONPATH": str(ROOT)},
        )

    return run


def test_ls_shows_names_sorted_and_json_all_fields(command: Command) -> None:
    shown = command("ls", f"/cvmfs/{TRICKY}/names", "-a")
    assert shown.returncode == 0, shown.stderr
    truth = truth_tree(f"{TRICKY}.jsonl")
    wanted = {p.partition("/")[2]: row for p, row in truth.items() if p[:6] == "names/"}
    wanted = {name: row for name, row in wanted.items() if "/" not in name}
    names = sorted(os.fsencode(name) for name in wanted)
    assert shown.stdout == b"".join(name + b"\n" for name in names)
    listed = json.loads(command("ls", "--json", f"{TRICKY}/names").stdout)
    for row in listed:
        official = wanted[row["name"]]
        for key in ("type", "mode", "uid", "gid", "size", "mtime_ns", "nlink"):
            assert row[key] == official[key], (row, key)


def test_stat_agrees_with_the_truth_everywhere(command: Command) -> None:
    truth = truth_tree(f"{TRICKY}.jsonl")
    paths = [p for p in truth if "bigdir/" not in p and "\n" not in p][:400]
    words = [f"/cvmfs/{TRICKY}/{path}" for path in paths if not path.endswith("/")]
    found = command("stat", "--json", *words)
    assert found.returncode == 0, found.stderr[:500]
    for row in json.loads(found.stdout):
        official = truth[row["path"]]
        for key in ("type", "mode", "size", "mtime_ns", "nlink", "target", "rdev"):
            assert row.get(key) == official.get(key), (row["path"], key)


def test_cat_follows_links_inside_the_repository(command: Command) -> None:
    plain = command("cat", f"{TRICKY}/symlinks/target.txt").stdout
    assert plain
    for name in ("rel", "chain1", "dir_loop/dir_loop/rel"):
        assert command("cat", f"{TRICKY}/symlinks/{name}").stdout == plain
    readme = command("cat", f"{TRICKY}/README").stdout
    assert command("cat", f"{TRICKY}/symlinks/abs_self").stdout == readme


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nope", "no such file"),
        ("README/x", "not a directory"),
        ("symlinks/loop1", "too many levels"),
        ("symlinks/dangling", "no such file"),
        ("symlinks/abs_host", "leads out"),
        ("sizes", "is a directory"),
    ],
)
def test_what_is_not_there_is_one_line_and_status_1(
    path: str, words: str, command: Command
) -> None:
    found = command("cat", f"{TRICKY}/{path}", f"{TRICKY}/README")
    assert found.returncode == 1
    (line,) = found.stderr.decode().splitlines()
    assert words in line
    assert found.stdout  # The other path is done nevertheless.


def test_cp_copies_a_tree_with_every_content(command: Command, place: Path) -> None:
    copied = command("cp", "-r", "-p", f"/cvmfs/{SHA1}", str(place / "copy"))
    assert copied.returncode == 0, copied.stderr
    for path, row in truth_tree(f"{SHA1}.jsonl").items():
        target = place / "copy" / path
        if row["type"] == "file":
            data = target.read_bytes()
            assert hashlib.sha256(data).hexdigest() == row["sha256"]
            assert f"{target.stat().st_mode & 0o7777:04o}" == row["mode"]
            assert target.stat().st_mtime_ns == row["mtime_ns"]
        elif row["type"] == "symlink":
            assert os.readlink(target) == row["target"]
        else:
            assert target.is_dir()


def test_probe_tells_what_it_found(command: Command) -> None:
    found = command("probe", "--json", SHA1, "absent.example.org")
    assert found.returncode == 1
    good, bad = json.loads(found.stdout)
    assert (good["fqrn"], good["revision"], good["ok"]) == (SHA1, 1, True)
    assert (bad["fqrn"], bad["ok"]) == ("absent.example.org", False)
    assert command("probe", SHA1).returncode == 0


def test_offline_needs_no_server(command: Command) -> None:
    readme = command("cat", f"{SHA1}/README").stdout
    assert readme
    again = command("cat", "--offline", f"{SHA1}/README")
    assert (again.returncode, again.stdout) == (0, readme)


def test_nothing_is_left_in_the_scratch(command: Command, place: Path) -> None:
    command("ls", f"{SHA1}/")
    assert not list(place.glob(".interpose-*"))


@pytest.mark.parametrize("name", ["ls", "cat", "stat", "cp", "probe", "trace"])
def test_each_command_explains_itself_with_an_example(name: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", _CODE, name, "--help"],
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
    )
    assert "example:" in shown.stdout
