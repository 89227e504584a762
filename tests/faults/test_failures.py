# SPDX-License-Identifier: GPL-2.0-or-later
"""What cannot be had: one clear line, the promised errno, never a hang."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.faulty_server import NOT_FOUND, REFUSE, STALL, Answer, FaultyServer
from tests.support.places import Repositories
from tests.support.run import Result, Runner
from tests.support.truth import truth_options
from tests.support.web import free_port

FQRN = "sha1.example.org"
README = f"/cvmfs/{FQRN}/README"
Options = Callable[..., list[Any]]
# Above all time-outs and retries of these tests together; what hangs fails.
PATIENCE_S = 45.0
HASTY = {
    "CVMFS_TIMEOUT": "1",
    "CVMFS_TIMEOUT_DIRECT": "1",
    "CVMFS_MAX_RETRIES": "0",
}


@pytest.fixture
def faulty(repositories: Repositories) -> Iterator[FaultyServer]:
    """A server of the shared repositories that a test makes misbehave."""
    repositories.need(FQRN)
    with FaultyServer(repositories.docroot) as server:
        yield server


@pytest.fixture
def hasty(repositories: Repositories) -> Options:
    """`hasty(url, NAME=VALUE...)`: options with short time-outs."""

    def options(url: str, **more: str) -> list[Any]:
        return truth_options(FQRN, url, repositories.key(FQRN), {**HASTY, **more})

    return options


def refused(run: Runner, options: list[Any], *words: str) -> None:
    """Met by a job: EIO. Named, or needed for COMMAND: 125. Always one line."""
    met = run("cat", README, options=options, timeout_s=PATIENCE_S)
    assert met.status == 1, met.explain()
    assert met.stdout == b"", met.explain()
    assert "Input/output error" in "\n".join(met.errors), met.explain()
    one_line(met, *words)
    marker = run.place / "started"
    command = ("touch", marker)
    named = run(*command, options=[*options, "-r", FQRN], timeout_s=PATIENCE_S)
    assert named.status == 125, named.explain()
    assert len(named.errors) == 1, named.explain()
    one_line(named, *words)
    assert not marker.exists()
    within = run(README, options=options, timeout_s=PATIENCE_S)
    assert within.status == 125, within.explain()
    assert len(within.errors) == 1, within.explain()


def one_line(result: Result, *words: str) -> None:
    """The repository and these words stand in the only line of ours."""
    said = "\n".join(result.errors)
    # A tool may be in the midst of its own line.
    assert said.count("interpose: ") == 1, result.explain()
    line = said.partition("interpose: ")[2].partition("\n")[0]
    for word in (FQRN, *words):
        assert word in line, result.explain()
    assert "Traceback" not in said, result.explain()


def test_a_repository_that_nothing_configures_does_not_exist(
    run: Runner, hasty: Options
) -> None:
    options = [*hasty("http://127.0.0.1:1")]
    without = [word for word in options if "CVMFS_" not in str(word) and word != "-o"]
    met = run("ls", "/cvmfs/none.example.net", options=without)
    assert met.status == 2, met.explain()
    assert "No such file or directory" in met.errors[-1], met.explain()
    assert len(met.messages) == 1, met.explain()
    assert run("ls", "/cvmfs/none.example.net", options=[*without, "-q"]).messages == []
    found = run("/cvmfs/none.example.net/bin/tool", options=[*without, "-q"])
    assert found.status == 127, found.explain()
    assert len(found.errors) == 1, found.explain()
    named = run("/bin/true", options=[*without, "-r", "none.example.net"])
    assert named.status == 125, named.explain()
    assert len(named.errors) == 1, named.explain()
    assert "none.example.net" in named.errors[0], named.explain()
    assert "CVMFS_SERVER_URL" in named.errors[0], named.explain()


def test_an_impossible_name_does_not_exist(run: Runner, hasty: Options) -> None:
    options = hasty("http://127.0.0.1:1")
    for name in ("nodot", "a" * 70 + ".org", ".hidden", "a b.org", "x\ny.org", "é.org"):
        met = run("ls", "-d", f"/cvmfs/{name}", options=options)
        assert met.status == 2, met.explain()
        assert met.messages == [], met.explain()
        assert "No such file or directory" in met.errors[-1], met.explain()


def test_a_server_that_is_not_there_is_an_error(run: Runner, hasty: Options) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    refused(run, hasty(url), url, "connection refused")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(STALL, id="accepts and never answers"),
        pytest.param(Answer(stall_after=10), id="stops in the middle"),
        pytest.param(Answer(drip_s=1.0), id="a byte a second"),
        pytest.param(Answer(drip_s=1.0, drip_headers=True), id="slow from the start"),
    ],
)
def test_a_server_that_takes_too_long_is_given_up(
    run: Runner, hasty: Options, faulty: FaultyServer, answer: Answer
) -> None:
    faulty.script("*", answer)
    refused(run, hasty(faulty.url), faulty.url, "too slow")


def test_a_server_whose_queue_is_full_is_given_up(run: Runner, hasty: Options) -> None:
    """It listens and does not even take the connection from the kernel."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        refused(run, hasty(f"http://127.0.0.1:{deaf.getsockname()[1]}"), "too slow")


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (REFUSE, ""),
        (Answer(cut_after=10), "short"),
        (Answer(status=500, body=b"no"), "500"),
        (Answer(status=403, body=b"no"), "403"),
        (Answer(redirect="/elsewhere"), "302"),
        (Answer(body=b"<html>log in to this hotel</html>"), ""),
        (Answer(body=b"x" * 70_000), "more than"),
    ],
)
def test_a_server_that_answers_wrongly_is_an_error(
    run: Runner, hasty: Options, faulty: FaultyServer, answer: Answer, word: str
) -> None:
    faulty.script("*", answer)
    refused(run, hasty(faulty.url), word)


