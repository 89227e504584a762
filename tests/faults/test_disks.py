# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks that are full, read-only or not there: on small file systems of the tests."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import need_tool
from tests.support.run import Job, Runner
from tests.support.truth import truth_tree

FQRN = "sha1.example.org"
README = f"/cvmfs/{FQRN}/README"
Configured = Callable[..., list[Any]]


class Prepared(Runner):
    """Runs after a script has prepared disks that only the run sees."""

    script = "true"

    def arguments(self, job: Job) -> list[str | bytes]:
        words = super().arguments(job)
        namespaces = "-m" if os.geteuid() == 0 else "-Urm"
        script = f'set -e; {self.script}; exec "$@"'
        return ["unshare", namespaces, "sh", "-c", script, "sh", *words]

    def mount(self, place: Path, options: str) -> None:
        """A file system in memory; `options` are its size and so on."""
        place.mkdir(exist_ok=True)
        where = shlex.quote(str(place))
        step = f"mount -t tmpfs -o {options},mode=700 none {where}"
        self.script = f"{self.script}; {step}"


@pytest.fixture
def disks(run: Runner) -> Prepared:
    need_tool("unshare", "util-linux")
    namespaces = "-m" if os.geteuid() == 0 else "-Urm"
    command = ["unshare", namespaces, "sh", "-c", "mount -t tmpfs none /mnt"]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("no file system can be mounted, not even in a user namespace")
    return Prepared(run.place, run.cache)


def wanted() -> dict[str, str]:
    return {
        path: row["sha256"]
        for path, row in truth_tree(f"{FQRN}.jsonl").items()
        if row["type"] == "file"
    }


def read_everything(run: Runner, options: list[Any]) -> list[str]:
    """All files are as they are; the lines of ours that were written."""
    sums = wanted()
    names = [f"/cvmfs/{FQRN}/{path}" for path in sums]
    result = run("sha256sum", "-z", *names, options=options).ok()
    found = [line.split("  ")[0] for line in result.text.split("\0")[:-1]]
    assert found == list(sums.values())
    assert result.errors == result.messages, result.explain()
    return result.messages


@pytest.mark.parametrize("size", ["size=400k", "size=150k", "size=40k", "nr_inodes=12"])
def test_a_full_cache_costs_one_line_and_no_error(
    disks: Prepared, configured: Configured, size: str
) -> None:
    disks.mount(disks.cache, size)
    said = read_everything(disks, configured(FQRN))
    assert len(said) == 1, said
    assert str(disks.cache) in said[0]


FILL = """
cat {top}/README >/dev/null
head -c 200m /dev/zero >{cache}/fill 2>/dev/null
i=0; while true >{cache}/n$i; do i=$((i+1)); done 2>/dev/null
cat {top}/nested/plain/f2 | wc -l || exit 9
ls {top}/nested/inner
"""


@pytest.mark.parametrize("size", ["size=80m,nr_inodes=900", "nr_inodes=330"])
@pytest.mark.parametrize("scratch", ["size=40m", "size=40k"])
def test_a_disk_that_is_full_when_a_nested_catalog_is_needed_costs_lines_only(
    disks: Prepared, configured: Configured, size: str, scratch: str
) -> None:
    """It is put where objects are put: into the scratch, and then into memory."""
    fqrn = "tricky.example.org"
    disks.mount(disks.cache, size)
    disks.mount(disks.scratch, scratch)
    script = FILL.format(top=f"/cvmfs/{fqrn}", cache=disks.cache)
    result = disks("sh", "-c", script, options=configured(fqrn)).ok()
    rows = truth_tree(f"{fqrn}.jsonl")
    inner = [path for path in rows if path.startswith("nested/inner/")]
    names = sorted(p.split("/")[2] for p in inner if p.count("/") == 2)
    shown = [name for name in names if not name.startswith(".")]
    assert result.text.splitlines()[1:] == shown, result.explain()
    assert result.errors == result.messages, result.explain()
    assert 1 <= len(result.messages) <= 3, result.explain()


