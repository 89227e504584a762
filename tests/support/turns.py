# SPDX-License-Identifier: GPL-2.0-or-later
"""The same job again and again on one cache, with ever less of a network."""

from __future__ import annotations

from collections.abc import Iterator

from tests.support.web import Server


def turns(server: Server) -> Iterator[list[str]]:
    """Options of each turn; the caller runs the same job and compares.

    First the job that fills the cache. Then, within the TTL: as it was, the requests
    counted, which must be none; offline; with the server gone. `server` is the test's
    own and serves nobody else.
    """
    server.forget()
    yield []
    assert server.requests(), "the first run asked nobody: nothing is counted"
    server.forget()
    for options in ([], ["--offline"]):
        yield options
        asked = [row.path for row in server.requests()]
        assert not asked, f"a warm run {options} asked for {asked}"
    server.stop()
    yield []
