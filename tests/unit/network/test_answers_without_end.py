# SPDX-License-Identifier: GPL-2.0-or-later
"""Every part of a response is bounded, in bytes and in time."""

from __future__ import annotations

import http.client
import socket
import threading

import pytest

from interpose.errors import InterposeError, NetworkError
from interpose.network import names
from interpose.network.metered import MAX_LINES_BYTES, Pace
from interpose.network.settings import Families
from tests.support.endless import MOST_BYTES, EndlessServer
from tests.support.faulty_server import FaultyServer
from tests.unit.network.conftest import MakeFetcher
from tests.unit.network.sinks import Collector

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
BODY = b"x" * 5000


@pytest.mark.parametrize(
    ("before", "piece"),
    [
        (b"", b"H" * 4096),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\nX-A: b\r\n\r\n"),
        (OK, b"X-A: b\r\n"),
        (OK + b"X-A: ", b"x" * 4096),
        (CHUNKED + b"5\r\nhello\r\n0\r\n", b"X-A: b\r\n"),
        (CHUNKED + b"5\r\nhello\r\n0\r\n", b"X-A: " + b"b" * 60000 + b"\r\n"),
        (CHUNKED + b"5\r\nhello\r\n0;", b"e" * 4096),
        (CHUNKED, b"1;" + b"e" * 60000 + b"\r\na\r\n"),
        (CHUNKED, b"0" * 60000 + b"1\r\na\r\n"),
        (CHUNKED, b"\r\n"),
        (CHUNKED + b"f" * 22 + b"\r\n", b"x" * 4096),
        (OK + b"\r\n", b"x" * 4096),
    ],
    ids=[
        "status line",
        "continue",
        "continue with headers",
        "headers",
        "one header",
        "trailers",
        "long trailers",
        "extension of the last chunk",
        "extensions of chunks",
        "zeros of chunk sizes",
        "empty chunk sizes",
        "one chunk",
        "body",
    ],
)
def test_answer_without_end_is_left(
    before: bytes, piece: bytes, fetcher: MakeFetcher
) -> None:
    with EndlessServer(before, piece) as server:
        sink = Collector()
        with pytest.raises(InterposeError, match="cannot fetch a"):
            fetcher(server.url).fetch("a", sink, limit_bytes=len(BODY))
        assert sink.is_clean
    # What is under way in the buffers of both sockets does not count.
    assert 1 <= len(server.sent) <= 2
    assert max(server.sent) < MOST_BYTES


def test_small_chunks_and_a_trailer_are_good(
    server: FaultyServer, fetcher: MakeFetcher
) -> None:
    lines = b"".join(b"1\r\n%c\r\n" % byte for byte in BODY)
    answer = CHUNKED + lines + b"0\r\nX-Sum: 7\r\n\r\n"
    with EndlessServer(answer, b"HTTP/1.1 200 OK\r\n") as endless:
        sink = Collector(BODY)
        fetcher(endless.url).fetch("a", sink)
    assert sink.data == BODY


def test_trailers_that_come_slowly_use_up_the_time_of_headers() -> None:
    pace = Pace(low_speed_limit=10, timeout_s=5.0)
    pace.add(2000, 1.0)
    pace.add_line(2000)
    pace.add_body(0)
    pace.add(100_000, 40.0)  # A body may take its time.
    pace.add_body(100_000)
    pace.add_line(3)
    pace.add(1000, 4.0)
    pace.add_line(1000)
    pace.add(1000, 4.0)
    with pytest.raises(socket.timeout, match="headers"):
        pace.add(1000, 4.0)


def test_lines_may_be_as_many_as_the_body_needs() -> None:
    pace = Pace(low_speed_limit=1, timeout_s=5.0)
    for _ in range(MAX_LINES_BYTES):
        pace.add_line(3)
        pace.add_body(1)
    with pytest.raises(http.client.HTTPException):
        pace.add_line(7 * MAX_LINES_BYTES)


def test_name_service_that_does_not_answer_holds_nobody(
    server: FaultyServer, fetcher: MakeFetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent, asked = threading.Event(), []
    real = socket.getaddrinfo

    def look(host: str, *rest: object) -> object:
        if host.endswith(".example.org"):
            asked.append(host)
            silent.wait()
        return real(host, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", look)
    server.put("/a", BODY)
    one = fetcher("http://silent.example.org", server.url, timeout_direct_s=0.2)
    try:
        with pytest.raises(NetworkError, match="too slow"):
            fetcher("http://silent.example.org", timeout_direct_s=0.2).fetch(
                "a", Collector()
            )
        one.fetch("a", Collector(BODY))
        # One question is enough, however many wait for its answer.
        assert asked == ["silent.example.org"]
    finally:
        silent.set()


def test_dead_addresses_of_a_name_share_its_time(server: FaultyServer) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = names.look_up("127.0.0.1", closed.getsockname()[1], 0, 1.0)
        good = names.look_up("127.0.0.1", server.port, 0, 1.0)
        names.connect(dead * 5 + good, 30.0).close()
        with pytest.raises(ConnectionRefusedError):
            names.connect(dead, 30.0)


def test_addresses_of_a_proxy_are_those_of_the_family_that_was_asked_for() -> None:
    four: names.Address = (socket.AF_INET, 1, 6, "", ("192.0.2.1", 3128))
    other: names.Address = (socket.AF_INET, 1, 6, "", ("192.0.2.2", 3128))
    six: names.Address = (socket.AF_INET6, 1, 6, "", ("2001:db8::1", 3128, 0, 0))
    found = names.in_order([six, four, other], Families())
    assert found[-1] == six
    assert {*found} == {four, other, six}
    prefers_six = Families(preferred_of_proxies=6, most_of_proxy=1)
    assert names.in_order([four, six, other], prefers_six) == [six]