@pytest.mark.parametrize("fallback", ["", "memfd"])
def test_a_full_cache_and_a_full_scratch_cost_a_line_each_and_no_error(
    disks: Prepared,
    configured: Configured,
    monkeypatch: pytest.MonkeyPatch,
    fallback: str,
) -> None:
    monkeypatch.setenv("INTERPOSE_FORCE_FALLBACK", fallback)
    disks.mount(disks.cache, "size=200k")
    disks.mount(disks.scratch, "size=300k")
    said = read_everything(disks, configured(FQRN))
    assert len(said) == 2, said


def test_where_nothing_can_be_kept_anywhere_reading_is_an_error(
    disks: Prepared, configured: Configured
) -> None:
    """A limit on the size of files is met on every disk and in memory."""
    disks.script = "ulimit -f 2000"
    options = configured(FQRN)
    met = disks("cat", f"/cvmfs/{FQRN}/data/chunked.bin", options=options)
    assert met.status == 1, met.explain()
    assert met.stdout == b"", met.explain()
    assert "Input/output error" in "\n".join(met.errors), met.explain()
    assert 1 <= len(met.messages) <= 3, met.explain()
    small = disks("cat", README, options=options).ok()
    assert small.stdout


def test_an_object_that_did_not_fit_is_kept_once_there_is_room(
    disks: Prepared, run: Runner, configured: Configured
) -> None:
    disks.script = "ulimit -f 2000"
    options = configured(FQRN)
    path = f"/cvmfs/{FQRN}/data/chunked.bin"
    assert disks("cat", path, options=options).status == 1
    assert not list(run.cache.rglob("txn/*")), "what did not fit is thrown away"
    run("cat", path, options=options).ok()


@pytest.mark.parametrize("kind", ["read-only", "file", "below a file"])
def test_a_cache_that_cannot_be_written_is_an_error(
    disks: Prepared, configured: Configured, kind: str
) -> None:
    file = disks.place / "file"
    file.write_text("not a directory")
    cache = disks.cache
    if kind == "read-only":
        disks.mount(cache, "ro")
    else:
        cache = file if kind == "file" else file / "cache"
    disks.base = ["--cache", cache, "--scratch", disks.scratch]
    options = configured(FQRN)
    met = disks("cat", README, options=options)
    assert met.status == 1, met.explain()
    assert "Input/output error" in "\n".join(met.errors), met.explain()
    assert len(met.messages) == 1, met.explain()
    assert str(cache) in met.messages[0], met.explain()
    assert "--cache" in met.messages[0], met.explain()
    named = disks("/bin/true", options=[*options, "-r", FQRN])
    assert named.status == 125, named.explain()
    assert len(named.errors) == 1, named.explain()


def test_without_a_home_the_cache_is_in_the_scratch_with_one_notice(
    run: Runner, configured: Configured
) -> None:
    run.base = ["--scratch", run.scratch]
    env = {"PATH": "/usr/bin:/bin", "HOME": "/proc/none"}
    result = run("cat", README, options=configured(FQRN), env=env).ok()
    assert result.stdout
    assert len(result.messages) == 1, result.explain()


@pytest.mark.parametrize("kind", ["nowhere", "read-only", "full"])
def test_a_scratch_that_cannot_be_used_is_an_error_before_the_job(
    disks: Prepared, kind: str
) -> None:
    scratch = Path("/proc/none")
    if kind != "nowhere":
        scratch = disks.place / "small"
        disks.mount(scratch, "ro" if kind == "read-only" else "nr_inodes=2")
    disks.base = ["--cache", disks.cache, "--scratch", scratch]
    result = disks("echo", "started")
    assert result.status == 125, result.explain()
    assert result.stdout == b""
    assert len(result.errors) == 1, result.explain()
    assert str(scratch) in result.errors[0]
    assert "--scratch" in result.errors[0]


def test_programs_of_a_repository_are_run_from_a_cache_without_exec(
    disks: Prepared, configured: Configured
) -> None:
    """Executed through another place, or one line that says why not."""
    disks.mount(disks.cache, "noexec,size=50m")
    fqrn = "programs.example.org"
    result = disks(f"/cvmfs/{fqrn}/bin/hello", "one", options=configured(fqrn))
    if result.status == 126:
        assert len(result.errors) >= 1, result.explain()
        assert "noexec" in "\n".join(result.errors), result.explain()
    else:
        assert "arg 1: one" in result.text, result.explain()
