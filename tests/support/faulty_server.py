# SPDX-License-Identifier: GPL-2.0-or-later
"""A real HTTP server on loopback that misbehaves as a script says.

    with FaultyServer() as server:
        server.put("/a", b"good")                       # or FaultyServer(directory)
        server.script("/a", Answer(status=500), Answer(stall_after=2), GOOD)
        ... server.url + "/a" ...
        assert server.count("/a") == 3

A script is used up answer by answer; its last one stays. Without a script a path is
served as it was put, else from the directory, else 404. `FaultyServer(proxy=True)`
takes absolute URLs and passes them on, and its scripts are looked up by path, too.
Nothing sleeps: a stall ends when the client goes away or the server closes.
"""

from __future__ import annotations

import http.client
import http.server
import re
import select
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class Answer:
    """What is done to one request. The defaults answer as a good server would.

    body: instead of the path's own (with status 200 if the path has none).
    length: what Content-Length says (a lie), or "none" to leave it out.
    cut_after, stall_after: bytes of the body after which the connection is closed, or
    nothing more comes; -1: before the status line.
    drip_s: seconds between single bytes of the body; drip_headers: of the headers, too.
    endless: the body repeats for ever. chunked: with chunked encoding.
    redirect: Location of a 302. ranges: False ignores Range.
    """

    status: int = 200
    body: bytes | None = None
    length: int | str | None = None
    cut_after: int | None = None
    stall_after: int | None = None
    drip_s: float = 0.0
    drip_headers: bool = False
    endless: bool = False
    chunked: bool = False
    redirect: str = ""
    ranges: bool = True
    headers: tuple[tuple[str, str], ...] = ()


GOOD = Answer()
NOT_FOUND = Answer(status=404, body=b"no such file")
REFUSE = Answer(cut_after=-1)
STALL = Answer(stall_after=-1)


@dataclass(frozen=True)
class Seen:
    """One request as it came: `target` is the request line's, `path` without host.

    `client` is the client's port: requests of one connection share it.
    """

    method: str
    target: str
    path: str
    client: int
    headers: dict[str, str] = field(default_factory=dict)


class FaultyServer:
    """The server; a context manager. `url` has no slash at the end."""

    def __init__(self, directory: Path | None = None, *, proxy: bool = False) -> None:
        self.directory = directory
        self.proxy = proxy
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._bodies: dict[str, bytes] = {}
        self._scripts: dict[str, list[Answer]] = {}
        self._seen: list[Seen] = []
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.owner = self
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}
        )

    def __enter__(self) -> FaultyServer:  # noqa: PYI034
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[Seen]:
        """All requests so far, in order."""
        with self._lock:
            return list(self._seen)

    def count(self, path: str | None = None) -> int:
        """Number of requests, of all paths or of this one."""
        return sum(path is None or seen.path == path for seen in self.requests)

    def put(self, path: str, body: bytes) -> None:
        """Serve these bytes under this path."""
        with self._lock:
            self._bodies[path] = body

    def script(self, path: str, *answers: Answer) -> None:
        """Answer requests of this path so, in turn; `*` is every path."""
        with self._lock:
            self._scripts[path] = list(answers)

    def forget(self) -> None:
        """Forget the requests that came."""
        with self._lock:
            self._seen.clear()

    def close(self) -> None:
        """Stop; stalled answers end."""
        if self.closing.is_set():
            return
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def next_answer(self, seen: Seen) -> Answer | None:
        """Note the request and take the next answer of its script."""
        with self._lock:
            self._seen.append(seen)
            for name in (seen.path, "*"):
                answers = self._scripts.get(name)
                if answers:
                    return answers.pop(0) if len(answers) > 1 else answers[0]
        return None

    def body(self, path: str) -> bytes | None:
        """The path's own bytes, None if there are none."""
        with self._lock:
            if path in self._bodies:
                return self._bodies[path]
        if self.directory is None:
            return None
        parts = [part for part in unquote(path).split("/") if part not in ("", "..")]
        file = self.directory.joinpath(*parts)
        return file.read_bytes() if file.is_file() else None


