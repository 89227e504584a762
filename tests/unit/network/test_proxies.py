# SPDX-License-Identifier: GPL-2.0-or-later
"""Whose fault an answer is, who is asked next, and what is known of it later."""

from __future__ import annotations

import pytest

from interpose.errors import NetworkError, NoProxy, NotOnServer
from interpose.network.memory import OwnMemory
from tests.support.faulty_server import GOOD, Answer, FaultyServer
from tests.unit.network.conftest import MakeFetcher
from tests.unit.network.sinks import Collector

BODY = bytes(range(256)) * 10
SQUID = ("X-Squid-Error", "ERR_READ_ERROR 0")


@pytest.mark.parametrize(
    ("status", "header"),
    [
        (502, SQUID),
        (503, ("X-Squid-Error", "ERR_CONNECT_FAIL 113")),
        (404, SQUID),
        (504, ("Proxy-Status", "cache1; error=connection_timeout")),
        (500, ("Proxy-Status", "cache1")),
    ],
)
def test_error_that_a_proxy_calls_its_own_is_the_proxys(
    status: int,
    header: tuple[str, str],
    server: FaultyServer,
    second: FaultyServer,
    proxy: FaultyServer,
    fetcher: MakeFetcher,
) -> None:
    for each in (server, second):
        each.put("/a", BODY)
    proxy.script("*", Answer(status=status, body=b"", headers=(header,)))
    one = fetcher(server.url, second.url, proxies=[proxy.url, "DIRECT"])
    for _ in range(2):
        one.fetch("a", Collector(BODY))
    # One request shows it; the server was not left for it.
    assert (proxy.count(), server.count(), second.count()) == (1, 2, 0)


def test_error_that_a_proxy_passes_on_is_the_servers(
    server: FaultyServer,
    second: FaultyServer,
    proxy: FaultyServer,
    fetcher: MakeFetcher,
) -> None:
    second.put("/a", BODY)
    passed = ("Proxy-Status", "cache1; received-status=503")
    proxy.script("*", Answer(status=503, body=b"", headers=(passed,)), GOOD)
    proxy.put("/a", BODY)
    one = fetcher(server.url, second.url, proxies=[proxy.url, "DIRECT"])
    one.fetch("a", Collector(BODY))
    assert [seen.target for seen in proxy.requests] == [
        f"{server.url}/a",
        f"{second.url}/a",
    ]


def test_the_same_header_without_a_proxy_is_the_hosts(
    server: FaultyServer, second: FaultyServer, fetcher: MakeFetcher
) -> None:
    second.put("/a", BODY)
    server.script("*", Answer(status=502, body=b"", headers=(SQUID,)))
    fetcher(server.url, second.url).fetch("a", Collector(BODY))
    assert (server.count(), second.count()) == (1, 1)


@pytest.mark.parametrize(
    "answer", [Answer(status=503, body=b""), Answer(body=b"<html>")]
)
def test_other_proxies_are_asked_when_all_hosts_are_used_up(
    answer: Answer,
    server: FaultyServer,
    second: FaultyServer,
    proxy: FaultyServer,
    fetcher: MakeFetcher,
) -> None:
    server.put("/a", BODY)
    proxy.script("*", answer)
    one = fetcher(server.url, second.url, proxies=[proxy.url, "DIRECT"])
    one.fetch("a", Collector(BODY))
    proxy.forget()
    one.fetch("a", Collector(BODY))
    assert proxy.count() == 0


def test_404_of_all_hosts_is_not_asked_of_the_other_proxies(
    server: FaultyServer, proxy: FaultyServer, fetcher: MakeFetcher
) -> None:
    one = fetcher(server.url, proxies=[proxy.url, "DIRECT"])
    with pytest.raises(NotOnServer):
        one.fetch("a", Collector())
    assert (proxy.count(), server.count()) == (1, 1)


