# SPDX-License-Identifier: GPL-2.0-or-later
"""Many processes fill one cache at once, some are killed, the cache stays good."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from interpose.cache import AlienCache, CacheDirectory, PrivateCache
from tests.unit.cache.conftest import files_below, hash_of

CONTENTS = [bytes([n]) * (n * 4001 + 1) for n in range(30)]

WRITER = """
import sys, zlib
from pathlib import Path
from interpose.cache import AlienCache, PrivateCache
from interpose.formats.hashes import Algorithm, hash_bytes
kind, top, rounds = sys.argv[1:]
cache = {"private": PrivateCache, "alien": AlienCache}[kind](Path(top))
sys.stdin.read()  # all start together
for _ in range(int(rounds)):
    for n in range(30):
        content = bytes([n]) * (n * 4001 + 1)
        receiver = cache.receive()
        receiver.write(content)
        name = hash_bytes(Algorithm.SHA1, zlib.compress(content))
        assert receiver.commit(name).read_bytes() == content
"""


def start(kind: str, top: Path, rounds: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", WRITER, kind, os.fspath(top), str(rounds)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)


def check(cache: CacheDirectory) -> None:
    for content in CONTENTS:
        path = cache.find(hash_of(content), len(content))
        assert path is not None
        assert path.read_bytes() == content


@pytest.mark.parametrize("kind", ["private", "alien"])
def test_processes_that_store_the_same_objects_agree(kind: str, tmp_path: Path) -> None:
    top = tmp_path / "cache"
    writers = [start(kind, top, 1) for _ in range(8)]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.close()
    for writer in writers:
        assert writer.stderr is not None
        with writer.stderr:
            told = writer.stderr.read()
        assert (writer.wait(), told) == (0, b"")
    check(PrivateCache(top) if kind == "private" else AlienCache(top))
    assert len(files_below(top)) == len(CONTENTS)


@pytest.mark.parametrize("kind", ["private", "alien"])
def test_killed_processes_leave_only_whole_objects(kind: str, tmp_path: Path) -> None:
    top = tmp_path / "cache"
    cache = PrivateCache(top) if kind == "private" else AlienCache(top)
    for content in CONTENTS[:10]:
        writer = start(kind, top, 1000)
        assert writer.stdin is not None
        writer.stdin.close()
        while cache.find(hash_of(content)) is None:
            assert writer.poll() is None
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        assert writer.stderr is not None
        writer.stderr.close()
    for content in CONTENTS:
        path = cache.find(hash_of(content))
        assert path is None or path.read_bytes() == content
    for content in CONTENTS:
        receiver = cache.receive()
        receiver.write(content)
        receiver.commit(hash_of(content))
    check(cache)