class _Http(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    owner: FaultyServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        # Clients that go away are what these tests are about.
        pass


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        path = parts.path if parts.netloc else self.path
        headers = {name.lower(): value for name, value in self.headers.items()}
        client = self.client_address[1]
        seen = Seen(self.command, self.path, path, client, headers)
        answer = self.server.owner.next_answer(seen)
        if answer is None and self.server.owner.proxy and parts.netloc:
            self._pass_on(parts.netloc, path)
            return
        self._answer(answer or GOOD, path)

    do_HEAD = do_GET  # noqa: N815

    def _pass_on(self, host: str, path: str) -> None:
        origin = http.client.HTTPConnection(host, timeout=10)
        try:
            headers = dict(self.headers.items())
            origin.request(self.command, path, headers=headers)
            answer = origin.getresponse()
            body = answer.read()
        except OSError:
            self._send(Answer(status=504), 504, b"")
            return
        finally:
            origin.close()
        passed = ("content-range", "content-type")
        kept = [(n, v) for n, v in answer.getheaders() if n.lower() in passed]
        self._send(Answer(headers=tuple(kept)), answer.status, body)

    def _answer(self, answer: Answer, path: str) -> None:
        own = self.server.owner.body(path)
        status, extra = answer.status, list(answer.headers)
        body = answer.body if answer.body is not None else own
        if answer.redirect:
            status, body = 302, b"elsewhere"
            extra.append(("Location", answer.redirect))
        if body is None:
            status, body = (404 if status == 200 else status), b"no such file"
        wanted = re.fullmatch("bytes=([0-9]+)-([0-9]+)", self.headers["Range"] or "")
        if wanted and answer.ranges and status == 200:
            first, last = int(wanted[1]), min(int(wanted[2]), len(body) - 1)
            extra.append(("Content-Range", f"bytes {first}-{last}/{len(body)}"))
            status, body = 206, body[first : last + 1]
        answer = Answer(**{**vars(answer), "headers": tuple(extra)})
        self._send(answer, status, body)

    def _send(self, answer: Answer, status: int, body: bytes) -> None:
        if answer.cut_after == -1 or answer.stall_after == -1:
            self._end(stall=answer.stall_after == -1)
            return
        header = self._header(answer, status, body)
        drip_s = answer.drip_s if answer.drip_headers else 0.0
        self._write(header, drip_s)
        if self.command == "HEAD":
            return
        stop = answer.cut_after if answer.cut_after is not None else answer.stall_after
        if answer.endless:
            while not self.server.owner.closing.is_set():
                self._write(body or b"x", answer.drip_s)
        piece = body if stop is None else body[:stop]
        if answer.chunked:
            piece = b"%x\r\n%s\r\n" % (len(piece), piece) if piece else b""
            piece += b"0\r\n\r\n" if stop is None else b""
        self._write(piece, answer.drip_s)
        if stop is not None:
            self._end(stall=answer.cut_after is None)

    def _header(self, answer: Answer, status: int, body: bytes) -> bytes:
        reason = http.client.responses.get(status, "Odd")
        lines = [f"HTTP/1.1 {status} {reason}"]
        lines += [f"{name}: {value}" for name, value in answer.headers]
        if answer.chunked:
            lines.append("Transfer-Encoding: chunked")
        elif answer.length == "none" or (answer.endless and answer.length is None):
            lines.append("Connection: close")
            self.close_connection = True
        else:
            length = len(body) if answer.length is None else answer.length
            lines.append(f"Content-Length: {length}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _write(self, data: bytes, drip_s: float) -> None:
        if not drip_s:
            self.wfile.write(data)
            return
        for n in range(len(data)):
            self.wfile.write(data[n : n + 1])
            self.wfile.flush()
            if self.server.owner.closing.wait(drip_s):
                return

    def _end(self, *, stall: bool) -> None:
        self.close_connection = True
        self.wfile.flush()
        while stall and not self.server.owner.closing.is_set():
            # Readable means: the client went away (it has nothing more to say).
            if select.select([self.connection], [], [], 0.05)[0]:
                break
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # The client was faster.
