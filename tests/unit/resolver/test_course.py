# SPDX-License-Identifier: GPL-2.0-or-later
"""What is expected of a directory whose files are asked for in some order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from interpose.resolver.course import IN_ORDER, MOST_AHEAD, Course

COUNT = 300


def never(place: int) -> bool:
    del place
    return False


def expected(places: list[int], course: Course | None = None) -> list[list[int]]:
    course = course or Course(COUNT, never)
    return [list(course.asked(place)) for place in places]


def test_the_third_in_order_shows_the_next_ones() -> None:
    assert expected([0, 1, 2]) == [[], [], [3, 4, 5]]


def test_more_is_expected_the_longer_it_goes_on() -> None:
    course = Course(10_000, never)
    ends = [0]
    for place in range(200):
        ends.append(max([*course.asked(place), ends[-1]]))
    ahead = [end - place for place, end in enumerate(ends[1:])][IN_ORDER - 1 :]
    assert ahead[0] == IN_ORDER
    assert max(ahead) == MOST_AHEAD
    assert min(ahead[MOST_AHEAD:]) >= MOST_AHEAD // 2 - 1


def test_every_second_one_is_no_order() -> None:
    assert not any(expected(list(range(0, COUNT, 2))))


def test_what_nobody_would_ask_for_is_no_gap() -> None:
    course = Course(COUNT, lambda place: place % 2 == 1)
    assert any(expected([0, 2, 4, 6], course))


def test_readers_side_by_side_ask_in_an_order_too() -> None:
    places = [1, 0, 3, 2, 5, 4, 7, 6]
    assert any(expected(places))


def test_a_new_row_begins_small() -> None:
    course = Course(10_000, never)
    expected(list(range(100)), course)
    far = expected([5000, 5001, 5002], course)
    assert far == [[], [], [5003, 5004, 5005]]
    back = expected([2000, 2001, 2002], course)
    assert back == [[], [], [2003, 2004, 2005]]


def test_one_that_was_noted_counts() -> None:
    course = Course(COUNT, never)
    course.note(0)
    course.note(1)
    assert list(course.asked(2)) == [3, 4, 5]


@given(
    st.lists(st.integers(0, COUNT - 1), max_size=200),
    st.sets(st.integers(0, COUNT - 1), max_size=50),
)
def test_never_more_than_was_asked_for(places: list[int], silent: set[int]) -> None:
    course = Course(COUNT, silent.__contains__)
    for number, place in enumerate(places, 1):
        new = course.asked(place)
        assert len(new) <= min(number, MOST_AHEAD)
        assert all(place < one < COUNT for one in new)


@given(st.integers(IN_ORDER + 1, COUNT))
def test_in_order_each_is_expected_once(count: int) -> None:
    course = Course(count, never)
    found = [one for place in range(count) for one in course.asked(place)]
    assert found == list(range(IN_ORDER, count))
