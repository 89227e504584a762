# SPDX-License-Identifier: GPL-2.0-or-later
"""A small web server for repositories, on loopback only, for trying out.

Byte ranges (external and chunked data), keep-alive and nothing else: no listings, no
caching rules, no access control. In production nginx or Apache does this.

No link below the directory is followed, wherever it leads: `publish` makes none, and
who else may write there must not decide which files of ours are shown. Each link that
is refused is a line, once.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import stat
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Optional
from urllib.parse import unquote_to_bytes, urlsplit

from interpose.errors import InterposeError
from interpose.messages import Messages

LOOPBACK = "127.0.0.1"
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_IDLE_S = 60.0
_log = logging.getLogger(__name__)

ByteRange = Optional[tuple[int, int]]


class RepositoryServer:
    """Serves a directory until closed; requests run in threads of their own."""

    def __init__(self, directory: Path, port: int = 0) -> None:
        """Bind, without answering yet.

        Errors: InterposeError if the directory or the port cannot be had.
        """
        try:
            handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            message = f"cannot serve the directory ({error.strerror})"
            raise InterposeError(message, str(directory)) from error
        os.close(handle)
        handler = type("Handler", (_Handler,), {"document_root": directory.resolve()})
        try:
            self._server = _Server((LOOPBACK, port), handler)
        except (OSError, OverflowError) as error:
            where = f"{LOOPBACK}:{port}"
            advice = "choose another --port, or 0 for a free one"
            raise InterposeError("cannot listen", where, advice) from error
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, no slash at the end."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def port(self) -> int:
        """The port that was bound."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Answer requests from now on, in the background.

        Errors: InterposeError where a limit forbids a thread.
        """
        try:
            self._thread.start()
        except RuntimeError as error:
            advice = "raise the limit: ulimit -u"
            raise InterposeError("no thread can be had", "", advice) from error

    def close(self) -> None:
        """Stop answering and give the port back."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


# What changes under its name; an object's name says what it holds.
_CHANGING = frozenset({".cvmfspublished", ".cvmfswhitelist", ".cvmfs_last_snapshot"})
MANIFEST_EXPIRY_S = 61
OBJECT_EXPIRY_S = 3 * 24 * 3600


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # Idle keep-alive connections must not delay the end.
    request_queue_size = 128

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread; without one, one request for each connection."""
        try:
            super().process_request(request, client_address)
        except RuntimeError:
            handler: Any = self.RequestHandlerClass
            once = type("Once", (handler,), {"protocol_version": "HTTP/1.0"})
            once(request, client_address, self)
            self.shutdown_request(request)

    def handle_error(self, _request: object, client_address: object) -> None:
        """A client that went away is no error of the server."""
        _log.debug("connection from %s ended early", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "interpose"
    timeout = _IDLE_S
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True
    document_root = Path("/nonexistent")
    messages = Messages()

    def do_GET(self) -> None:
        """Answer with a file or a part of it."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """As GET, headers only."""
        self._answer(with_body=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Only with -v."""
        _log.info("%s " + format, self.client_address[0], *args)

    def _answer(self, *, with_body: bool) -> None:
        descriptor = self._open()
        if descriptor is None:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        try:
            self._send(descriptor, with_body=with_body)
        finally:
            os.close(descriptor)

    def _send(self, descriptor: int, *, with_body: bool) -> None:
        size = os.fstat(descriptor).st_size
        try:
            part = parse_range(self.headers.get("Range"), size)
        except ValueError:
            self._refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, size)
            return
        first, last = part if part is not None else (0, size - 1)
        length = last - first + 1
        status = HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT
        self.send_response(status)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(length))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Cache-Control", f"max-age={self._expiry_s()}")
        if part is not None:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.end_headers()
        if with_body:
            self._copy(descriptor, first, length)

    def _expiry_s(self) -> int:
        """How long a proxy may answer without asking: docs/serving.md."""
        name = urlsplit(self.path).path.rpartition("/")[2]
        return MANIFEST_EXPIRY_S if name in _CHANGING else OBJECT_EXPIRY_S

    def _copy(self, descriptor: int, first: int, length: int) -> None:
        while length > 0:
            data = os.pread(descriptor, min(length, 256 * 1024), first)
            if not data:  # Shrunk meanwhile: the client must notice.
                self.close_connection = True
                return
            self.wfile.write(data)
            first += len(data)
            length -= len(data)

    def _refuse(self, status: HTTPStatus, size: int | None = None) -> None:
        body = f"{status.value} {status.phrase}\n".encode("ascii")
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        if size is not None:
            self.send_header("Content-Range", f"bytes */{size}")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _open(self) -> int | None:
        """The regular file that the request names; None if there is none."""
        names = unquote_to_bytes(urlsplit(self.path).path).split(b"/")
        names = [name for name in names if name not in (b"", b".")]
        if not names or any(name == b".." or b"\0" in name for name in names):
            return None
        try:
            descriptor = open_beneath(self.document_root, names)
        except IsALink as link:
            self._tell_link(link)
            return None
        except OSError:
            return None
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return descriptor
        os.close(descriptor)
        return None

    def _tell_link(self, link: IsALink) -> None:
        where = os.path.join(self.document_root, os.fsdecode(link.path))
        error = InterposeError(
            "links are not served", where, "put the file itself there"
        )
        self.messages.tell(str(error), cause=where)


class IsALink(Exception):
    """`path`, below the top, is a symbolic link."""

    def __init__(self, path: bytes) -> None:
        super().__init__(path)
        self.path = path


def open_beneath(top: Path, names: list[bytes]) -> int:
    """A descriptor of the file `names` below `top`; no link on the way is followed.

    Errors: OSError; IsALink.
    """
    here = os.open(top, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    for position, name in enumerate(names):
        is_last = position == len(names) - 1
        # O_NONBLOCK: a FIFO must not hold the thread.
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
        flags = flags if is_last else os.O_PATH | os.O_DIRECTORY
        above = here
        try:
            flags |= os.O_NOFOLLOW | os.O_CLOEXEC
            here = os.open(name, flags, dir_fd=above)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                raise
            status = os.stat(name, dir_fd=above, follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                raise IsALink(b"/".join(names[: position + 1])) from None
            raise
        finally:
            os.close(above)
    return here


def parse_range(header: str | None, size: int) -> ByteRange:
    """First and last byte that a `Range` header asks for; None for the whole file.

    What we do not understand (several ranges, other units) means the whole file.
    Errors: ValueError for a range outside of the file.   Source: RFC 9110, 14.
    """
    found = _RANGE.fullmatch(header.strip()) if header is not None else None
    if found is None or found.group(0) == "bytes=-":
        return None
    start, end = found.groups()
    if not start:
        if int(end) == 0 or size == 0:
            raise ValueError(header)
        return max(0, size - int(end)), size - 1
    first = int(start)
    last = min(int(end), size - 1) if end else size - 1
    if end and int(end) < first:
        return None
    if first >= size:
        raise ValueError(header)
    return first, last
