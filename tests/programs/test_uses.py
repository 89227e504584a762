# SPDX-License-Identifier: GPL-2.0-or-later
"""The three uses of the README: one job, an HTCondor slot, two nodes with one cache."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.damage import bad_in_cache, good_objects
from tests.support.places import Repositories, need_user, program
from tests.support.run import Runner
from tests.support.truth import truth_tree
from tests.support.web import Server

FQRN = "sha1.example.org"
PROGRAMS = "programs.example.org"
Configured = Callable[..., list[Any]]
Serve = Callable[[Path], Server]


def three_lines(place: Path, server: Server, key: Path) -> Path:
    """One's own repository as the README configures it."""
    file = place / "mine.conf"
    file.write_text(
        f"CVMFS_SERVER_URL={server.url}/cvmfs/@fqrn@\n"
        f"CVMFS_PUBLIC_KEY={key}\n"
        "CVMFS_HTTP_PROXY=DIRECT\n"
    )
    return file


def test_one_job_is_wrapped_with_three_lines_of_configuration(
    run: Runner, repositories: Repositories, server: Server, place: Path
) -> None:
    repositories.need(PROGRAMS)
    file = three_lines(place, server, repositories.key(PROGRAMS))
    command = (f"/cvmfs/{PROGRAMS}/bin/hello", "one")
    result = run(*command, options=["--config", file])
    assert result.status == 1, result.explain()
    assert "1 argument(s)\narg 1: one\n" in result.text
    assert result.stderr == b""


def test_a_repository_is_given_by_one_option(
    run: Runner, repositories: Repositories, server: Server
) -> None:
    repositories.need(PROGRAMS)
    key = repositories.key(PROGRAMS)
    url = f"{server.url}/cvmfs/{PROGRAMS}"
    options = ["-r", f"{PROGRAMS}={url},pubkey={key}", "-o", "CVMFS_HTTP_PROXY=DIRECT"]
    result = run("ls", "/cvmfs", options=options).ok()
    assert result.text.split() == [PROGRAMS]
    result = run(f"/cvmfs/{PROGRAMS}/static/hello_musl", options=options)
    assert result.status == 7, result.explain()


def test_the_root_listing_shows_cvmfs(run: Runner, configured: Configured) -> None:
    words = run("ls", "/", options=configured(FQRN)).ok().text.split()
    assert "cvmfs" in words
    assert "etc" in words


def condor(run: Runner, place: Path) -> tuple[dict[str, str], Path]:
    """What HTCondor gives a job: a scratch of its own and little else."""
    scratch = place / "condor" / "dir_1"
    scratch.mkdir(parents=True)
    env = {
        "PATH": "/usr/bin:/bin",
        "_CONDOR_SCRATCH_DIR": str(scratch),
        "TMPDIR": str(scratch),
    }
    run.base = []
    return env, scratch


def test_an_htcondor_job_writes_only_to_its_scratch_and_cleans_up(
    run: Runner, repositories: Repositories, server: Server, place: Path
) -> None:
    repositories.need(PROGRAMS)
    env, scratch = condor(run, place)
    file = three_lines(place, server, repositories.key(PROGRAMS))
    command = ["/bin/sh", "-c", f"/cvmfs/{PROGRAMS}/bin/hello; pwd; ls -A"]
    result = run(*command, options=["--config", file], env=env, cwd=scratch).ok()
    assert str(scratch) in result.text
    assert list(scratch.iterdir()) == []


def test_an_evicted_htcondor_job_gets_sigterm_and_then_leaves_nothing_after_sigkill(
    run: Runner, repositories: Repositories, server: Server, place: Path
) -> None:
    repositories.need(PROGRAMS)
    env, scratch = condor(run, place)
    file = three_lines(place, server, repositories.key(PROGRAMS))
    script = (
        f"trap 'echo told' TERM; ls /cvmfs/{PROGRAMS} >/dev/null; echo ready;"
        " while :; do sleep 1; done"
    )
    options = ["--config", file]
    job = run.start("/bin/sh", "-c", script, options=options, env=env, cwd=scratch)
    assert job.stdout is not None
    assert job.stdout.readline() == b"ready\n"
    job.send_signal(signal.SIGTERM)
    assert job.stdout.readline() == b"told\n"
    job.send_signal(signal.SIGKILL)
    job.wait(60)
    run.scratch = scratch
    run.nothing_left()


def test_a_second_node_on_one_alien_cache_asks_for_no_object(
    run: Runner, repositories: Repositories, serve: Serve, place: Path
) -> None:
    """Two nodes: separate scratch and private caches; as root also two uids."""
    repositories.need(FQRN)
    server = serve(repositories.docroot)
    alien = place / "alien"
    alien.mkdir()
    alien.chmod(0o1777)
    file = three_lines(place, server, repositories.key(FQRN))
    uids = nodes()
    wanted = {
        row["path"]: row["sha256"]
        for row in truth_tree(f"{FQRN}.jsonl").values()
        if row["type"] == "file"
    }
    for number, uid in enumerate(uids):
        home = place / f"node-{number}"
        home.mkdir()
        (home / "scratch").mkdir()
        os.chown(home, uid, -1)
        os.chown(home / "scratch", uid, -1)
        run.base = ["--cache", home / "cache", "--scratch", home / "scratch"]
        options = ["--config", file, "--alien-cache", alien]
        paths = [f"/cvmfs/{FQRN}/{path}" for path in wanted]
        command = ("sha256sum", "-z", *paths)
        result = run(*command, options=options, uid=uid).ok()
        lines = result.text.split("\0")[:-1]
        assert [line.split("  ")[0] for line in lines] == list(wanted.values())
        asked = server.requests()
        server.forget()
        if number == 0:
            assert any("/data/" in row.path for row in asked)
        else:
            objects = [row for row in asked if "/data/" in row.path]
            assert objects == []
            assert len(asked) <= 2, asked
    good = good_objects(repositories.need(FQRN))
    assert bad_in_cache(alien, good) == []


def nodes() -> tuple[int, int]:
    """Two users where we may be two, else one."""
    mine = os.geteuid()
    if mine != 0:
        return mine, mine
    for uid in (1001, 1002):
        need_user(uid)
    return 1001, 1002


def test_the_commands_say_their_version() -> None:
    assert program("interpose").exists()
    assert program("interpose_run").exists()
