# SPDX-License-Identifier: GPL-2.0-or-later
"""A real squid between a job and its server, at its best and at its worst."""

from __future__ import annotations

import hashlib
import os
import pwd
import random
import select
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.support.faulty_server import FaultyServer
from tests.support.keeper import watched
from tests.support.places import need_tool
from tests.support.published import Publisher
from tests.support.run import RUNNING, Runner
from tests.support.truth import truth_options
from tests.support.web import Server, free_port

pytestmark = pytest.mark.long
FQRN = "made.example.org"
TOP = f"/cvmfs/{FQRN}"
BIG = random.Random(1).randbytes(3 << 20)
PATIENCE_S = 60.0
USERS = ("proxy", "nobody")
CONFIGURATION = """\
http_port 127.0.0.1:{port}
pid_filename {place}/pid
access_log stdio:{place}/access.log
cache_log {place}/cache.log
cache_store_log none
coredump_dir {place}
netdb_filename none
pinger_enable off
cache_mem 8 MB
cache_dir ufs {place}/cache 64 4 4
maximum_object_size 64 MB
minimum_expiry_time 0 seconds
refresh_pattern . 1440 100% 1440 override-lastmod
shutdown_lifetime 0 seconds
connect_timeout 2 seconds
visible_hostname squid.example.org
dns_nameservers 127.0.0.1
{user}
{more}
"""
ALLOW = "http_access allow localhost"
Serve = Callable[[Path], Server]


