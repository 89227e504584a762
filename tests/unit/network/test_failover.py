# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from interpose.network.failover import Backoff, Failure, Place, Route, Walk


def walk(proxies: int = 1, hosts: int = 1, retries: int = 1) -> Walk:
    return Walk(Route(proxies, hosts), retries, no_cache=False)


def test_transfer_error_is_tried_again_at_the_same_place_first() -> None:
    tries = walk(proxies=2, hosts=2)
    assert tries.go_on(Failure.TRANSFER, direct=False)
    assert tries.place == Place(0, 0)


def test_transfer_error_then_leaves_the_proxy() -> None:
    tries = walk(proxies=2, hosts=2, retries=0)
    assert tries.go_on(Failure.TRANSFER, direct=False)
    assert tries.place == Place(1, 0)


def test_direct_transfer_error_then_leaves_the_host() -> None:
    tries = walk(proxies=2, hosts=2, retries=0)
    assert tries.go_on(Failure.TRANSFER, direct=True)
    assert tries.place == Place(0, 1)


def test_retries_are_counted_for_the_whole_request() -> None:
    tries = walk(proxies=3, retries=1)
    places = [tries.place]
    while tries.go_on(Failure.TRANSFER, direct=False):
        places.append(tries.place)
    assert places == [Place(0, 0), Place(0, 0), Place(1, 0), Place(2, 0)]


def test_next_host_starts_with_the_first_proxy() -> None:
    tries = walk(proxies=2, hosts=2)
    places = [tries.place]
    while tries.go_on(Failure.PROXY, direct=False):
        places.append(tries.place)
    assert places == [Place(0, 0), Place(1, 0), Place(0, 1), Place(1, 1)]


def test_host_error_asks_each_host_once_through_the_same_proxy() -> None:
    tries = walk(proxies=2, hosts=3)
    places = [tries.place]
    while tries.go_on(Failure.HOST, direct=False):
        places.append(tries.place)
    assert places == [Place(0, 0), Place(0, 1), Place(0, 2)]


def test_bad_data_is_asked_once_more_past_caches_then_elsewhere() -> None:
    tries = walk(proxies=2, hosts=2)
    assert not tries.no_cache
    assert tries.go_on(Failure.BAD_DATA, direct=False)
    assert tries.no_cache
    assert tries.place == Place(0, 0)
    assert tries.go_on(Failure.BAD_DATA, direct=False)
    assert tries.place == Place(0, 1)
    assert not tries.go_on(Failure.BAD_DATA, direct=False)


@given(
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(0, 3),
    st.lists(st.tuples(st.sampled_from(Failure), st.booleans()), min_size=25),
)
def test_every_walk_ends(
    proxies: int, hosts: int, retries: int, failures: list[tuple[Failure, bool]]
) -> None:
    tries = walk(proxies, hosts, retries)
    bound = proxies * hosts + retries + 1
    steps = 0
    for failure, direct in failures:
        if not tries.go_on(failure, direct=direct):
            break
        steps += 1
        assert 0 <= tries.place.proxy < proxies
        assert 0 <= tries.place.host < hosts
    assert steps <= bound


def test_route_keeps_what_worked_last() -> None:
    route = Route(2, 2)
    route.proxy_answered(Place(0, 0), Place(1, 1))
    assert route.place == Place(1, 0)
    route.host_answered(Place(0, 0), Place(1, 1))
    assert route.place == Place(1, 1)


def test_fetch_that_never_moved_does_not_undo_a_switch() -> None:
    route = Route(2, 2)
    route.host_answered(Place(0, 0), Place(0, 1))
    route.host_answered(Place(0, 0), Place(0, 0))
    route.proxy_answered(Place(0, 0), Place(0, 0))
    assert route.place == Place(0, 1)


def test_rejected_host_is_left_only_while_it_is_current() -> None:
    route = Route(1, 3)
    route.leave_host(0)
    route.leave_host(0)
    assert route.place == Place(0, 1)


def test_backoff_doubles_up_to_its_ceiling() -> None:
    backoff = Backoff(2.0, 3.0)
    first = backoff.next_s()
    assert 0.0 <= first <= 2.0
    assert backoff.next_s() == min(2 * first, 3.0)
    assert [backoff.next_s() for _ in range(80)][-1] <= 3.0
