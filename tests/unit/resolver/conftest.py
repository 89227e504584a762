# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures: a resolver that is asked as the tracer asks it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from interpose import native
from tests.support.places import Repositories
from tests.support.truth import SETTINGS
from tests.support.web import Server
from tests.unit.resolver.driver import Found, Record, Resolver, read_record, walk

Start = Callable[..., Resolver]


def options_for(
    repositories: Repositories, url: str, fqrn: str, more: Mapping[str, str]
) -> dict[str, str]:
    """The configuration under which the truth was taken."""
    values = dict(SETTINGS)
    values["CVMFS_SERVER_URL"] = f"{url}/cvmfs/@fqrn@"
    values["CVMFS_PUBLIC_KEY"] = str(repositories.key(fqrn))
    values["CVMFS_EXTERNAL_URL"] = f"{url}/external/{fqrn}"
    values["CVMFS_EXTERNAL_HTTP_PROXY"] = "DIRECT"
    values["CVMFS_MAX_RETRIES"] = "0"
    values["CVMFS_QUOTA_LIMIT"] = "-1"
    values.update(more)
    return values


@pytest.fixture
def start(repositories: Repositories, server: Server, place: Path) -> Iterator[Start]:
    """`start(FQRN, *settings, url=..., **parameters)`: a resolver of the test's own.

    All of one test share a private cache unless a setting says otherwise.
    """
    with ExitStack() as stack:
        count = 0

        def begin(fqrn: str, *settings: str, url: str = "", **more: str) -> Resolver:
            nonlocal count
            count += 1
            if fqrn.startswith(("absent", "other")):
                key = "sha1.example.org"
            else:
                key = fqrn
                repositories.need(fqrn)
            options = options_for(repositories, url or server.url, key, more)
            if not any(text.startswith("cache=") for text in settings):
                settings = (f"cache={place}/cache", *settings)
            resolver = Resolver(place / f"run{count}", options, settings)
            return stack.enter_context(resolver)

        yield begin


def opened(resolver: Resolver, fqrn: str, *, named: bool = False) -> Record:
    """Open a repository, which must succeed."""
    flags = native.QUESTION_NAMED if named else 0
    answer = resolver.ask(native.OPEN, fqrn, flags=flags)
    assert answer.error == 0, resolver.lines()
    return read_record(Path(os.fsdecode(answer.body)))


def content_of(resolver: Resolver, fqrn: str, found: Found) -> str:
    """SHA-256 of what the resolver gives for a file."""
    body = found.catalog.encode() + b"\0" + found.path
    answer = resolver.ask(native.OBJECT, fqrn, body=body, entry=found.entry.number)
    assert answer.error == 0, (found.path, answer, resolver.lines())
    with open(answer.body, "rb") as file:
        data = file.read()
    assert len(data) == found.entry.size
    return hashlib.sha256(data).hexdigest()


def contents(resolver: Resolver, fqrn: str) -> dict[str, str]:
    """SHA-256 of every file, by path."""
    record = opened(resolver, fqrn)
    return {
        found.path[1:].decode("utf-8", "surrogateescape"): content_of(
            resolver, fqrn, found
        )
        for found in walk(resolver, fqrn, record)
        if found.entry.mode & 0o170000 == 0o100000
    }
