# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes wrong is EIO and one line, never ENOENT and never wrong bytes."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from interpose import native
from tests.support.faulty_server import Answer, FaultyServer
from tests.support.places import Repositories
from tests.support.web import Server
from tests.unit.resolver.conftest import Start, content_of, contents, opened
from tests.unit.resolver.driver import Found, Resolver, walk
from tests.unit.resolver.test_content import SHA1, truth_of, unpacked_cache

NAMED = native.QUESTION_NAMED


@pytest.fixture
def copied(repositories: Repositories, place: Path) -> Path:
    """A document root of the test's own, with sha1.example.org in it."""
    source = repositories.need(SHA1)
    shutil.copytree(source, place / "docroot/cvmfs" / SHA1)
    return place / "docroot"


@pytest.fixture
def faulty(copied: Path) -> Iterator[FaultyServer]:
    with FaultyServer(copied) as server:
        yield server


def find(resolver: Resolver, fqrn: str, path: bytes) -> Found:
    record = opened(resolver, fqrn)
    return next(f for f in walk(resolver, fqrn, record) if f.path == path)


def ask_object(resolver: Resolver, fqrn: str, found: Found) -> int:
    body = found.catalog.encode() + b"\0" + found.path
    return resolver.ask(native.OBJECT, fqrn, body=body, entry=found.entry.number).error


def object_path(found: Found) -> str:
    assert found.entry.digest is not None
    text = found.entry.digest.hex()
    return f"/cvmfs/{SHA1}/data/{text[:2]}/{text[2:]}"


def test_no_server_is_an_error_told_once(start: Start) -> None:
    resolver = start(SHA1, url="http://127.0.0.1:1")
    for _ in range(3):
        assert resolver.ask(native.OPEN, SHA1).error == errno.EIO
    (line,) = resolver.lines()
    assert line.startswith("interpose: ")
    assert "127.0.0.1:1" in line


@pytest.mark.parametrize(
    ("name", "words"), [("expired", "expired"), ("wrongkey", "not signed")]
)
def test_what_nobody_vouches_for_is_refused(
    name: str, words: str, start: Start, place: Path
) -> None:
    fqrn = f"{name}.example.org"
    resolver = start(fqrn)
    assert resolver.ask(native.OPEN, fqrn).error == errno.EIO
    (line,) = resolver.lines()
    assert words in line
    assert fqrn in line
    assert not (place / "cache").exists()


def test_a_missing_key_is_named(start: Start, place: Path) -> None:
    resolver = start(SHA1, CVMFS_PUBLIC_KEY=f"{place}/none.pub")
    assert resolver.ask(native.OPEN, SHA1).error == errno.EIO
    (line,) = resolver.lines()
    assert f"{place}/none.pub" in line


def test_wrong_bytes_reach_neither_cache_nor_reader(
    start: Start, faulty: FaultyServer, place: Path
) -> None:
    resolver = start(SHA1, url=faulty.url)
    found = find(resolver, SHA1, b"/README")
    path = object_path(found)
    faulty.script(path, Answer(body=b"hostile bytes"))
    assert ask_object(resolver, SHA1, found) == errno.EIO
    assert faulty.count(path) == 2
    assert ask_object(resolver, SHA1, found) == errno.EIO
    (line,) = resolver.lines()
    assert "README" in line or "data/" in line
    name = path.rpartition("/data/")[2]
    assert not (place / "cache" / name).exists()
    assert not list((place / "cache/txn").iterdir())


def test_a_proxy_that_repeats_wrong_bytes_is_passed_by(
    start: Start, faulty: FaultyServer
) -> None:
    resolver = start(SHA1, url=faulty.url)
    found = find(resolver, SHA1, b"/README")
    path = object_path(found)
    good = faulty_body(faulty, path)
    faulty.script(path, Answer(body=b"stale"), Answer(body=good))
    assert content_of(resolver, SHA1, found) == truth_of(SHA1)["README"]
    assert resolver.lines() == []


def faulty_body(server: FaultyServer, path: str) -> bytes:
    with urllib.request.urlopen(server.url + path) as answer:
        data: bytes = answer.read()
    return data


def test_a_catalog_that_cannot_be_had_is_an_error(
    start: Start, faulty: FaultyServer
) -> None:
    resolver = start(SHA1, url=faulty.url)
    record = opened(resolver, SHA1)
    body = b"11" * 20 + b"\0/software"
    assert resolver.ask(native.CATALOG, SHA1, body=body).error == errno.EIO
    assert record.revision == 1
    assert len(resolver.lines()) == 1


def test_an_older_revision_is_never_shown(
    start: Start,
    repositories: Repositories,
    place: Path,
    serve: Callable[[Path], Server],
) -> None:
    fqrn = "tagged.example.org"
    docroot = place / "docroot"
    shutil.copytree(repositories.need(fqrn), docroot / "cvmfs" / fqrn)
    published = docroot / "cvmfs" / fqrn / ".cvmfspublished"
    newest = published.read_bytes()
    server = serve(docroot)
    resolver = start(fqrn, url=server.url)
    assert opened(resolver, fqrn).revision == 7
    published.write_bytes(newest.replace(b"\nS7\n", b"\nS6\n"))
    age(place / "cache", fqrn)
    again = start(fqrn, url=server.url)
    assert opened(again, fqrn).revision == 7