class Squid:
    """A squid of the test's own, on loopback, with a cache of its own."""

    def __init__(self, place: Path, more: str) -> None:
        self._program = need_tool("squid")
        self._name = f"interpose{os.getpid()}{place.name.replace('-', '')}"
        self.place = place
        self.port = free_port()
        place.mkdir()
        user = ""
        if os.geteuid() == 0:
            # It refuses to work as root.
            name = next(name for name in USERS if _exists(name))
            user = f"cache_effective_user {name}"
            shutil.chown(place, name)
        text = CONFIGURATION.format(port=self.port, place=place, user=user, more=more)
        (place / "conf").write_text(text)
        self._process: subprocess.Popen[bytes] | None = None
        self._helpers: list[psutil.Process] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        subprocess.run(self._words("-z"), check=True, capture_output=True)
        self._process = subprocess.Popen(
            self._words(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        RUNNING.add(self._process.pid)
        until = time.monotonic() + PATIENCE_S
        while True:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                self._helpers = psutil.Process(self._process.pid).children()
                RUNNING.update(helper.pid for helper in self._helpers)
                return
            assert self._process.poll() is None, self.said()
            assert time.monotonic() < until, self.said()
            select.select([], [], [], 0.01)

    def kill(self) -> None:
        """It ends at once, with all its connections."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            psutil.wait_procs(self._helpers, PATIENCE_S)
            RUNNING.difference_update([self._process.pid, *map(_pid, self._helpers)])
            self._process = None

    def bytes_written(self) -> int:
        """To sockets, to its logs and its cache."""
        assert self._process is not None
        return int(psutil.Process(self._process.pid).io_counters().write_chars)

    def said(self) -> str:
        log = self.place / "cache.log"
        return log.read_text() if log.exists() else "no log"

    def answers(self) -> list[str]:
        """Of each request what squid did, such as TCP_HIT/200."""
        return [line.split()[3] for line in self._lines()]

    def _lines(self) -> list[str]:
        log = self.place / "access.log"
        return log.read_text().splitlines() if log.exists() else []

    def _words(self, *more: str) -> list[str]:
        conf = str(self.place / "conf")
        return [self._program, "-N", "-n", self._name, "-f", conf, *more]


def _pid(process: psutil.Process) -> int:
    return int(process.pid)


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


@pytest.fixture
def squid(place: Path) -> Iterator[Callable[[str], Squid]]:
    """`squid(MORE)`: one that runs, with these lines in its configuration."""
    made: list[Squid] = []

    def start(more: str = ALLOW) -> Squid:
        one = Squid(place / f"squid-{len(made)}", more)
        made.append(one)
        one.start()
        return one

    yield start
    for one in made:
        one.kill()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publisher]:
    """A few small files and a big one."""
    place = tmp_path_factory.mktemp("published")
    tree = place / "tree"
    tree.mkdir()
    for name in "abc":
        (tree / name).write_text(f"{name}\n")
    (tree / "big").write_bytes(BIG)
    publisher = Publisher(place)
    with watched(place):
        publisher.publish(tree, FQRN)
        yield publisher


class Site:
    """The server, and options of jobs that reach it through proxies."""

    def __init__(self, published: Publisher, serve: Serve, place: Path) -> None:
        self.keys = published.keys
        docroot = place / "docroot"
        shutil.copytree(published.storage, docroot)
        self.server = serve(docroot)

    def options(self, proxies: str, *hosts: str, **more: str) -> list[str | Path]:
        urls = ";".join(f"{host}/cvmfs/@fqrn@" for host in hosts or [self.server.url])
        values = {"HTTP_PROXY": proxies, "SERVER_URL": urls, **more}
        named = {f"CVMFS_{name}": value for name, value in values.items()}
        return truth_options(FQRN, "", self.keys / f"{FQRN}.pub", named)


@pytest.fixture
def site(published: Publisher, serve: Serve, place: Path) -> Site:
    return Site(published, serve, place)


MakeSquid = Callable[..., Squid]


def error_of(squid: Squid, url: str) -> tuple[int, str]:
    """What squid says of a URL: the status, and its own name for the error."""
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({"http": squid.url})
    )
    with pytest.raises(urllib.error.HTTPError) as error:
        opener.open(url, timeout=PATIENCE_S)
    error.value.close()
    return error.value.code, error.value.headers["X-Squid-Error"].split()[0]


def test_the_next_node_has_all_from_squid(
    site: Site, squid: MakeSquid, run: Runner
) -> None:
    one = squid()
    options = site.options(one.url)
    command = ["sh", "-c", f"cat {TOP}/a {TOP}/b; sha1sum <{TOP}/big"]
    first = run(*command, options=options, stats=True).ok()
    assert first.text == f"a\nb\n{hashlib.sha1(BIG).hexdigest()}  -\n"
    assert first.stats["network"]["failovers"] == 0
    asked = len(site.server.requests())
    assert asked
    shutil.rmtree(run.cache)
    assert run(*command, options=options).ok().text == first.text
    assert len(site.server.requests()) == asked
    hits = [answer for answer in one.answers() if "HIT" in answer]
    assert len(hits) == asked


def test_a_dead_server_behind_squid_gives_way_to_the_next(
    site: Site, squid: MakeSquid, run: Runner
) -> None:
    one = squid()
    dead = f"http://127.0.0.1:{free_port()}"
    assert error_of(one, f"{dead}/a") == (503, "ERR_CONNECT_FAIL")
    options = site.options(one.url, dead, site.server.url)
    found = run("cat", f"{TOP}/a", options=options, stats=True).ok()
    assert (found.text, found.errors) == ("a\n", [])
    # Found out once, not for each object.
    assert len([a for a in one.answers() if a.endswith("/503")]) == 2


@pytest.mark.parametrize("between", ["|", ";"])
def test_a_squid_that_reaches_nobody_gives_way_to_the_next_proxy(
    between: str, site: Site, squid: MakeSquid, run: Runner
) -> None:
    cut_off = squid(f"{ALLOW}\nnever_direct allow all")
    status, name = error_of(cut_off, f"{site.server.url}/a")
    assert (status >= 500, name[:4]) == (True, "ERR_")
    with FaultyServer(proxy=True) as other:
        options = site.options(f"{cut_off.url}{between}{other.url}")
        for _ in range(4):
            shutil.rmtree(run.cache, ignore_errors=True)
            assert run("cat", f"{TOP}/a", options=options).ok().text == "a\n"
        assert other.count()
    # Nothing else is a way: an error that names it, and never "no such file".
    shutil.rmtree(run.cache)
    alone = run("cat", f"{TOP}/a", options=site.options(cut_off.url))
    assert alone.status == 1
    assert "Input/output error" in "".join(alone.errors)
    assert cut_off.url in alone.messages[0]


def test_a_squid_that_denies_gives_way_to_the_next_proxy(
    site: Site, squid: MakeSquid, run: Runner
) -> None:
    one = squid("http_access deny all")
    assert error_of(one, f"{site.server.url}/a") == (403, "ERR_ACCESS_DENIED")
    options = site.options(f"{one.url};DIRECT")
    assert run("cat", f"{TOP}/a", options=options).ok().text == "a\n"
    assert len([a for a in one.answers() if a.endswith("/403")]) == 2
    alone = run("cat", f"{TOP}/b", options=site.options(one.url))
    assert alone.status == 1
    assert "403" in alone.messages[0]


def test_a_squid_that_dies_between_two_files_is_passed_by(
    site: Site, squid: MakeSquid, run: Runner
) -> None:
    one = squid()
    script = f"cat {TOP}/a; read x; cat {TOP}/b {TOP}/c"
    options = site.options(f"{one.url};DIRECT", MAX_RETRIES="0")
    job = run.start("sh", "-c", script, options=options)
    assert job.stdout is not None
    assert job.stdout.readline() == b"a\n"
    one.kill()
    assert job.communicate(b"go on\n")[0] == b"b\nc\n"
    assert job.returncode == 0


def test_a_squid_that_dies_in_the_middle_of_a_file_is_passed_by(
    site: Site, squid: MakeSquid, run: Runner
) -> None:
    slow = f"{ALLOW}\ndelay_pools 1\ndelay_class 1 1\ndelay_access 1 allow all\n"
    one = squid(f"{slow}delay_parameters 1 100000/100000")
    script = f"cat {TOP}/a; read x; sha1sum <{TOP}/big"
    options = site.options(f"{one.url};DIRECT")
    job = run.start("sh", "-c", script, options=options)
    assert job.stdout is not None
    assert job.stdin is not None
    assert job.stdout.readline() == b"a\n"
    before = one.bytes_written()
    job.stdin.write(b"go on\n")
    job.stdin.flush()
    until = time.monotonic() + PATIENCE_S
    while one.bytes_written() < before + len(BIG) // 8:
        assert time.monotonic() < until
        assert job.poll() is None
        select.select([], [], [], 0.01)
    one.kill()
    digest = hashlib.sha1(BIG).hexdigest()
    assert job.communicate()[0].split()[0].decode() == digest
    # Once through squid, and whole once more without it.
    paths = Counter(request.path for request in site.server.requests())
    assert max(paths.values()) == 2
