# SPDX-License-Identifier: GPL-2.0-or-later
"""A real web server on loopback, and how many requests it has seen."""

from __future__ import annotations

import functools
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.places import program

CONFIGURATION = """
daemon off;
master_process off;
{user}
pid {state}/pid;
error_log {state}/error.log error;
events {{ worker_connections 1024; }}
http {{
  log_format plain '$status $body_bytes_sent $request_method $request_uri';
  access_log {state}/access.log plain;
  client_body_temp_path {state}/t; proxy_temp_path {state}/t;
  fastcgi_temp_path {state}/t; uwsgi_temp_path {state}/t; scgi_temp_path {state}/t;
  default_type application/octet-stream;
  keepalive_requests 100000;
  server {{ listen 127.0.0.1:{port}; root {docroot}; }}
}}
"""
START_S = 20.0
# Process ids of servers that run now: a test that looks for leftovers skips them.
RUNNING: set[int] = set()


@dataclass(frozen=True)
class Request:
    """One line of the access log."""

    status: int
    size: int
    method: str
    path: str


class Server:
    """nginx with a document root; `interpose serve` where nginx is not installed.

    `before`: words that enter another network's name space.
    """

    def __init__(self, docroot: Path, state: Path, before: Sequence[str] = ()) -> None:
        self.docroot = docroot
        self._before = list(before)
        self._state = state
        self._process: subprocess.Popen[bytes] | None = None
        self._marks = 0
        self.port = 0
        state.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Answer requests; the port of an earlier start is taken again."""
        for _ in range(5):
            port = self.port or free_port()
            self._process = subprocess.Popen(self._command(port))
            RUNNING.add(self._process.pid)
            if self._answers(port):
                self.port = port
                return
            self._process.kill()
            self._process.wait()
        log = self._state / "error.log"
        pytest.fail(f"no web server: {log.read_text() if log.exists() else 'no log'}")

    def stop(self) -> None:
        """Answer nothing any more: connections are refused."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(START_S)
            RUNNING.discard(self._process.pid)
            self._process = None

    def requests(self) -> list[Request]:
        """All requests since the start or the last `forget`, in order."""
        self._settle()
        lines = self._log.read_text(errors="surrogateescape").splitlines()
        rows = [Request(int(a), int(b), c, d) for a, b, c, d in map(_fields, lines)]
        return [row for row in rows if not row.path.startswith("/.mark-")]

    def forget(self) -> None:
        """Start counting at nothing."""
        self._settle()
        os.truncate(self._log, 0)

    @property
    def _log(self) -> Path:
        return self._state / "access.log"

    def _settle(self) -> None:
        """Wait until the log has all requests that were answered before now.

        One worker writes the log in order, so the line of one more request is enough.
        """
        if not (shutil.which("nginx") or os.path.exists("/usr/sbin/nginx")):
            pytest.skip("requests are counted by nginx's log (Debian: nginx)")
        self._marks += 1
        mark = f"/.mark-{os.getpid()}-{self._marks}"
        self._ask(self.url + mark)
        deadline = time.monotonic() + START_S
        while mark not in self._log.read_text(errors="surrogateescape"):
            if time.monotonic() > deadline:
                pytest.fail("the access log does not settle")
            select.select([], [], [], 0.001)

    def _ask(self, url: str) -> None:
        """Request it, and do not look at the answer."""
        if self._before:
            self._there(f"import urllib.request as u; u.urlopen({url!r})")
            return
        try:
            urllib.request.urlopen(url, timeout=START_S).close()
        except urllib.error.HTTPError as error:
            error.close()

    def _connects(self, port: int) -> bool:
        if self._before:
            address = ("127.0.0.1", port)
            return self._there(f"import socket; socket.create_connection({address})")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
        return True

    def _there(self, text: str) -> bool:
        """Whether some Python works where the server is."""
        words = [*self._before, sys.executable, "-c", text]
        return subprocess.run(words, check=False, capture_output=True).returncode == 0

    def _command(self, port: int) -> list[str]:
        nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if nginx is None:
            serve = [str(program("interpose")), "serve", str(self.docroot)]
            return [*serve, "--port", str(port)]
        # As root it would serve as www-data, who cannot see a test's directory.
        user = "user root;" if os.geteuid() == 0 else ""
        text = CONFIGURATION.format(
            user=user, state=self._state, port=port, docroot=self.docroot
        )
        path = self._state / "nginx.conf"
        path.write_text(text)
        # Before 1.19.5 there was no -e: the first lines went to a log of the system's.
        early = ["-e", str(self._state / "error.log")] if _has_early_log(nginx) else []
        return [*self._before, nginx, *early, "-c", str(path)]

    def _answers(self, port: int) -> bool:
        deadline = time.monotonic() + START_S
        while self._process is not None and self._process.poll() is None:
            if self._connects(port):
                return self._process.poll() is None
            if time.monotonic() > deadline:
                return False
            select.select([], [], [], 0.005)
        return False


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@functools.cache
def _has_early_log(nginx: str) -> bool:
    told = subprocess.run([nginx, "-v"], check=True, capture_output=True, text=True)
    version = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", told.stderr)
    return version is None or tuple(map(int, version.groups())) >= (1, 19, 5)


def _fields(line: str) -> list[str]:
    return line.split(" ", 3)
