# SPDX-License-Identifier: GPL-2.0-or-later
"""Sinks of the tests of this room."""

from __future__ import annotations

from interpose.errors import HashMismatch


class Collector:
    """Gives sinks that keep what they got; the content must be `good`, if told."""

    def __init__(self, good: bytes | None = None) -> None:
        self.good = good
        self.sinks: list[Kept] = []

    def __call__(self) -> Kept:
        self.sinks.append(Kept(self.good))
        return self.sinks[-1]

    @property
    def data(self) -> bytes:
        assert not any(sink.finished for sink in self.sinks[:-1])
        assert all(sink.aborted for sink in self.sinks[:-1])
        assert self.sinks[-1].finished
        assert not self.sinks[-1].aborted
        return bytes(self.sinks[-1].data)

    @property
    def is_clean(self) -> bool:
        """Nothing was finished and every sink was told to forget."""
        return all(sink.aborted and not sink.finished for sink in self.sinks)


class Kept:
    def __init__(self, good: bytes | None) -> None:
        self.good = good
        self.data = bytearray()
        self.finished = False
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.data += data

    def finish(self) -> None:
        if self.good is not None and bytes(self.data) != self.good:
            raise HashMismatch("wrong hash", "the test's object")
        self.finished = True

    def abort(self) -> None:
        self.aborted = True
