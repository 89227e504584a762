# SPDX-License-Identifier: GPL-2.0-or-later
"""What the resolver gives is what the official client showed, and costs what it may."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import pytest

from interpose import native
from tests.support.places import need_shared
from tests.support.truth import truth_tree
from tests.support.web import Server
from tests.unit.resolver.conftest import Start, contents, opened

ALL = ["sha1", "rmd160", "shake128", "tagged", "bind", "oldschema", "tricky"]
SHA1 = "sha1.example.org"


def truth_of(fqrn: str) -> dict[str, str]:
    """SHA-256 of every file that the official client showed."""
    rows = truth_tree(f"{fqrn}.jsonl")
    if fqrn.startswith("bind"):
        rows.update(truth_tree(f"{fqrn}.hidden.jsonl"))
    return {path: row["sha256"] for path, row in rows.items() if row["type"] == "file"}


@pytest.mark.parametrize("name", ALL)
def test_every_file_has_its_content_and_the_second_job_asks_nobody(
    name: str, start: Start, server: Server
) -> None:
    fqrn = f"{name}.example.org"
    truth = truth_of(fqrn)
    assert contents(start(fqrn), fqrn) == truth
    server.forget()
    second = start(fqrn)
    assert contents(second, fqrn) == truth
    assert server.requests() == []
    numbers = json.loads(second.ask(native.STATISTICS).body)
    assert numbers["network"]["requests"] == 0
    assert numbers["repositories"][0]["objects_from"]["network"] == 0
    assert second.lines() == []


def test_objects_are_stored_executable_and_read_only(start: Start, place: Path) -> None:
    contents(start(SHA1), SHA1)
    objects = [p for p in (place / "cache").glob("??/*") if p.is_file()]
    assert len(objects) > 40
    assert {p.stat().st_mode & 0o7777 for p in objects} == {0o555}
    crumb = (place / "cache" / f"cvmfschecksum.{SHA1}").read_text()
    assert crumb == "fa9b9bfda6cd7341511280db57ff2deeb6c19d59T1705330800R1"


@pytest.mark.parametrize(
    "kind",
    ["exclusive/sha1.example.org", "shared/shared", "alien", "preload"],
)
def test_official_caches_serve_the_tree_with_the_server_unreachable(
    kind: str, start: Start, place: Path
) -> None:
    alien = unpacked_cache(place) / kind
    resolver = start(
        SHA1, f"alien_cache={alien}", "trust_cache=1", url="http://127.0.0.1:1"
    )
    assert contents(resolver, SHA1) == truth_of(SHA1)


def test_official_caches_prove_nothing_by_themselves(start: Start, place: Path) -> None:
    alien = unpacked_cache(place) / "alien"
    resolver = start(SHA1, f"alien_cache={alien}", "offline=1")
    flags = native.QUESTION_NAMED
    answer = resolver.ask(native.OPEN, SHA1, flags=flags)
    assert answer.error == 5
    (line,) = resolver.lines()
    assert line.startswith("interpose: offline")
    assert "--trust-cache" in line
    assert not (place / "cache").exists()


def test_objects_of_an_official_cache_count_after_their_proof(
    start: Start, place: Path, server: Server
) -> None:
    alien = unpacked_cache(place) / "alien"
    for path in (alien / "05").iterdir():
        path.write_bytes(b"somebody changed this")
    resolver = start(SHA1, f"alien_cache={alien}")
    server.forget()
    assert contents(resolver, SHA1) == truth_of(SHA1)
    asked = [request.path for request in server.requests()]
    objects = [path for path in asked if "/data/" in path]
    assert all("/data/05/" in path for path in objects), objects


def test_a_second_node_on_one_alien_cache_asks_for_no_object(
    start: Start, place: Path, server: Server
) -> None:
    alien = f"alien_cache={place}/alien"
    truth = truth_of(SHA1)
    assert contents(start(SHA1, alien, f"cache={place}/node1"), SHA1) == truth
    server.forget()
    assert contents(start(SHA1, alien, f"cache={place}/node2"), SHA1) == truth
    assert len(server.requests()) <= 2
    assert not any("/data/" in request.path for request in server.requests())


def test_a_damaged_index_is_made_again(start: Start, place: Path) -> None:
    record = opened(start(SHA1), SHA1)
    path = record.index_dir / f"{record.root}.v{native.INDEX_VERSION}"
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:100])
    assert contents(start(SHA1), SHA1) == truth_of(SHA1)


def test_an_object_that_was_evicted_comes_again(start: Start, place: Path) -> None:
    resolver = start(SHA1)
    truth = truth_of(SHA1)
    assert contents(resolver, SHA1) == truth
    for path in (place / "cache").glob("[0-9a-f][0-9a-f]"):
        shutil.rmtree(path)
    assert contents(resolver, SHA1) == truth


def unpacked_cache(place: Path) -> Path:
    """The cache directories that the official tools left behind."""
    source = need_shared() / "repositories/caches/sha1-official-cache.tar.xz"
    target = place / "official"
    with tarfile.open(source) as archive:
        archive.extractall(target)
    return target
