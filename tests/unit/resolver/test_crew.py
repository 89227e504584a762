# SPDX-License-Identifier: GPL-2.0-or-later
"""Work that waits does not hold up other work, and never are there too many threads."""

from __future__ import annotations

import _thread
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

import pytest

from interpose.resolver import crew
from interpose.resolver.crew import Crew

PATIENCE_S = 60
Call = Callable[[], object]


class Work:
    """A crew that makes calls, each under a name."""

    def __init__(self, most: int) -> None:
        self._queue: SimpleQueue[tuple[str, Call] | None] = SimpleQueue()
        self.crew = Crew[Call](self._queue.get, lambda call: call(), most)

    def submit(self, call: Call, name: str = "") -> None:
        self._queue.put((name, call))

    def end(self) -> None:
        self._queue.put(None)


@pytest.fixture
def four() -> Work:
    work = Work(4)
    work.crew.start()
    return work


def test_as_much_work_as_threads_is_done_at_once(four: Work) -> None:
    meet = threading.Barrier(5)
    for _ in range(4):
        four.submit(lambda: meet.wait(PATIENCE_S))
    meet.wait(PATIENCE_S)


def test_work_of_a_name_beyond_its_threads_waits_for_its_turn(four: Work) -> None:
    go, done = threading.Event(), threading.Semaphore(0)
    threads = set()

    def call() -> None:
        go.wait(PATIENCE_S)
        threads.add(threading.get_ident())
        done.release()

    for _ in range(20):
        four.submit(call)
    go.set()
    for _ in range(20):
        assert done.acquire(timeout=PATIENCE_S)
    assert len(threads) <= 4


def test_who_waits_for_one_name_does_not_use_up_the_threads_of_another(
    four: Work,
) -> None:
    go, done = threading.Event(), threading.Event()
    for _ in range(9):
        four.submit(lambda: go.wait(PATIENCE_S), "silent")
    four.submit(done.set, "good")
    assert done.wait(PATIENCE_S)
    go.set()


def test_a_thread_that_has_time_is_used_again(four: Work) -> None:
    threads = set()
    for _ in range(50):
        done = threading.Event()

        def call(done: threading.Event = done) -> None:
            threads.add(threading.get_ident())
            done.set()

        four.submit(call)
        assert done.wait(PATIENCE_S)
    assert len(threads) < 5


def test_the_end_is_told_and_idleness_each_time(four: Work) -> None:
    assert not four.crew.wait_for_end(0.01)
    assert not four.crew.wait_for_end(0.01)
    four.end()
    assert four.crew.wait_for_end(PATIENCE_S)


def test_who_works_is_not_idle(four: Work) -> None:
    go, begun = threading.Event(), threading.Event()

    def call() -> None:
        begun.set()
        go.wait(PATIENCE_S)

    four.submit(call)
    assert begun.wait(PATIENCE_S)
    assert four.crew.is_busy()
    ended: list[float] = []

    def wait() -> None:
        four.crew.wait_for_end(0.01)
        ended.append(time.monotonic())

    waiter = threading.Thread(target=wait)
    waiter.start()
    released = time.monotonic()
    go.set()
    waiter.join(PATIENCE_S)
    assert ended[0] >= released


def test_without_threads_the_work_is_done_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    work, seen = Work(4), []
    for number in range(3):
        work.submit(lambda number=number: seen.append(number))
    work.end()
    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    work.crew.start()
    assert work.crew.wait_for_end(0)
    assert seen == [0, 1, 2]


def fail(*_: object) -> None:
    raise MemoryError


def test_a_thread_that_cannot_take_ends_it_all() -> None:
    failing = Crew[None](fail, lambda work: work, 4)
    failing.start()
    with pytest.raises(MemoryError):
        failing.wait_for_end(PATIENCE_S)


def test_work_that_cannot_be_done_ends_it_all(four: Work) -> None:
    four.submit(fail)
    with pytest.raises(MemoryError):
        four.crew.wait_for_end(PATIENCE_S)


def test_a_thread_that_dies_at_its_birth_ends_it_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_thread, "start_new_thread", lambda *_: None)
    monkeypatch.setattr(crew, "_BIRTH_S", 0.0)
    work = Work(4)
    work.crew.start()
    with pytest.raises(MemoryError):
        work.crew.wait_for_end(0.01)
