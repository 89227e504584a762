# SPDX-License-Identifier: GPL-2.0-or-later
"""A network that sends a page of its own instead of a manifest."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import pytest

from interpose import native
from tests.support.faulty_server import Answer, FaultyServer
from tests.support.places import Repositories
from tests.unit.resolver.conftest import Start, contents, opened
from tests.unit.resolver.test_content import SHA1, truth_of

PAGE = Answer(body=b"<html>log in to this hotel</html>")
MANIFEST = f"/cvmfs/{SHA1}/.cvmfspublished"
WHITELIST = f"/cvmfs/{SHA1}/.cvmfswhitelist"


@pytest.fixture
def faulty(repositories: Repositories) -> Iterator[FaultyServer]:
    with FaultyServer(repositories.need(SHA1).parent.parent) as server:
        yield server


@pytest.mark.parametrize(
    "page", [PAGE, Answer(body=b"<p>" * 100_000), Answer(body=b"")]
)
def test_the_revision_of_the_cache_serves_and_one_line_says_so(
    page: Answer, start: Start, faulty: FaultyServer
) -> None:
    truth = truth_of(SHA1)
    assert contents(start(SHA1, url=faulty.url), SHA1) == truth
    faulty.script("*", page)
    behind = start(SHA1, "refresh=1", url=faulty.url)
    assert contents(behind, SHA1) == truth
    (line,) = behind.lines()
    assert "using revision" in line
    assert SHA1 in line
    assert "CVMFS_HTTP_PROXY" in line


def test_a_page_instead_of_the_whitelist_is_as_if_nobody_answered(
    start: Start, faulty: FaultyServer
) -> None:
    opened(start(SHA1, url=faulty.url), SHA1)
    faulty.script(WHITELIST, PAGE)
    opened(start(SHA1, "refresh=1", url=faulty.url), SHA1)


def test_without_a_cache_it_is_an_error(start: Start, faulty: FaultyServer) -> None:
    faulty.script("*", PAGE)
    resolver = start(SHA1, url=faulty.url)
    assert resolver.ask(native.OPEN, SHA1).error == errno.EIO
    (line,) = resolver.lines()
    assert "manifest" in line
    assert "CVMFS_HTTP_PROXY" in line


def test_the_next_proxy_is_asked_where_the_first_sends_a_page(
    start: Start, faulty: FaultyServer
) -> None:
    with FaultyServer(proxy=True) as proxy:
        proxy.script("*", PAGE)
        way = f"{proxy.url};DIRECT"
        resolver = start(SHA1, url=faulty.url, CVMFS_HTTP_PROXY=way)
        opened(resolver, SHA1)
        assert resolver.lines() == []
        # Past caches, too; then the page is no surprise any more.
        assert proxy.count(MANIFEST) == 2
        assert proxy.count(WHITELIST) == 0
