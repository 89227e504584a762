# SPDX-License-Identifier: GPL-2.0-or-later
"""One try: what is wanted, what answered, and the bytes from the one into the sink."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from interpose.errors import FormatError, HashMismatch, InterposeError
from interpose.network.failover import Failure

BLOCK_BYTES = 64 * 1024
OK, PARTIAL, NOT_FOUND, TOO_MANY = 200, 206, 404, 429
SERVER_ERROR, CLIENT_ERROR = 500, 400


class Sink(Protocol):
    """Where the bytes of one try go. A fresh one is opened for each try.

    `write` and `finish` raise HashMismatch or FormatError for bad data: the fetch goes
    on as its table says. Any other exception ends the fetch. `abort` comes after each
    try that failed, also when `write` or `finish` raised.
    """

    def write(self, data: bytes) -> object:
        """Take the next bytes."""

    def finish(self) -> object:
        """Judge the whole."""

    def abort(self) -> object:
        """Forget what was written."""


OpenSink = Callable[[], Sink]


class Wanted(NamedTuple):
    """One request. `byte_range` is (offset, size); `info` goes into `cvmfs-info`."""

    path: str | bytes
    no_cache: bool = False
    byte_range: tuple[int, int] | None = None
    limit_bytes: int | None = None
    info: str | bytes = ""

    @property
    def text(self) -> str:
        """The path for messages."""
        if isinstance(self.path, bytes):
            return self.path.decode("utf-8", "backslashreplace")
        return self.path


class TryFailed(Exception):
    """Why one try failed. `error` is the sink's own exception for bad data.

    `silent`: nothing at all came from who was asked.
    """

    def __init__(
        self,
        failure: Failure,
        reason: str,
        *,
        status: int | None = None,
        slow: bool = False,
        error: InterposeError | None = None,
    ) -> None:
        super().__init__(reason)
        self.failure = failure
        self.reason = reason
        self.status = status
        self.slow = slow
        self.silent = False
        self.error = error


class Answer(NamedTuple):
    """What a server said. `offset` is where a partial answer begins.

    `of_proxy`: a proxy says that the answer is its own, not the server's. `date` and
    `age` are the headers of these names.
    """

    status: int
    reason: str
    length: int | None
    offset: int | None
    blocks: Iterator[bytes]
    close: Callable[[], None]
    of_proxy: bool = False
    date: str = ""
    age: str = ""


class Small:
    """A sink for what is judged as a whole. Errors: those of `check`."""

    def __init__(self, check: Callable[[bytes], object]) -> None:
        self.data = bytearray()
        self._check = check

    def write(self, data: bytes) -> None:
        """Take the next bytes."""
        self.data += data

    def finish(self) -> None:
        """Judge the whole."""
        self._check(bytes(self.data))

    def abort(self) -> None:
        """Forget everything."""
        self.data.clear()


def judge(answer: Answer, wanted: Wanted, *, direct: bool) -> None:
    """Raise TryFailed unless the answer holds what is wanted.

    Source: docs/format.md 12 (404 and 5xx count against the host even through a
    proxy, other 4xx against the proxy, and whatever a proxy says is its own).
    """
    status = answer.status
    if status == OK:
        return
    if status == PARTIAL and wanted.byte_range is not None:
        if answer.offset != wanted.byte_range[0]:
            raise TryFailed(Failure.HOST, "wrong byte range", status=status)
        return
    if answer.of_proxy and not direct:
        failure = Failure.PROXY
    elif status == TOO_MANY:
        failure = Failure.TRANSFER
    elif status == NOT_FOUND:
        failure = Failure.ABSENT
    elif not direct and CLIENT_ERROR <= status < SERVER_ERROR:
        failure = Failure.PROXY
    else:
        failure = Failure.HOST
    raise TryFailed(failure, f"{status} {answer.reason}".strip(), status=status)


def pump(answer: Answer, sink: Sink, wanted: Wanted) -> int:
    """Bytes that went into the sink, which has judged them good.

    Errors: TryFailed for a short transfer, a body beyond the limit, bad data.
    """
    window = _Window(answer, wanted)
    for block in answer.blocks:
        piece = window.take(block)
        if wanted.limit_bytes is not None and window.taken > wanted.limit_bytes:
            error = FormatError(f"more than {wanted.limit_bytes} bytes", wanted.text)
            raise TryFailed(Failure.BAD_DATA, error.what, error=error)
        if piece:
            _judged(lambda data=piece: sink.write(data))  # type: ignore[misc]
        if window.is_full:
            break
    reason = window.what_is_missing()
    if reason:
        raise TryFailed(Failure.TRANSFER, reason, status=answer.status)
    _judged(sink.finish)
    return window.taken


class _Window:
    """The wanted part of a body; a server may ignore the range and send all."""

    def __init__(self, answer: Answer, wanted: Wanted) -> None:
        offset, size = wanted.byte_range or (0, None)
        self._skip = offset if answer.status == OK else 0
        self._size = size
        self._length = answer.length
        self._received = 0
        self.taken = 0

    def take(self, block: bytes) -> bytes:
        self._received += len(block)
        if self._skip:
            skipped = min(self._skip, len(block))
            self._skip -= skipped
            block = block[skipped:]
        if self._size is not None:
            block = block[: self._size - self.taken]
        self.taken += len(block)
        return block

    @property
    def is_full(self) -> bool:
        # At the end of the body one more read gives the connection back to its pool.
        full = self._size is not None and self.taken >= self._size
        return full and self._received != self._length

    def what_is_missing(self) -> str:
        if self._size is not None:
            if self.taken < self._size:
                return f"short transfer: {self.taken} of {self._size} bytes"
        elif self._length is not None and self._received != self._length:
            return f"short transfer: {self._received} of {self._length} bytes"
        return ""


def _judged(step: Callable[[], object]) -> None:
    try:
        step()
    except (HashMismatch, FormatError) as error:
        raise TryFailed(Failure.BAD_DATA, str(error), error=error) from error
