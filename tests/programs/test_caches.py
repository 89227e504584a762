# SPDX-License-Identifier: GPL-2.0-or-later
"""A filled cache serves without a server; a second process asks nobody."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.programs.test_truth_walk import KEYS, expected, walk
from tests.support.places import Repositories
from tests.support.run import Runner
from tests.support.truth import assert_equal_tree
from tests.support.web import Server

Configured = Callable[..., list[Any]]
Serve = Callable[[Path], Server]
TREES = "sha1 rmd160 shake128 bind oldschema tricky".split()


@pytest.mark.parametrize("short", TREES)
def test_a_second_process_makes_no_request_and_a_third_needs_no_server(
    run: Runner,
    repositories: Repositories,
    configured: Configured,
    serve: Serve,
    short: str,
) -> None:
    fqrn = f"{short}.example.org"
    repositories.need(fqrn)
    server = serve(repositories.docroot)
    options = configured(fqrn, at=server)
    tree = expected(f"{fqrn}.jsonl")
    assert_equal_tree(tree, walk(run, f"/cvmfs/{fqrn}", options), KEYS)
    assert server.requests()
    server.forget()
    assert_equal_tree(tree, walk(run, f"/cvmfs/{fqrn}", options), KEYS)
    assert server.requests() == []
    server.stop()
    assert_equal_tree(tree, walk(run, f"/cvmfs/{fqrn}", options), KEYS)
    offline = [*options, "--offline"]
    assert_equal_tree(tree, walk(run, f"/cvmfs/{fqrn}", offline), KEYS)


def test_offline_and_with_an_empty_cache_reading_is_an_error(
    run: Runner, configured: Configured
) -> None:
    fqrn = "sha1.example.org"
    options = [*configured(fqrn), "--offline"]
    result = run("ls", f"/cvmfs/{fqrn}", options=options)
    assert result.status == 2, result.explain()
    assert "Input/output error" in " ".join(result.errors)
    assert len(result.messages) == 1, result.explain()
    named = run("/bin/true", options=[*options, "-r", fqrn])
    assert named.status == 125, named.explain()
    assert len(named.errors) == 1, named.explain()


@pytest.fixture
def official(place: Path, shared: Path) -> Path:
    """Cache directories that the official tools left."""
    archive = shared / "repositories/caches/sha1-official-cache.tar.xz"
    command = ["tar", "--no-same-owner", "-C", place, "-xf", archive]
    subprocess.run(command, check=True)
    found = sorted(place.glob("**/alien"))
    assert found, "the archive has no directory named alien"
    subprocess.run(["chmod", "-R", "u+rwX", found[0].parent], check=True)
    return found[0].parent


def objects_of(kind: Path, fqrn: str) -> Path:
    """The directory with the 256 object directories, per kind of cache."""
    for candidate in (kind, kind / fqrn, kind / "shared"):
        if (candidate / "00").is_dir():
            return candidate
    pytest.fail(f"no objects in {kind}")


@pytest.mark.parametrize("kind", ["exclusive", "shared", "alien", "preload"])
def test_a_cache_of_the_official_tools_is_enough_offline_if_it_is_trusted(
    run: Runner, configured: Configured, official: Path, kind: str
) -> None:
    fqrn = "sha1.example.org"
    objects = objects_of(official / kind, fqrn)
    options = configured(fqrn, CVMFS_QUOTA_LIMIT="-1")
    options += ["--alien-cache", objects, "--offline"]
    found = walk(run, f"/cvmfs/{fqrn}", [*options, "--trust-cache"])
    assert_equal_tree(expected(f"{fqrn}.jsonl"), found, KEYS)
    shutil.rmtree(run.cache, ignore_errors=True)
    refused = run("ls", f"/cvmfs/{fqrn}", options=options)
    assert refused.status == 2, refused.explain()
    assert "--trust-cache" in " ".join(refused.messages), refused.explain()


@pytest.mark.parametrize("kind", ["exclusive", "shared", "alien", "preload"])
def test_a_foreign_cache_spares_requests_after_its_objects_were_proved(
    run: Runner,
    repositories: Repositories,
    configured: Configured,
    serve: Serve,
    official: Path,
    kind: str,
) -> None:
    fqrn = "sha1.example.org"
    repositories.need(fqrn)
    server = serve(repositories.docroot)
    objects = objects_of(official / kind, fqrn)
    options = configured(fqrn, at=server, CVMFS_QUOTA_LIMIT="-1")
    options += ["--alien-cache", objects]
    found = walk(run, f"/cvmfs/{fqrn}", options)
    assert_equal_tree(expected(f"{fqrn}.jsonl"), found, KEYS)
    data = [row for row in server.requests() if "/data/" in row.path]
    everything = sum(1 for _ in (repositories.docroot / f"cvmfs/{fqrn}").rglob("*"))
    # The certificate, and what the cache lacks; most of it is there.
    assert len(data) < everything / 4, data


HOLDS = """
import hashlib, os, sys
root = sys.argv[1]
def sums():
    found = hashlib.sha256()
    for top, folders, files in os.walk(root):
        folders.sort()
        for path in (os.path.join(top, name) for name in sorted(files)):
            if os.path.isfile(path):
                found.update(os.fsencode(path) + open(path, 'rb').read())
    return found.hexdigest()
held = open(root + '/README', 'rb')
before, start = sums(), held.read(5)
print('ready', flush=True)
sys.stdin.readline()
print(sums() == before, len(start + held.read()) == os.stat(root + '/README').st_size)
"""


@pytest.mark.parametrize(
    "short", ["sha1", pytest.param("tricky", marks=pytest.mark.long)]
)
def test_a_cache_that_is_emptied_under_a_job_is_filled_again(
    run: Runner, configured: Configured, cache_dir: Path, short: str
) -> None:
    """A site's clean-up, another tool's eviction: no reader meets an error."""
    fqrn = f"{short}.example.org"
    words = ("/usr/bin/python3", "-I", "-c", HOLDS, f"/cvmfs/{fqrn}")
    job = run.start(*words, options=configured(fqrn))
    assert job.stdout
    assert job.stdout.readline() == b"ready\n", job.communicate()[1]
    shutil.rmtree(cache_dir)
    out, err = job.communicate(b"\n")
    assert (out, job.returncode) == (b"True True\n", 0), err