def test_a_host_without_an_address_is_an_error(run: Runner, hasty: Options) -> None:
    # Too long for DNS: refused by the C library without asking anybody.
    host = ".".join(["x" * 60] * 5) + ".invalid"
    refused(run, hasty(f"http://{host}"), "name not found")


def test_a_dead_proxy_is_an_error_that_names_it(
    run: Runner, hasty: Options, faulty: FaultyServer
) -> None:
    proxy = f"http://127.0.0.1:{free_port()}"
    refused(run, hasty(faulty.url, CVMFS_HTTP_PROXY=proxy), proxy)
    assert faulty.count() == 0


def test_a_dead_proxy_is_passed_by_where_another_way_is_allowed(
    run: Runner, hasty: Options, faulty: FaultyServer, repositories: Repositories
) -> None:
    dead = f"http://127.0.0.1:{free_port()}"
    with FaultyServer(proxy=True) as proxy:
        for way in (f"{dead}|{proxy.url}", f"{dead};DIRECT"):
            options = hasty(faulty.url, CVMFS_HTTP_PROXY=way)
            result = run("ls", f"/cvmfs/{FQRN}", options=options).ok()
            assert result.messages == [], result.explain()
        assert proxy.count() > 0


def test_a_dead_server_is_passed_by_where_there_is_another(
    run: Runner, hasty: Options, faulty: FaultyServer
) -> None:
    dead = f"http://127.0.0.1:{free_port()}/cvmfs/@fqrn@"
    both = f"{dead};{faulty.url}/cvmfs/@fqrn@"
    result = run("ls", f"/cvmfs/{FQRN}", options=hasty("", CVMFS_SERVER_URL=both)).ok()
    assert result.messages == [], result.explain()


def test_a_name_that_every_server_does_not_know_does_not_exist(
    run: Runner, hasty: Options, faulty: FaultyServer
) -> None:
    faulty.script("*", NOT_FOUND)
    two = f"{faulty.url}/one/@fqrn@;{faulty.url}/two/@fqrn@"
    listed = hasty(faulty.url, CVMFS_SERVER_URL=two)
    refused(run, listed, faulty.url, "configured")
    faulty.forget()
    options = hasty(faulty.url, CVMFS_SERVER_URL=two, CVMFS_REPOSITORIES="")
    met = run("cat", README, README, options=options)
    assert met.status == 1, met.explain()
    assert any("No such file" in line for line in met.errors), met.explain()
    one_line(met, faulty.url)
    assert faulty.count() == 2, "a name that is not there is asked for once"
    named = run("/bin/true", options=[*options, "-r", FQRN])
    assert named.status == 125, named.explain()
    one_line(named, faulty.url)


def test_a_name_that_one_server_does_not_know_and_another_is_down_is_an_error(
    run: Runner, hasty: Options, faulty: FaultyServer
) -> None:
    faulty.script("*", NOT_FOUND)
    dead = f"http://127.0.0.1:{free_port()}/cvmfs/@fqrn@"
    both = f"{faulty.url}/cvmfs/@fqrn@;{dead}"
    refused(run, hasty("", CVMFS_SERVER_URL=both), "404", "connection refused")


@pytest.mark.parametrize("harm", ["missing", "directory", "no key", "none at all"])
def test_a_key_that_cannot_be_used_is_an_error(
    run: Runner, hasty: Options, faulty: FaultyServer, place: Path, harm: str
) -> None:
    key = place / "the.pub"
    if harm == "directory":
        key.mkdir()
    elif harm == "no key":
        key.write_text("-----BEGIN PUBLIC KEY-----\nnothing\n")
    value = "" if harm == "none at all" else str(key)
    options = hasty(faulty.url, CVMFS_PUBLIC_KEY=value, CVMFS_KEYS_DIR=str(place))
    words = ["CVMFS_"] if harm == "none at all" else [str(key)]
    refused(run, options, *words)
    assert not list(run.cache.rglob("*")), "nothing is made before a manifest is good"


@pytest.mark.parametrize("kind", ["file", "nested", "chunk"])
def test_an_object_that_is_on_no_server_is_an_error_for_its_reader_only(
    run: Runner, hasty: Options, faulty: FaultyServer, repositories: Repositories,
    place: Path, kind: str,
) -> None:  # fmt: skip
    from tests.support.damage import Stratum

    victim = Stratum(repositories.need(FQRN), place / "docroot").victim(kind)
    name = victim.file.parent.name + "/" + victim.file.name
    faulty.script(f"/cvmfs/{FQRN}/data/{name}", NOT_FOUND)
    path = f"/cvmfs/{FQRN}/{victim.path}"
    options = hasty(faulty.url)
    tool = "ls" if kind == "nested" else "cat"
    script = '"$1" "$2"; cat "$3" >/dev/null && echo well'
    command = ("sh", "-c", script, "sh", tool, path, README)
    met = run(*command, options=options, timeout_s=PATIENCE_S).ok()
    assert met.text == "well\n", met.explain()
    assert "Input/output error" in "\n".join(met.errors), met.explain()
    one_line(met, "404")


def test_a_job_that_meets_many_errors_writes_few_lines(
    run: Runner, repositories: Repositories, faulty: FaultyServer
) -> None:
    """At most ten a minute, one per cause and repository."""
    faulty.script("*", REFUSE)
    names = [f"r{n}.example.org" for n in range(30)]
    options = truth_options(FQRN, faulty.url, repositories.key(FQRN), HASTY)
    met = run("ls", *[f"/cvmfs/{name}" for name in names], options=options)
    assert met.status == 2
    assert sum("Input/output error" in line for line in met.errors) == len(names)
    assert 0 < len(met.messages) <= 10, met.explain()
