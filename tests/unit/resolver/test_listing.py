# SPDX-License-Identifier: GPL-2.0-or-later
"""Who does not answer holds up nobody else: not in a list, and not in the pool."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

import pytest

from interpose import native
from interpose.errors import TimedOut
from interpose.formats.fqrn import Fqrn
from interpose.resolver.listing import Listing
from tests.support.faulty_server import STALL, FaultyServer
from tests.support.places import Repositories
from tests.unit.resolver.conftest import Start, opened
from tests.unit.resolver.driver import Resolver
from tests.unit.resolver.test_content import SHA1

PATIENCE_S = 60.0
A, B, C = (Fqrn.parse(f"{letter}.example.org") for letter in "abc")


def test_next_names_are_opened_while_the_first_one_waits() -> None:
    met = {name: threading.Event() for name in (A, B, C)}

    def work(fqrn: Fqrn) -> Fqrn:
        met[fqrn].set()
        # Each waits for the last one: in turn none would ever end.
        assert met[C].wait(PATIENCE_S)
        return fqrn

    listing = Listing(work)
    listing.begin([A, B, C])
    for name in (A, B, C):
        attempt = listing.attempt(name)
        assert attempt is not None
        assert attempt.result(name, PATIENCE_S) == name


def test_what_was_begun_ahead_is_not_begun_again() -> None:
    begun: list[Fqrn] = []
    listing = Listing(begun.append)
    listing.begin([A, B, C])
    for name in (A, B, C):
        attempt = listing.attempt(name)
        assert attempt is not None
        attempt.result(name, PATIENCE_S)
    assert sorted(begun) == [A, B, C]


def test_a_listing_does_not_wait_for_ever_and_who_asks_again_does() -> None:
    go = threading.Event()
    listing = Listing(lambda fqrn: go.wait(PATIENCE_S) and fqrn)
    listing.begin([A, B])
    attempt = listing.attempt(A)
    assert attempt is not None
    with pytest.raises(TimedOut, match="no answer within"):
        attempt.result(A, 0.01)
    assert listing.attempt(A) is None
    go.set()
    assert attempt.result(A, PATIENCE_S) == A


def test_one_name_of_the_middle_begins_nothing() -> None:
    listing = Listing(lambda fqrn: fqrn)
    listing.begin([A, B, C])
    assert listing.attempt(B) is None
    assert listing.attempt(Fqrn.parse("z.example.org")) is None


def test_names_that_are_open_already_are_passed_over() -> None:
    listing = Listing(lambda fqrn: fqrn)
    listing.attempt(A)
    listing.begin([A, B, C])
    assert listing.attempt(B) is not None


def test_names_that_an_earlier_job_left_warm_are_passed_over() -> None:
    listing = Listing(lambda fqrn: fqrn)
    listing.begin([A, B, C], warm=["b.example.org", ".c.example.org.1"])
    assert listing.attempt(A) is not None
    assert listing.attempt(C) is not None


def test_errors_come_to_who_asks() -> None:
    def fail(fqrn: Fqrn) -> Fqrn:
        raise TimedOut("nobody", fqrn)

    listing = Listing(fail)
    listing.begin([A, B])
    for name in (A, B):
        attempt = listing.attempt(name)
        assert attempt is not None
        with pytest.raises(TimedOut, match=name):
            attempt.result(name, PATIENCE_S)


def named(count: int) -> list[str]:
    return [f"absent{n}.example.org" for n in range(count)]


def test_many_silent_repositories_do_not_delay_a_good_one(
    start: Start, repositories: Repositories
) -> None:
    with FaultyServer(repositories.need(SHA1).parent.parent) as server:
        resolver = start(SHA1, url=server.url, CVMFS_TIMEOUT_DIRECT="120")
        for name in named(24):
            server.script(f"/cvmfs/{name}/.cvmfspublished", STALL)
            resolver.send(native.OPEN, name)
        number = resolver.send(native.OPEN, SHA1)
        # All the others wait still: theirs would be the first answers otherwise.
        found, answer = resolver.receive()
        assert (found, answer.error) == (number, 0), resolver.lines()


def open_all(resolver: Resolver, names: list[str]) -> list[int]:
    assert resolver.ask(native.LIST).body.decode().split() == names
    return [resolver.ask(native.OPEN, name).error for name in names]


def test_a_list_with_silent_names_is_gone_through_side_by_side(
    start: Start, repositories: Repositories, place: Path
) -> None:
    silent = named(6)
    with FaultyServer(repositories.need(SHA1).parent.parent) as server:
        for name in silent:
            server.script(f"/cvmfs/{name}/.cvmfspublished", STALL)
        listed = ",".join([*silent, SHA1])
        resolver = start(
            SHA1,
            url=server.url,
            CVMFS_TIMEOUT_DIRECT="20",
            CVMFS_MAX_RETRIES="3",
            CVMFS_REPOSITORIES=listed,
        )
        errors = open_all(resolver, [*silent, SHA1])
        assert errors == [errno.EIO] * len(silent) + [0], resolver.lines()
        # Only the first try of each: nobody waited for the others.
        asked = [server.count(f"/cvmfs/{name}/.cvmfspublished") for name in silent]
        assert max(asked) <= 2
        assert "listing" in resolver.lines()[0]
        opened(resolver, SHA1)
