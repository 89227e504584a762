# SPDX-License-Identifier: GPL-2.0-or-later
"""A latch lets all go on once it is open; no code of Python could keep it shut."""

from __future__ import annotations

import threading

from interpose.latch import Latch

PATIENCE_S = 60.0


def test_it_is_shut_until_it_is_opened() -> None:
    latch = Latch()
    assert not latch.wait(0)
    assert not latch.wait(0.01)
    latch.open()
    latch.open()
    assert latch.wait(0)
    assert latch.wait()


def test_all_who_wait_go_on() -> None:
    latch = Latch()
    waiting = [
        threading.Thread(target=latch.wait, args=(PATIENCE_S,)) for _ in range(20)
    ]
    for one in waiting:
        one.start()
    latch.open()
    for one in waiting:
        one.join(PATIENCE_S)
        assert not one.is_alive()
