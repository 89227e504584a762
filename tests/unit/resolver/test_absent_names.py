# SPDX-License-Identifier: GPL-2.0-or-later
"""Names that nobody configured or no server has; what is remembered of them."""

from __future__ import annotations

import errno
from pathlib import Path

from interpose import native
from tests.support.web import Server
from tests.unit.resolver.conftest import Start, opened
from tests.unit.resolver.test_content import SHA1

NAMED = native.QUESTION_NAMED


def test_a_name_that_nothing_covers_does_not_exist(start: Start) -> None:
    resolver = start(SHA1, CVMFS_SERVER_URL="")
    for name in ("other.example.net", "another.example.net", "other.example.net"):
        assert resolver.ask(native.OPEN, name).error == errno.ENOENT
    # One line in a run, for who mistyped a name.
    (line,) = resolver.lines()
    assert "other.example.net" in line
    assert "CVMFS_SERVER_URL" in line


def test_a_quiet_run_hears_nothing_of_names_that_do_not_exist(start: Start) -> None:
    resolver = start(SHA1, "quiet=1", CVMFS_SERVER_URL="")
    assert resolver.ask(native.OPEN, "other.example.net").error == errno.ENOENT
    assert resolver.lines() == []


def test_a_name_that_every_server_denies_does_not_exist(
    start: Start, server: Server
) -> None:
    resolver = start(SHA1)
    server.forget()
    for _ in range(3):
        assert resolver.ask(native.OPEN, "absent.example.org").error == errno.ENOENT
    assert len(server.requests()) == 1
    (line,) = resolver.lines()
    assert "absent.example.org" in line
    assert server.url in line


def test_a_listed_name_that_every_server_denies_is_an_error(
    start: Start, server: Server, place: Path
) -> None:
    resolver = start(SHA1, CVMFS_REPOSITORIES="absent.example.org")
    assert resolver.ask(native.OPEN, "absent.example.org").error == errno.EIO
    (line,) = resolver.lines()
    assert "absent.example.org" in line
    assert server.url in line
    # The next job asks again: a listed name is not remembered as absent.
    again = start(SHA1, CVMFS_REPOSITORIES="absent.example.org")
    assert again.ask(native.OPEN, "absent.example.org").error == errno.EIO


def test_a_denied_name_with_a_file_of_its_own_is_an_error(
    start: Start, place: Path
) -> None:
    (place / "etc/config.d").mkdir(parents=True)
    (place / "etc/config.d/absent.example.org.conf").write_text("")
    resolver = start(SHA1, f"config={place}/etc")
    assert resolver.ask(native.OPEN, "absent.example.org").error == errno.EIO
    assert len(resolver.lines()) == 1


def test_a_denied_name_is_remembered_by_the_next_job(
    start: Start, server: Server
) -> None:
    first = start(SHA1)
    opened(first, SHA1)
    first.ask(native.OPEN, "absent.example.org")
    server.forget()
    second = start(SHA1)
    assert second.ask(native.OPEN, "absent.example.org").error == errno.ENOENT
    assert server.requests() == []
    assert "--refresh" in second.lines()[0]
    refreshed = start(SHA1, "refresh=1")
    assert refreshed.ask(native.OPEN, "absent.example.org").error == errno.ENOENT
    assert len(server.requests()) == 1


def test_a_denied_name_is_asked_for_where_the_address_is_another(
    start: Start, server: Server, place: Path
) -> None:
    wrong = start("absent.example.org", url=f"{server.url}/wrong")
    opened(start(SHA1), SHA1)
    assert wrong.ask(native.OPEN, "absent.example.org").error == errno.ENOENT
    server.forget()
    right = start("absent.example.org")
    right.ask(native.OPEN, "absent.example.org")
    assert len(server.requests()) == 1
    # One record for all of them, and no file for each name.
    assert len([*(place / "cache/interpose/learned").iterdir()]) == 1


def test_a_new_revision_is_asked_for_on_demand(start: Start, server: Server) -> None:
    opened(start(SHA1), SHA1)
    server.forget()
    opened(start(SHA1), SHA1)
    assert server.requests() == []
    opened(start(SHA1, "refresh=1"), SHA1)
    assert len(server.requests()) == 2


def test_a_denied_name_that_was_asked_for_is_an_error(start: Start) -> None:
    resolver = start(SHA1)
    answer = resolver.ask(native.OPEN, "absent.example.org", flags=NAMED)
    assert answer.error == errno.EIO
    (line,) = resolver.lines()
    assert "absent.example.org" in line
