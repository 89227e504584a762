# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from interpose.errors import (
    CacheFull,
    HashMismatch,
    NetworkError,
    NoProxy,
    NoServer,
    NotOnServer,
    Offline,
    TimedOut,
)
from interpose.network import Wanted
from tests.support.faulty_server import (
    GOOD,
    REFUSE,
    STALL,
    Answer,
    FaultyServer,
)
from tests.unit.network.conftest import MakeFetcher
from tests.unit.network.sinks import Collector, Kept

BODY = bytes(range(256)) * 1000
# Of those that stall: what answers has to do so in this time.
IMPATIENT_S = 3.0


def test_object_comes_whole(server: FaultyServer, fetcher: MakeFetcher) -> None:
    server.put("/r/data/x", BODY)
    sink = Collector()
    fetched = fetcher(server.url + "/r/").fetch("/data/x", sink)
    assert sink.data == BODY
    assert fetched.url == server.url + "/r/data/x"
    assert (fetched.proxy, fetched.bytes) == ("DIRECT", len(BODY))


def test_request_has_the_official_headers(
    server: FaultyServer, fetcher: MakeFetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    server.put("/a%20b[],%FF", b"x")
    one = fetcher(server.url, send_info=True, uuid="u-1")
    one.get(Wanted(b"a b[],\xff", info=b"/pa th"), Collector())
    (seen,) = server.requests
    assert seen.headers == {
        "host": f"127.0.0.1:{server.port}",
        "user-agent": "cvmfs interpose 0.1.0 u-1",
        "accept": "*/*",
        "accept-encoding": "identity",
        "connection": "Keep-Alive",
        "cvmfs-info": "/pa%20th",
    }


def test_no_cache_headers_are_sent_on_demand(
    server: FaultyServer, fetcher: MakeFetcher
) -> None:
    server.put("/a", b"x")
    fetcher(server.url).fetch("a", Collector(), no_cache=True)
    (seen,) = server.requests
    assert seen.headers["pragma"] == seen.headers["cache-control"] == "no-cache"
    assert "cvmfs-info" not in seen.headers


def test_missing_object_is_asked_of_each_server_once(
    server: FaultyServer, second: FaultyServer, fetcher: MakeFetcher
) -> None:
    with pytest.raises(NotOnServer) as error:
        fetcher(server.url, second.url, max_retries=3).fetch("a", Collector())
    assert (server.count(), second.count()) == (1, 1)
    assert server.url in str(error.value)
    assert "404" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("status", [400, 403, 404, 410, 500, 502, 503, 204, 304, 206])
def test_host_error_goes_to_the_next_server_at_once(
    status: int, server: FaultyServer, second: FaultyServer, fetcher: MakeFetcher
) -> None:
    server.script("*", Answer(status=status, body=b"error page"))
    second.put("/a", BODY)
    sink, pauses = Collector(), []
    fetcher(server.url, second.url, pauses=pauses).fetch("a", sink)
    assert sink.data == BODY
    assert (server.count(), pauses) == (1, [])


def test_404_of_one_and_error_of_another_is_no_proof_of_absence(
    server: FaultyServer, second: FaultyServer, fetcher: MakeFetcher
) -> None:
    second.script("*", Answer(status=503, body=b""))
    with pytest.raises(NetworkError) as error:
        fetcher(server.url, second.url).fetch("a", Collector())
    assert type(error.value) is NetworkError
    assert "404" in str(error.value)
    assert "503" in str(error.value)


@pytest.mark.parametrize(
    "fault",
    [
        REFUSE,
        STALL,
        Answer(status=429, body=b""),
        Answer(cut_after=1000),
        Answer(stall_after=1000),
        Answer(length=len(BODY) + 7, cut_after=len(BODY)),
        Answer(chunked=True, cut_after=1000),
        Answer(chunked=True, stall_after=1000),
        Answer(drip_s=0.05),
        Answer(drip_s=0.05, drip_headers=True),
        Answer(headers=tuple((f"X-{n}", "x" * 60000) for n in range(9))),
    ],
    ids=str,
)
def test_transfer_error_is_tried_again_after_a_backoff(
    fault: Answer, server: FaultyServer, fetcher: MakeFetcher
) -> None:
    server.put("/a", BODY)
    server.script("/a", fault, GOOD)
    sink, pauses = Collector(), []
    one = fetcher(server.url, pauses=pauses, timeout_direct_s=IMPATIENT_S)
    one.fetch("a", sink)
    assert sink.data == BODY
    assert (server.count(), len(pauses)) == (2, 1)
    assert one.statistics()["retries"] == 1


def test_refused_connection_is_one_line(fetcher: MakeFetcher, dead_url: str) -> None:
    with pytest.raises(NoServer, match=r"connection refused \(2 times\)") as error:
        fetcher(dead_url).fetch("a", Collector())
    assert dead_url in str(error.value)
    assert "\n" not in str(error.value)


def test_server_that_only_stalls_times_out(
    server: FaultyServer, fetcher: MakeFetcher
) -> None:
    server.script("*", STALL)
    with pytest.raises(TimedOut, match="too slow"):
        fetcher(server.url, timeout_direct_s=IMPATIENT_S).fetch("a", Collector())
    assert server.count() == 2


def test_unknown_host_is_left_without_a_retry(
    server: FaultyServer, fetcher: MakeFetcher
) -> None:
    server.put("/a", b"x")
    pauses: list[float] = []
    one = fetcher("http://no-such-host.invalid", server.url, pauses=pauses)
    one.fetch("a", Collector())
    assert pauses == []


def test_later_fetch_starts_with_the_server_that_worked(
    server: FaultyServer, second: FaultyServer, fetcher: MakeFetcher
) -> None:
    second.put("/a", b"x")
    one = fetcher(server.url, second.url)
    one.fetch("a", Collector())
    one.fetch("a", Collector())
    assert (server.count(), second.count()) == (1, 2)
    assert one.statistics()["failovers"] == 1


def test_rejected_server_is_left(
    server: FaultyServer, second: FaultyServer, fetcher: MakeFetcher
) -> None:
    for each in (server, second):
        each.put("/a", b"x")
    one = fetcher(server.url, second.url)
    one.reject(one.fetch("a", Collector()).url)
    assert one.fetch("a", Collector()).url == second.url + "/a"


def test_bad_data_is_asked_past_caches_then_of_the_next_server(
    server: FaultyServer, second: FaultyServer, fetcher: MakeFetcher
) -> None:
    server.put("/a", b"wrong")
    second.put("/a", BODY)
    sink = Collector(good=BODY)
    fetcher(server.url, second.url).fetch("a", sink)
    assert sink.data == BODY
    first, again = server.requests
    assert "pragma" not in first.headers
    assert again.headers["pragma"] == "no-cache"


def test_bad_data_everywhere_raises_what_the_sink_raised(
    server: FaultyServer, fetcher: MakeFetcher
) -> None:
    server.put("/a", b"wrong")
    sink = Collector(good=BODY)
    with pytest.raises(HashMismatch, match="cannot fetch a: wrong hash") as error:
        fetcher(server.url).fetch("a", sink)
    assert server.count() == 2
    assert sink.is_clean
    assert server.url in str(error.value)


def test_full_cache_ends_the_fetch_at_once(
    server: FaultyServer, second: FaultyServer, fetcher: MakeFetcher
) -> None:
    class Full(Kept):
        def write(self, data: bytes) -> None:  # noqa: ARG002
            raise CacheFull("the disk of the cache is full")

    server.put("/a", BODY)
    sink = Full(None)
    with pytest.raises(CacheFull):
        fetcher(server.url, second.url).fetch("a", lambda: sink)
    assert sink.aborted
    assert (server.count(), second.count()) == (1, 0)


def test_offline_asks_nobody(server: FaultyServer, fetcher: MakeFetcher) -> None:
    one = fetcher(server.url, offline=True)
    with pytest.raises(Offline):
        one.fetch("a", Collector())
    assert server.count() == 0
    assert one.statistics()["requests"] == 0


def test_no_server_at_all_is_an_error(fetcher: MakeFetcher) -> None:
    with pytest.raises(NoServer, match="CVMFS_SERVER_URL"):
        fetcher().fetch("a", Collector())


def test_file_url_is_read(tmp_path: Path, fetcher: MakeFetcher) -> None:
    (tmp_path / "a b").write_bytes(BODY)
    (tmp_path / "d").mkdir()
    one, sink = (
        fetcher(f"file://{tmp_path}", proxies=["http://127.0.0.1:1"]),
        Collector(),
    )
    assert one.fetch("a b", sink).proxy == "DIRECT"
    assert sink.data == BODY
    ranged = Collector()
    one.fetch("a b", ranged, byte_range=(10, 20))
    assert ranged.data == BODY[10:30]
    with pytest.raises(NotOnServer):
        one.fetch("missing", Collector())
    with pytest.raises(NetworkError, match="not a regular file"):
        one.fetch("d", Collector())


def test_proxy_gets_the_request(
    server: FaultyServer, proxy: FaultyServer, fetcher: MakeFetcher
) -> None:
    server.put("/a", BODY)
    sink = Collector()
    one = fetcher(server.url, proxies=[proxy.url])
    assert one.fetch("a", sink).proxy == proxy.url
    assert sink.data == BODY
    assert proxy.requests[0].target == server.url + "/a"
    assert one.statistics()["proxy"] == proxy.url


def test_dead_proxy_gives_way_and_stays_aside(
    server: FaultyServer, proxy: FaultyServer, fetcher: MakeFetcher, dead_url: str
) -> None:
    pauses: list[float] = []
    one = fetcher(server.url, proxies=[dead_url, proxy.url], pauses=pauses)
    for _ in range(2):
        with pytest.raises(NotOnServer):
            one.fetch("a", Collector())
    assert (proxy.count(), len(pauses)) == (2, 1)


@pytest.mark.parametrize("status", [400, 403, 407])
def test_client_error_through_a_proxy_is_the_proxys(
    status: int, server: FaultyServer, proxy: FaultyServer, fetcher: MakeFetcher
) -> None:
    server.put("/a", BODY)
    proxy.script("*", Answer(status=status, body=b""))
    fetcher(server.url, proxies=[proxy.url, "DIRECT"]).fetch("a", Collector())
    assert (proxy.count(), server.count()) == (1, 1)


def test_no_proxy_that_works_is_named_without_its_password(
    server: FaultyServer, fetcher: MakeFetcher, dead_url: str
) -> None:
    secret = dead_url.replace("http://", "http://user:secret@")
    with pytest.raises(NoProxy) as error:
        fetcher(server.url, proxies=[secret]).fetch("a", Collector())
    assert dead_url in str(error.value)
    assert "secret" not in str(error.value)
    assert server.count() == 0


def test_all_proxies_dead_then_the_next_host_is_tried_with_the_first(
    server: FaultyServer,
    second: FaultyServer,
    proxy: FaultyServer,
    fetcher: MakeFetcher,
) -> None:
    second.put("/a", BODY)
    proxy.script("*", REFUSE, REFUSE, GOOD)
    proxy.put("/a", BODY)
    one = fetcher(server.url, second.url, proxies=[proxy.url], max_retries=1)
    one.fetch("a", Collector())
    hosts = [seen.target for seen in proxy.requests]
    assert hosts == [server.url + "/a"] * 2 + [second.url + "/a"]


def test_many_threads_share_one_fetcher(
    server: FaultyServer, second: FaultyServer, fetcher: MakeFetcher
) -> None:
    for n in range(8):
        second.put(f"/{n}", BODY[n:])
    one = fetcher(server.url, second.url)
    sinks = {n: Collector(BODY[n % 8 :]) for n in range(32)}
    threads = [
        threading.Thread(target=one.fetch, args=(f"{n % 8}", sink))
        for n, sink in sinks.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(sink.data == BODY[n % 8 :] for n, sink in sinks.items())
    assert one.statistics()["requests"] == server.count() + second.count()


def test_connection_is_used_again(server: FaultyServer, fetcher: MakeFetcher) -> None:
    server.put("/a", BODY)
    one = fetcher(server.url)
    for _ in range(3):
        one.fetch("a", Collector(BODY))
    assert len({seen.client for seen in server.requests}) == 1


def test_requests_is_not_imported_before_the_first_fetch() -> None:
    code = (
        "import sys, interpose.network as n\n"
        "n.Fetcher(n.NetworkSettings(('http://127.0.0.1:1',)))\n"
        "sys.exit('requests' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
