# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from interpose.network.failover import Backoff, Failure, Resets, Route, Walk, Way
from interpose.network.memory import OwnMemory


class Clock:
    """A time that tests set."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def route(proxies: int = 1, hosts: int = 1, memory: OwnMemory | None = None) -> Route:
    """Proxies p0, p1... in groups of one, and hosts h0, h1..."""
    groups = [(f"p{n}",) for n in range(proxies)]
    names = [f"h{n}" for n in range(hosts)]
    return Route(groups, names, Resets(60, 60), memory or OwnMemory())


def walk(proxies: int = 1, hosts: int = 1, retries: int = 1) -> Walk:
    return Walk(route(proxies, hosts), retries)


def ways(tries: Walk, failure: Failure, *, direct: bool = False) -> list[str]:
    """Where a walk goes that always fails so."""
    found = [tries.way.proxy + tries.way.host]
    while tries.go_on(failure, direct=direct):
        found.append(tries.way.proxy + tries.way.host)
    return found


def test_transfer_error_is_tried_again_at_the_same_place_first() -> None:
    tries = walk(proxies=2, hosts=2)
    assert tries.go_on(Failure.TRANSFER, direct=False)
    assert tries.way == Way("p0", "h0")


def test_transfer_error_then_leaves_the_proxy() -> None:
    tries = walk(proxies=2, hosts=2, retries=0)
    assert tries.go_on(Failure.TRANSFER, direct=False)
    assert tries.way == Way("p1", "h0")


def test_direct_transfer_error_then_leaves_the_host() -> None:
    tries = walk(proxies=2, hosts=2, retries=0)
    assert tries.go_on(Failure.TRANSFER, direct=True)
    assert tries.way == Way("p0", "h1")


def test_retries_are_counted_for_the_whole_request() -> None:
    found = ways(walk(proxies=3, retries=1), Failure.TRANSFER)
    assert found == ["p0h0", "p0h0", "p1h0", "p2h0"]


def test_next_host_starts_with_the_first_proxy() -> None:
    found = ways(walk(proxies=2, hosts=2), Failure.PROXY)
    assert found == ["p0h0", "p1h0", "p0h1", "p1h1"]


def test_hosts_that_are_used_up_are_asked_through_the_other_proxies() -> None:
    found = ways(walk(proxies=2, hosts=2), Failure.HOST)
    assert found == ["p0h0", "p0h1", "p1h0", "p1h1"]


def test_absent_object_is_asked_of_each_host_once() -> None:
    assert ways(walk(proxies=3, hosts=2), Failure.ABSENT) == ["p0h0", "p0h1"]


def test_host_that_said_404_is_not_asked_through_another_proxy() -> None:
    tries = walk(proxies=2, hosts=2)
    assert tries.go_on(Failure.ABSENT, direct=False)
    assert ways(tries, Failure.HOST) == ["p0h1", "p1h1"]


def test_bad_data_is_asked_once_more_past_caches_then_elsewhere() -> None:
    tries = walk(proxies=2, hosts=2)
    assert not tries.no_cache
    assert tries.go_on(Failure.BAD_DATA, direct=False)
    assert tries.no_cache
    assert ways(tries, Failure.BAD_DATA) == ["p0h0", "p0h1", "p1h0", "p1h1"]


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
    tried = [tries.way]
    for failure, direct in failures:
        if not tries.go_on(failure, direct=direct):
            break
        tried.append(tries.way)
    # Once more for each retry, and once more past all caches.
    assert len(tried) <= len(set(tried)) + retries + 1
    assert len(set(tried)) <= proxies * hosts


def start(one: Route) -> str:
    way = Walk(one, 0).way
    return way.proxy + way.host


def test_proxy_that_failed_where_another_worked_is_tried_last() -> None:
    one = route(3, 2)
    tries = Walk(one, 0)
    tries.go_on(Failure.PROXY, direct=False)
    assert start(one) == "p0h0"
    tries.worked()
    assert one.proxies_for("") == ("p1", "p2", "p0")
    assert one.hosts_now() == ("h0", "h1")


def test_proxy_is_left_as_well_when_the_next_one_has_a_404() -> None:
    one = route(2, 1)
    tries = Walk(one, 0)
    tries.go_on(Failure.PROXY, direct=False)
    tries.answered()
    assert start(one) == "p1h0"


def test_host_that_no_proxy_could_reach_is_left_and_the_proxies_are_not() -> None:
    one = route(2, 2)
    tries = Walk(one, 0)
    for _ in range(2):
        tries.go_on(Failure.PROXY, direct=False)
    tries.worked()
    assert start(one) == "p0h1"
    assert one.proxies_for("") == ("p0", "p1")


def test_proxy_whose_hosts_were_all_bad_is_left_when_another_has_the_object() -> None:
    one = route(2, 2)
    tries = Walk(one, 0)
    for _ in range(2):
        tries.go_on(Failure.HOST, direct=False)
    tries.worked()
    assert one.proxies_for("") == ("p1", "p0")
    assert one.hosts_now() == ("h0", "h1")


def test_fetch_that_never_moved_does_not_undo_a_switch() -> None:
    one = route(2, 2)
    unmoved, tries = Walk(one, 0), Walk(one, 0)
    tries.go_on(Failure.HOST, direct=False)
    tries.worked()
    unmoved.answered()
    assert start(one) == "p0h1"


def test_what_failed_has_its_turn_again_after_the_reset_time() -> None:
    clock = Clock()
    memory = OwnMemory(clock)
    first = route(2, 2, memory)
    tries = Walk(first, 0)
    tries.go_on(Failure.PROXY, direct=False, is_dead=True)
    tries.go_on(Failure.HOST, direct=False, is_dead=True)
    tries.worked()
    # The next run knows it, for that long and not from the future.
    assert start(route(2, 2, memory)) == "p1h1"
    clock.now += 59
    assert start(route(2, 2, memory)) == "p1h1"
    clock.now += 2
    assert start(route(2, 2, memory)) == "p0h0"
    clock.now -= 3600
    assert start(route(2, 2, memory)) == "p0h0"


def test_answers_are_held_against_nobody_in_the_next_run() -> None:
    memory = OwnMemory()
    first = route(2, 2, memory)
    tries = Walk(first, 0)
    tries.go_on(Failure.PROXY, direct=False)
    tries.worked()
    assert start(first) == "p1h0"
    assert start(route(2, 2, memory)) == "p0h0"


def test_what_is_known_of_a_server_holds_for_its_other_repositories() -> None:
    memory = OwnMemory()
    names = [("http://a:1/x", "http://b:2/x"), ("http://a:1/y", "http://b:2/y")]
    proxies = [("http://user:secret@p:1",), ("http://q:2",)]
    one, other = (Route(proxies, n, Resets(), memory) for n in names)
    one.host_failed("http://a:1/x", is_dead=True)
    one.proxy_failed("http://user:secret@p:1", is_dead=True)
    assert start(other) == "http://q:2http://b:2/y"
    assert not any("secret" in name for name in memory._noted)


def test_what_works_again_is_forgotten() -> None:
    memory = OwnMemory()
    one = route(2, 1, memory)
    one.proxy_failed("p0", is_dead=True)
    one.worked(Way("p0", "h0"))
    assert start(one) == start(route(2, 1, memory)) == "p0h0"


def test_group_is_used_up_before_the_next_one() -> None:
    groups = [("a", "b", "c"), ("d",)]
    one = Route(groups, ["h"], Resets(), OwnMemory())
    for proxy in "ba":
        one.proxy_failed(proxy, is_dead=False)
    assert one.proxies_for("") == ("c", "d", "a", "b")
    one.proxy_failed("c", is_dead=False)
    assert one.proxies_for("")[0] == "d"


def test_sharded_objects_are_spread_and_each_has_its_proxy() -> None:
    members = ["a", "b", "c"]
    one = Route([members], ["h"], Resets(), OwnMemory(), sharded=True)
    backwards = Route([members[::-1]], ["h"], Resets(), OwnMemory(), sharded=True)
    orders = {key: one.proxies_for(key) for key in map(str, range(60))}
    assert {order[0] for order in orders.values()} == {*members}
    assert all(backwards.proxies_for(key) == order for key, order in orders.items())
    one.proxy_failed("b", is_dead=False)
    moved = [k for k, order in orders.items() if one.proxies_for(k)[0] != order[0]]
    assert moved == [key for key, order in orders.items() if order[0] == "b"]


def test_backoff_doubles_up_to_its_ceiling() -> None:
    backoff = Backoff(2.0, 3.0)
    first = backoff.next_s()
    assert 0.0 <= first <= 2.0
    assert backoff.next_s() == min(2 * first, 3.0)
    assert [backoff.next_s() for _ in range(80)][-1] <= 3.0