def test_members_of_a_group_share_the_load(
    server: FaultyServer, fetcher: MakeFetcher
) -> None:
    server.put("/a", BODY)
    with FaultyServer(proxy=True) as a, FaultyServer(proxy=True) as b:
        used = set()
        for _ in range(64):
            group = (a.url, b.url)
            one = fetcher(server.url, proxies=[group, "DIRECT"])
            used.add(one.fetch("a", Collector(BODY)).proxy)
        assert used == {a.url, b.url}
        assert a.count() + b.count() == 64


def test_group_of_proxies_is_used_up_before_the_next(
    server: FaultyServer, proxy: FaultyServer, dead_url: str, fetcher: MakeFetcher
) -> None:
    server.put("/a", BODY)
    for _ in range(8):
        one = fetcher(server.url, proxies=[(dead_url, proxy.url), "DIRECT"])
        assert one.fetch("a", Collector(BODY)).proxy == proxy.url


def test_objects_are_spread_over_the_group_where_that_is_wanted(
    server: FaultyServer, fetcher: MakeFetcher
) -> None:
    with FaultyServer(proxy=True) as a, FaultyServer(proxy=True) as b:
        one = fetcher(server.url, proxies=[(a.url, b.url)], proxy_shard=True)
        for n in range(40):
            server.put(f"/{n}", BODY)
            one.fetch(f"{n}", Collector(BODY))
            one.fetch(f"{n}", Collector(BODY))
        paths = [{seen.path for seen in each.requests} for each in (a, b)]
    assert all(paths)
    assert not paths[0] & paths[1]


def test_dead_proxy_costs_one_fetcher_only(
    server: FaultyServer, proxy: FaultyServer, dead_url: str, fetcher: MakeFetcher
) -> None:
    server.put("/a", BODY)
    memory, retries = OwnMemory(), []
    for _ in range(3):
        one = fetcher(server.url, proxies=[dead_url, proxy.url], memory=memory)
        one.fetch("a", Collector(BODY))
        retries.append(one.statistics()["retries"])
    assert retries == [1, 0, 0]


def test_proxy_that_answers_with_an_error_is_asked_by_the_next_fetcher(
    server: FaultyServer, proxy: FaultyServer, fetcher: MakeFetcher
) -> None:
    server.put("/a", BODY)
    proxy.script("*", Answer(status=403, body=b""))
    memory = OwnMemory()
    for _ in range(2):
        one = fetcher(server.url, proxies=[proxy.url, "DIRECT"], memory=memory)
        for _ in range(2):
            one.fetch("a", Collector(BODY))
    assert proxy.count() == 2


def test_dead_host_costs_one_fetcher_only(
    server: FaultyServer, dead_url: str, fetcher: MakeFetcher
) -> None:
    server.put("/r/a", BODY)
    server.put("/s/a", BODY)
    memory, retries = OwnMemory(), []
    for path in ("r", "s"):
        one = fetcher(f"{dead_url}/{path}", f"{server.url}/{path}", memory=memory)
        one.fetch("a", Collector(BODY))
        retries.append(one.statistics()["retries"])
    assert retries == [1, 0]


def test_dead_names_never_make_an_answer_impossible(
    server: FaultyServer, fetcher: MakeFetcher
) -> None:
    server.put("/a", BODY)
    memory = OwnMemory()
    for name in ("proxy DIRECT", f"host {server.url}"):
        memory.note(name, "")
    fetcher(server.url, memory=memory).fetch("a", Collector(BODY))
    with pytest.raises(NetworkError):
        fetcher(server.url, memory=memory).fetch("b", Collector(BODY))


def test_servers_beyond_the_wanted_number_are_not_asked(
    server: FaultyServer, second: FaultyServer, fetcher: MakeFetcher
) -> None:
    second.put("/a", BODY)
    with pytest.raises(NotOnServer):
        fetcher(server.url, second.url, max_servers=1).fetch("a", Collector())
    assert second.count() == 0


# Proxies that are discovered


