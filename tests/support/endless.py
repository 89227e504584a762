# SPDX-License-Identifier: GPL-2.0-or-later
"""A server on loopback whose answers have a beginning, and then the same for ever.

It gives up by itself after `MOST_BYTES`, so that a client without bounds is told by a
number and not by a test that hangs.
"""

from __future__ import annotations

import contextlib
import socket
import threading

MOST_BYTES = 16 << 20


class EndlessServer:
    """Answers each request with `before`, then `piece` again and again."""

    def __init__(self, before: bytes, piece: bytes) -> None:
        self.before, self.piece = before, piece
        self.sent: list[int] = []
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(16)
        self._connection: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> EndlessServer:  # noqa: PYI034
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connection = connection
            with connection:
                self.sent.append(0)
                try:
                    self._answer(connection)
                except OSError:
                    pass  # The client has had enough.

    def _answer(self, connection: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            got = connection.recv(65536)
            if not got:
                return
            request += got
        connection.sendall(self.before)
        many = self.piece * (1 + 8192 // len(self.piece))
        while self.sent[-1] < MOST_BYTES:
            connection.sendall(many)
            self.sent[-1] += len(many)
