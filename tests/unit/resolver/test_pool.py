# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls that wait do not hold up each other, and never are there too many threads."""

from __future__ import annotations

import threading

from interpose.resolver.pool import Pool

PATIENCE_S = 60


def test_as_many_calls_as_threads_run_at_once() -> None:
    pool = Pool(4)
    meet = threading.Barrier(5)
    for _ in range(4):
        pool.submit(lambda: meet.wait(PATIENCE_S))
    meet.wait(PATIENCE_S)


def test_calls_beyond_the_threads_wait_for_their_turn() -> None:
    pool = Pool(2)
    go = threading.Event()
    done = threading.Semaphore(0)
    threads = set()

    def call() -> None:
        go.wait(PATIENCE_S)
        threads.add(threading.get_ident())
        done.release()

    for _ in range(20):
        pool.submit(call)
    go.set()
    for _ in range(20):
        assert done.acquire(timeout=PATIENCE_S)
    assert len(threads) <= 2


def test_a_thread_that_has_time_is_used_again() -> None:
    pool = Pool(16)
    threads = set()
    for _ in range(50):
        done = threading.Event()

        def call(done: threading.Event = done) -> None:
            threads.add(threading.get_ident())
            done.set()

        pool.submit(call)
        assert done.wait(PATIENCE_S)
    assert len(threads) < 50
