# SPDX-License-Identifier: GPL-2.0-or-later
"""Work that comes to no end: the job goes away, or there is no memory for it."""

from __future__ import annotations

import errno
import json
import time
from pathlib import Path

from interpose import native
from tests.support.faulty_server import Answer, FaultyServer
from tests.support.places import Repositories
from tests.unit.resolver.conftest import Start, opened
from tests.unit.resolver.driver import ROOT, Resolver, walk
from tests.unit.resolver.test_content import SHA1

# On a file server: files need names, and turns are files.
ON_A_SERVER = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from interpose import owned
from interpose.cache import Receiver
owned.is_of_this_node = lambda descriptor: False
Receiver.nameless = False
from interpose.resolver.program import run
run()
"""
PATIENCE_S = 60.0


def test_nothing_stays_of_a_download_that_nobody_waits_for(
    start: Start, repositories: Repositories, place: Path
) -> None:
    with FaultyServer(repositories.need(SHA1).parent.parent) as server:
        first = start(SHA1, url=server.url)
        record = opened(first, SHA1)
        found = next(f for f in walk(first, SHA1, record) if f.path == b"/README")
        assert found.entry.digest is not None
        text = found.entry.digest.hex()
        stalled = f"/cvmfs/{SHA1}/data/{text[:2]}/{text[2:]}"
        server.script(stalled, Answer(stall_after=10))
        second = Resolver(place / "other", {}, first.settings[1:], ON_A_SERVER)
        with second:
            opened(second, SHA1)
            body = found.catalog.encode() + b"\0" + found.path
            second.send(native.OBJECT, SHA1, body=body, entry=found.entry.number)
            until = time.monotonic() + PATIENCE_S
            under_way = place / "cache/txn"
            while len([*under_way.iterdir()]) < 2:
                assert time.monotonic() < until, json.dumps(second.lines())
                time.sleep(0.01)  # Another process makes them, and tells nobody.
            assert second.end() == 0
        assert [*under_way.iterdir()] == []


# A limit that nothing meets here, and a library that has met it.
WITHOUT_MEMORY = f"""
import resource, sqlite3, sys
sys.path.insert(0, {str(ROOT)!r})
def connect(*words, **more):
    raise MemoryError
sqlite3.connect = connect
resource.setrlimit(resource.RLIMIT_AS, (1 << 40, resource.RLIM_INFINITY))
from interpose.resolver.program import run
run()
"""


def test_a_library_without_memory_has_the_limit_named(
    start: Start, place: Path
) -> None:
    settings = start(SHA1).settings[1:]
    with Resolver(place / "other", {}, settings, WITHOUT_MEMORY) as resolver:
        assert resolver.ask(native.OPEN, SHA1).error == errno.EIO
        (line,) = resolver.lines()
    assert "ulimit -v, -d" in line
