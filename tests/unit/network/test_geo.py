# SPDX-License-Identifier: GPL-2.0-or-later
"""GeoAPI: servers, and proxies to fall back on, nearest first."""

from __future__ import annotations

import pytest

from interpose.network.memory import OwnMemory
from tests.support.faulty_server import Answer, FaultyServer
from tests.unit.network.conftest import MakeFetcher
from tests.unit.network.sinks import Collector

BODY = bytes(range(256)) * 10
GEO = "/api/v1.0/geo/interpose/127.0.0.1,127.0.0.1"


def test_servers_are_asked_nearest_first_and_their_order_once(
    server: FaultyServer, second: FaultyServer, fetcher: MakeFetcher
) -> None:
    for each in (server, second):
        each.put(GEO, b"2,1\n")
        each.put("/a", BODY)
    memory = OwnMemory()
    for _ in range(2):
        one = fetcher(server.url, second.url, use_geo=True, memory=memory)
        assert one.fetch("a", Collector(BODY)).url == f"{second.url}/a"
    assert server.count(GEO) + second.count(GEO) == 1


def test_proxy_is_named_where_its_place_counts(
    server: FaultyServer, proxy: FaultyServer, fetcher: MakeFetcher
) -> None:
    path = "/api/v1.0/geo/127.0.0.1/127.0.0.1,localhost"
    other = server.url.replace("127.0.0.1", "localhost")
    server.put(path, b"2,1")
    server.put("/a", BODY)
    one = fetcher(server.url, other, use_geo=True, max_servers=1, proxies=[proxy.url])
    assert one.fetch("a", Collector(BODY)).url == f"{other}/a"
    assert proxy.count(path) == 1


@pytest.mark.parametrize("answer", [b"1,1", b"2", b"3,2,1", b"<html>", b"", b"0,1"])
def test_odd_order_leaves_the_servers_as_they_are(
    answer: bytes, server: FaultyServer, second: FaultyServer, fetcher: MakeFetcher
) -> None:
    for each in (server, second):
        each.put(GEO, answer)
        each.put("/a", BODY)
    notices: list[str] = []
    one = fetcher(server.url, second.url, use_geo=True, notices=notices)
    assert one.fetch("a", Collector(BODY)).url == f"{server.url}/a"
    assert ["CVMFS_USE_GEOAPI" in line for line in notices] == [True]


def test_fallback_proxies_are_asked_nearest_first_too(
    server: FaultyServer,
    second: FaultyServer,
    proxy: FaultyServer,
    fetcher: MakeFetcher,
) -> None:
    proxy.script("/a", Answer(status=403, body=b""))
    path = "/api/v1.0/geo/127.0.0.1/127.0.0.1,127.0.0.1,far.example.org,127.0.0.1"
    for each in (server, second):
        each.put(path, b"4,2,3,1\n")
        each.put("/a", BODY)
    with FaultyServer(proxy=True) as near:
        one = fetcher(
            server.url,
            second.url,
            use_geo=True,
            proxies=[proxy.url, "http://far.example.org:1", (near.url,)],
            fallback_groups=2,
            max_retries=0,
        )
        fetched = one.fetch("a", Collector(BODY))
        assert (fetched.url, fetched.proxy) == (f"{second.url}/a", near.url)
        assert near.count(path) == 0
        assert proxy.count(path) == 1


@pytest.mark.parametrize("template", ["", "site one"])
def test_servers_are_near_a_fallback_proxy_where_there_is_no_other(
    template: str, server: FaultyServer, second: FaultyServer, fetcher: MakeFetcher
) -> None:
    caller = template.replace(" ", "%20") or "interpose"
    path = f"/api/v1.0/geo/{caller}/127.0.0.1,127.0.0.1,+PXYSEP+,127.0.0.1"
    for each in (server, second):
        each.put(path, b"2,4,3,1")
        each.put("/a", BODY)
    with FaultyServer(proxy=True) as only:
        one = fetcher(
            server.url,
            second.url,
            use_geo=True,
            proxy_template=template,
            proxies=[only.url],
            fallback_groups=1,
        )
        fetched = one.fetch("a", Collector(BODY))
        assert (fetched.url, fetched.proxy) == (f"{second.url}/a", only.url)
        assert only.count(path) == 0


def test_one_server_sorts_the_fallback_proxies(
    server: FaultyServer, proxy: FaultyServer, fetcher: MakeFetcher
) -> None:
    server.put("/api/v1.0/geo/interpose/127.0.0.1,away.example.org,127.0.0.1", b"3,1,2")
    server.put("/a", BODY)
    proxies = ["http://away.example.org:1", proxy.url]
    one = fetcher(server.url, use_geo=True, proxies=proxies, fallback_groups=2)
    assert one.fetch("a", Collector(BODY)).proxy == proxy.url


def test_the_order_is_asked_for_by_names_that_are_sorted(
    server: FaultyServer, fetcher: MakeFetcher
) -> None:
    path = "/api/v1.0/geo/interpose/127.0.0.1,localhost"
    other = server.url.replace("127.0.0.1", "localhost")
    server.put(path, b"1,2")
    server.put("/a", BODY)
    one = fetcher(other, server.url, use_geo=True)
    assert one.fetch("a", Collector(BODY)).url == f"{server.url}/a"
