# SPDX-License-Identifier: GPL-2.0-or-later
"""Threads take turns, give way while they wait, and nobody waits for long."""

from __future__ import annotations

import threading

import pytest

from interpose import courtesy
from interpose.courtesy import Queue

PATIENCE_S = 60


def in_thread(work: object) -> threading.Thread:
    thread = threading.Thread(target=work)  # type: ignore[arg-type]
    thread.start()
    return thread


def test_one_has_its_turn_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courtesy, "PATIENCE_S", PATIENCE_S)
    queue, inside, most = Queue(), [], []

    def work() -> None:
        for _ in range(50):
            with queue.turn():
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    for thread in [in_thread(work) for _ in range(4)]:
        thread.join(PATIENCE_S)
    assert len(most) == 200
    assert max(most) == 1


def test_others_go_on_while_one_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courtesy, "PATIENCE_S", PATIENCE_S)
    queue, other = Queue(), threading.Event()

    def work() -> None:
        with queue.turn():
            other.set()

    with queue.turn():
        thread = in_thread(work)
        with queue.waiting():
            assert other.wait(PATIENCE_S)
            thread.join(PATIENCE_S)


def test_who_has_no_turn_waits_without_giving_one_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(courtesy, "PATIENCE_S", PATIENCE_S)
    queue = Queue()
    entered = threading.Event()

    def work() -> None:
        with queue.waiting():
            pass
        with queue.turn():
            entered.set()

    with queue.turn():
        thread = in_thread(work)
        assert not entered.wait(0.05)
    thread.join(PATIENCE_S)
    assert entered.is_set()


def test_a_turn_that_lasts_holds_up_nobody_and_then_nobody_queues() -> None:
    queue, go = Queue(), threading.Event()
    begun, passed = threading.Event(), threading.Semaphore(0)

    def slow() -> None:
        with queue.turn():
            begun.set()
            go.wait(PATIENCE_S)

    def work() -> None:
        with queue.turn():
            passed.release()

    threads = [in_thread(slow)]
    assert begun.wait(PATIENCE_S)
    threads += [in_thread(work) for _ in range(8)]
    for _ in range(8):
        assert passed.acquire(timeout=PATIENCE_S)
    go.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    # What the slow one had is free again.
    with queue.turn():
        pass


def test_an_error_ends_the_turn() -> None:
    queue = Queue()
    with pytest.raises(OSError), queue.turn():
        raise OSError
    done = threading.Event()

    def work() -> None:
        with queue.turn():
            done.set()

    in_thread(work).join(PATIENCE_S)
    assert done.is_set()
