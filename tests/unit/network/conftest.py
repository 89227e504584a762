# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from interpose.network import Fetcher, Lent, NetworkSettings
from tests.support.faulty_server import FaultyServer

MakeFetcher = Callable[..., Fetcher]


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.fixture
def second() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.fixture
def proxy() -> Iterator[FaultyServer]:
    with FaultyServer(proxy=True) as running:
        yield running


@pytest.fixture
def dead_url() -> Iterator[str]:
    """A URL where nothing listens, for as long as the test runs."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{holder.getsockname()[1]}"


@pytest.fixture
def fetcher() -> Iterator[MakeFetcher]:
    made: list[Fetcher] = []

    def make(*servers: str, **settings: Any) -> Fetcher:
        # Where nothing stalls, no machine is too slow.
        patient: dict[str, Any] = {"timeout_s": 30.0, "timeout_direct_s": 30.0}
        pauses = settings.pop("pauses", [])
        if "proxies" in settings:
            # A text is a group of its own.
            settings["proxies"] = tuple(
                (group,) if isinstance(group, str) else tuple(group)
                for group in settings["proxies"]
            )
        memory, notices = settings.pop("memory", None), settings.pop("notices", [])
        whole = NetworkSettings(servers, **{**patient, **settings})
        lent = Lent(memory, lambda text, _: notices.append(text), pauses.append)
        made.append(Fetcher(whole, lent))
        return made[-1]

    yield make
    for one in made:
        one.close()