def age(cache: Path, fqrn: str) -> None:
    """Let what was verified be an hour old."""
    path = cache / "interpose" / fqrn / "trust"
    fields = json.loads(path.read_bytes())
    fields["verified_at"] -= 3600
    path.unlink()
    path.write_text(json.dumps(fields))


def test_after_the_ttl_two_requests_are_enough(
    start: Start, place: Path, server: Server
) -> None:
    assert contents(start(SHA1), SHA1)
    age(place / "cache", SHA1)
    server.forget()
    opened(start(SHA1), SHA1)
    asked = [request.path.rpartition("/")[2] for request in server.requests()]
    assert sorted(asked) == [".cvmfspublished", ".cvmfswhitelist"]
    server.forget()
    opened(start(SHA1), SHA1)
    assert server.requests() == []


def test_what_was_verified_serves_while_servers_are_away(
    start: Start, place: Path
) -> None:
    truth = truth_of(SHA1)
    assert contents(start(SHA1), SHA1) == truth
    age(place / "cache", SHA1)
    assert contents(start(SHA1, url="http://127.0.0.1:1"), SHA1) == truth
    age(place / "cache", SHA1)
    assert contents(start(SHA1, "offline=1"), SHA1) == truth


def test_other_keys_do_not_inherit_what_was_verified(
    start: Start, repositories: Repositories
) -> None:
    opened(start(SHA1), SHA1)
    other = str(repositories.key("tagged.example.org"))
    resolver = start(SHA1, CVMFS_PUBLIC_KEY=other)
    assert resolver.ask(native.OPEN, SHA1).error == errno.EIO


def test_the_blacklist_forbids_revisions_also_of_what_is_stored(
    start: Start, place: Path
) -> None:
    opened(start(SHA1), SHA1)
    forbidden = place / "blacklist"
    forbidden.write_text(f"# none below 2\n<{SHA1} 2\n")
    resolver = start(SHA1, CVMFS_BLACKLIST=str(forbidden))
    assert resolver.ask(native.OPEN, SHA1).error == errno.EIO
    (line,) = resolver.lines()
    assert "blacklist" in line
    opened(start(SHA1), SHA1)


def test_an_unreachable_server_and_a_foreign_cache_name_the_option(
    start: Start, place: Path
) -> None:
    alien = unpacked_cache(place) / "alien"
    resolver = start(SHA1, f"alien_cache={alien}", url="http://127.0.0.1:1")
    assert resolver.ask(native.OPEN, SHA1).error == errno.EIO
    (line,) = resolver.lines()
    assert "--trust-cache" in line


@pytest.fixture
def small_disk(place: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small tmpfs")
    disk = place / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], check=False
    )
    if made.returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def fill(path: Path) -> None:
    """Use up the disk."""
    try:
        with path.open("wb") as file:
            while True:
                file.write(bytes(4096))
                file.flush()
    except OSError:
        pass  # It is full now.


def test_a_full_disk_costs_one_line_and_no_byte(start: Start, small_disk: Path) -> None:
    fqrn = "tricky.example.org"
    resolver = start(fqrn, f"cache={small_disk}/cache")
    found = find(resolver, fqrn, b"/chunked/chunk_avg")
    fill(small_disk / "filler")
    truth = truth_of(fqrn)
    assert content_of(resolver, fqrn, found) == truth["chunked/chunk_avg"]
    small = find(resolver, fqrn, b"/README")
    assert content_of(resolver, fqrn, small) == truth["README"]
    lines = [line for line in resolver.lines() if "full" in line or "space" in line]
    assert len(lines) == 1
    assert len(resolver.lines()) == 1


def test_terminal_signals_are_the_jobs(start: Start) -> None:
    resolver = start(SHA1)
    opened(resolver, SHA1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        resolver.process.send_signal(number)
    assert resolver.ask(native.LIST).error == 0
    assert resolver.end() == 0


def test_it_ends_with_its_channel_though_a_server_hangs(
    start: Start, faulty: FaultyServer
) -> None:
    resolver = start(SHA1, url=faulty.url)
    found = find(resolver, SHA1, b"/README")
    faulty.script(object_path(found), Answer(stall_after=-1))
    body = found.catalog.encode() + b"\0" + found.path
    resolver.send(native.OBJECT, SHA1, body=body, entry=found.entry.number)
    assert resolver.end() == 0


def test_equal_questions_fetch_once(start: Start, faulty: FaultyServer) -> None:
    resolver = start(SHA1, url=faulty.url)
    found = find(resolver, SHA1, b"/README")
    body = found.catalog.encode() + b"\0" + found.path
    for _ in range(50):
        resolver.send(native.OBJECT, SHA1, body=body, entry=found.entry.number)
    answers = [resolver.receive()[1] for _ in range(50)]
    assert {answer.error for answer in answers} == {0}
    assert len({answer.body for answer in answers}) == 1
    assert faulty.count(object_path(found)) == 1
    with open(answers[0].body, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    assert digest == truth_of(SHA1)["README"]


def test_rubbish_on_the_channel_is_survived(start: Start) -> None:
    resolver = start(SHA1)
    resolver._channel.send(b"rubbish")
    assert resolver.ask(99, SHA1).error == errno.EIO
    assert resolver.ask(native.OBJECT, SHA1, body=b"x").error == errno.EIO
    assert resolver.ask(native.OPEN, "../etc").error == errno.EIO
    assert resolver.ask(native.LIST).body == b""
    assert resolver.end() == 0