def pac(*answers: str) -> bytes:
    """A file that gives the answers for hosts 1.example.org, 2..., the last for all."""
    lines = [
        f'if (dnsDomainIs(host, "{n}.example.org")) return "{answer}";'
        for n, answer in enumerate(answers[:-1], 1)
    ]
    script = " ".join([*lines, f'return "{answers[-1]}";'])
    return f"function FindProxyForURL(url, host) {{ {script} }}".encode()


def test_auto_means_what_the_file_says_and_asks_once(
    server: FaultyServer,
    second: FaultyServer,
    proxy: FaultyServer,
    fetcher: MakeFetcher,
) -> None:
    server.put("/a", BODY)
    second.put("/wpad.dat", pac("PROXY no.example.org:1", f"PROXY {proxy.url[7:]}"))
    memory = OwnMemory()
    for _ in range(2):
        one = fetcher(
            server.url,
            proxies=["auto"],
            pac_urls=(f"{second.url}/missing", f"{second.url}/wpad.dat"),
            memory=memory,
        )
        assert one.fetch("a", Collector(BODY)).proxy == proxy.url
    assert second.count("/wpad.dat") == 1
    assert server.count() == proxy.count() == 2


def test_proxies_of_a_file_are_tried_in_its_order(
    server: FaultyServer,
    second: FaultyServer,
    proxy: FaultyServer,
    dead_url: str,
    fetcher: MakeFetcher,
) -> None:
    server.put("/a", BODY)
    text = f"PROXY {dead_url[7:]}; SOCKS x:1; PROXY {proxy.url[7:]}; DIRECT"
    second.put("/p", pac(text))
    for _ in range(4):
        one = fetcher(server.url, proxies=["auto"], pac_urls=(f"{second.url}/p",))
        assert one.fetch("a", Collector(BODY)).proxy == proxy.url
        assert one.statistics()["retries"] == 1


def test_direct_of_a_file_is_said(
    server: FaultyServer, second: FaultyServer, fetcher: MakeFetcher
) -> None:
    server.put("/a", BODY)
    second.put("/p", pac("DIRECT"))
    notices: list[str] = []
    urls = (f"{second.url}/p",)
    one = fetcher(server.url, proxies=["auto"], pac_urls=urls, notices=notices)
    one.fetch("a", Collector(BODY))
    assert len(notices) == 1
    assert "DIRECT" in notices[0]
    strict = fetcher(
        server.url, proxies=["auto"], pac_urls=urls, auto_may_be_direct=False
    )
    with pytest.raises(NoProxy, match="names no proxy"):
        strict.fetch("a", Collector(BODY))


@pytest.mark.parametrize(
    "script",
    [
        b"function FindProxyForURL(url, host) { while (true) ; }",
        b"function FindProxyForURL(url, host) { throw 7; }",
        b"function FindProxyForURL(url, host) { return null; }",
        b"<html>no script</html>",
        b"",
    ],
)
def test_auto_without_an_answer_is_an_error_and_never_direct(
    script: bytes, server: FaultyServer, second: FaultyServer, fetcher: MakeFetcher
) -> None:
    server.put("/a", BODY)
    second.put("/p", script)
    urls = (f"{second.url}/p",)
    one = fetcher(server.url, proxies=["auto"], pac_urls=urls, timeout_direct_s=3.0)
    for _ in range(2):
        with pytest.raises(NoProxy, match="no proxy was discovered") as error:
            one.fetch("a", Collector())
    assert "CVMFS_HTTP_PROXY" in str(error.value)
    assert (server.count(), second.count()) == (0, 1)


def test_proxies_that_are_named_serve_where_none_is_discovered(
    server: FaultyServer, proxy: FaultyServer, dead_url: str, fetcher: MakeFetcher
) -> None:
    server.put("/a", BODY)
    notices: list[str] = []
    one = fetcher(
        server.url,
        proxies=["auto", proxy.url],
        pac_urls=(f"{dead_url}/p",),
        notices=notices,
    )
    assert one.fetch("a", Collector(BODY)).proxy == proxy.url
    assert len(notices) == 1
