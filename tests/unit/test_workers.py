# SPDX-License-Identifier: GPL-2.0-or-later
"""Work that is done side by side, and also where there can be no thread."""

from __future__ import annotations

import _thread
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from interpose.workers import Workers

PATIENCE_S = 60.0


class OutOfOrderError(Exception):
    """What a piece of work raises."""


def refuse(*_: object) -> int:
    raise RuntimeError("can't start new thread")


def never_begin(*_: object) -> int:
    """As where a new thread has no memory for its first step."""
    return 0


STARTS = {"threads": _thread.start_new_thread, "none": refuse, "unborn": never_begin}


@pytest.fixture(params=STARTS.values(), ids=STARTS)
def start(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_thread, "start_new_thread", request.param)


@pytest.mark.usefixtures("start")
def test_all_work_is_done_before_the_end() -> None:
    done: list[int] = []
    with Workers(4) as workers:
        for number in range(100):
            workers.submit(partial(done.append, number))
    assert sorted(done) == list(range(100))


@pytest.mark.usefixtures("start")
def test_each_task_gives_its_value_in_any_order() -> None:
    with Workers(3) as workers:
        tasks = [workers.submit(partial(pow, one, 2)) for one in range(20)]
        found = [workers.value_of(task) for task in reversed(tasks)]
    assert found == [one * one for one in reversed(range(20))]


@pytest.mark.usefixtures("start")
def test_an_error_ends_it_and_reaches_the_owner() -> None:
    begun: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        raise OutOfOrderError

    def submit_all() -> None:
        with Workers(2) as workers:
            for number in range(50):
                workers.submit(partial(work, number))

    with pytest.raises(OutOfOrderError):
        submit_all()
    assert 1 <= len(begun) <= 3, "those that were under way, and no other"


@pytest.mark.parametrize("start", [refuse, never_begin])
def test_an_error_of_the_owner_leaves_the_rest_undone(
    start: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_thread, "start_new_thread", start)
    begun: list[int] = []

    def submit_and_fail() -> None:
        with Workers(2) as workers:
            workers.submit(partial(begun.append, 1))
            raise OutOfOrderError

    with pytest.raises(OutOfOrderError):
        submit_and_fail()
    assert begun == []


def together(workers: Workers, parties: int) -> Callable[[], Any]:
    """Work that ends only where so many do it at a time."""
    barrier = threading.Barrier(parties)
    for _ in range(parties):
        workers.submit(lambda: barrier.wait(PATIENCE_S))
    return barrier.wait


def test_they_work_at_the_same_time_and_the_owner_with_them() -> None:
    with Workers(3) as workers:
        together(workers, 4)


def test_a_long_queue_is_worked_on_by_its_owner() -> None:
    """So it never grows beyond that."""
    may_end = threading.Event()
    done: list[str] = []
    try:
        with Workers(1) as workers:
            begun = threading.Event()

            def hold() -> None:
                begun.set()
                may_end.wait(PATIENCE_S)

            workers.submit(hold)
            assert begun.wait(PATIENCE_S)
            for number in range(10):
                workers.submit(lambda: done.append(threading.current_thread().name))
                workers.work_until(3)
                assert len(done) == max(0, number + 1 - 3)
            may_end.set()
    finally:
        may_end.set()
    assert set(done[:7]) == {threading.current_thread().name}


class Full(set):  # type: ignore[type-arg]
    """A set that can have no more memory."""

    def add(self, _: object) -> None:
        raise MemoryError


def test_a_thread_without_memory_leaves_nobody_waiting() -> None:
    workers = Workers(1)
    workers._under_way = Full()

    def until_the_thread_failed() -> None:
        end_s = time.monotonic() + PATIENCE_S
        while workers._failure is None and time.monotonic() < end_s:
            time.sleep(0.001)  # A thread that failed tells nobody but by that.

    def submit_two() -> None:
        with workers:
            tasks = [workers.submit(until_the_thread_failed) for _ in range(2)]
            for task in tasks:
                workers.value_of(task)

    with pytest.raises(MemoryError):
        submit_two()
