# SPDX-License-Identifier: GPL-2.0-or-later
"""Bodies without a length, beyond a limit, by range, and behind redirects."""

from __future__ import annotations

import pytest

from interpose.errors import (
    FormatError,
    NetworkError,
)
from tests.support.faulty_server import (
    Answer,
    FaultyServer,
)
from tests.unit.network.conftest import MakeFetcher
from tests.unit.network.sinks import Collector

BODY = bytes(range(256)) * 1000


@pytest.mark.parametrize(
    "fault", [Answer(endless=True, body=b"y" * 4096), Answer(body=b"y" * 5000)]
)
def test_body_beyond_the_limit_is_stopped(
    fault: Answer, server: FaultyServer, fetcher: MakeFetcher
) -> None:
    server.script("/a", fault)
    sink = Collector()
    with pytest.raises(FormatError, match="more than 4999 bytes"):
        fetcher(server.url).fetch("a", sink, limit_bytes=4999)
    assert sink.is_clean
    assert all(len(each.data) <= 4999 for each in sink.sinks)


def test_body_of_exactly_the_limit_is_good(
    server: FaultyServer, fetcher: MakeFetcher
) -> None:
    server.put("/a", BODY)
    fetcher(server.url).fetch("a", Collector(BODY), limit_bytes=len(BODY))


def test_empty_body_is_good(server: FaultyServer, fetcher: MakeFetcher) -> None:
    server.put("/a", b"")
    sink = Collector()
    assert fetcher(server.url).fetch("a", sink).bytes == 0
    assert sink.data == b""


@pytest.mark.parametrize("extra", [{"chunked": True}, {"length": "none"}], ids=str)
def test_body_without_a_length_is_good(
    extra: dict[str, bool], server: FaultyServer, fetcher: MakeFetcher
) -> None:
    server.put("/a", BODY)
    server.script("/a", Answer(**extra))  # type: ignore[arg-type]
    sink = Collector(BODY)
    fetcher(server.url).fetch("a", sink)
    assert sink.data == BODY


@pytest.mark.parametrize("ranges", [True, False])
def test_byte_range_is_what_was_asked(
    ranges: bool, server: FaultyServer, fetcher: MakeFetcher
) -> None:
    server.put("/a", BODY)
    server.script("/a", Answer(ranges=ranges))
    sink = Collector(BODY[70_001:140_003])
    one = fetcher(server.url)
    one.fetch("a", sink, byte_range=(70_001, 70_002), limit_bytes=70_002)
    assert sink.data == BODY[70_001:140_003]
    assert server.requests[0].headers["range"] == "bytes=70001-140002"


def test_byte_range_beyond_the_end_is_a_short_transfer(
    server: FaultyServer, fetcher: MakeFetcher
) -> None:
    server.put("/a", BODY)
    with pytest.raises(NetworkError, match="short transfer: 100 of 200 bytes"):
        fetcher(server.url).fetch("a", Collector(), byte_range=(len(BODY) - 100, 200))


def test_wrong_byte_range_is_refused(
    server: FaultyServer, fetcher: MakeFetcher
) -> None:
    wrong = ("Content-Range", "bytes 5-9/10")
    server.script("/a", Answer(status=206, body=b"x" * 5, headers=(wrong,)))
    with pytest.raises(NetworkError, match="wrong byte range"):
        fetcher(server.url).fetch("a", Collector(), byte_range=(0, 5))


def test_redirect_is_an_error_unless_allowed(
    server: FaultyServer, second: FaultyServer, fetcher: MakeFetcher
) -> None:
    second.put("/b", BODY)
    server.script("/a", Answer(redirect=second.url + "/b"))
    with pytest.raises(NetworkError, match="302"):
        fetcher(server.url).fetch("a", Collector())
    sink = Collector()
    fetcher(server.url, follow_redirects=True).fetch("a", sink)
    assert sink.data == BODY


def test_redirect_in_circles_ends(server: FaultyServer, fetcher: MakeFetcher) -> None:
    server.script("/a", Answer(redirect="/a"))
    with pytest.raises(NetworkError, match="more than 4 redirects"):
        fetcher(server.url, follow_redirects=True, max_retries=0).fetch(
            "a", Collector()
        )
    assert server.count() == 5


def test_redirect_to_a_file_is_refused(
    server: FaultyServer, fetcher: MakeFetcher
) -> None:
    server.script("/a", Answer(redirect="file:///etc/passwd"))
    with pytest.raises(NetworkError, match="no web"):
        fetcher(server.url, follow_redirects=True).fetch("a", Collector())
