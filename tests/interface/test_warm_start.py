# SPDX-License-Identifier: GPL-2.0-or-later
"""A warm job needs no Python: docs/decisions/0009."""

from __future__ import annotations

import os
import shutil
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interpose import native
from tests.support.places import program
from tests.support.run import Result, Runner
from tests.support.web import Server

FQRN = "sha1.example.org"
README = f"/cvmfs/{FQRN}/README"
# Offsets in struct interpose_mount of native/interpose.h.
CHECKSUM, SUMMED, MADE_AT, VALID_UNTIL = 8, 16, 24, 32
Configured = Callable[..., list[Any]]


class Program:
    """A copy of interpose_run whose Python says that it was started."""

    def __init__(self, place: Path) -> None:
        self.directory = place / "bin"
        self.directory.mkdir()
        self.marker = place / "resolver-was-started"
        self.path = self.directory / "interpose_run"
        shutil.copy2(program("interpose_run"), self.path)
        python = Path(program("interpose_run")).absolute().parent / "python3"
        wrapper = self.directory / "python3"
        wrapper.write_text(f'#!/bin/sh\n: > "{self.marker}"\nexec "{python}" "$@"\n')
        wrapper.chmod(0o755)

    def started_python(self) -> bool:
        """Whether it did since this was asked last."""
        was_started = self.marker.exists()
        self.marker.unlink(missing_ok=True)
        return was_started


@pytest.fixture
def warm(
    place: Path, run: Runner, configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[bool, Result]]:
    """Runs cat README; gives whether Python was started, and the result."""
    copy = Program(place)
    monkeypatch.setenv("INTERPOSE_RUN", str(copy.path))
    key = place / "key.pub"
    basic = configured(FQRN)
    known = next(str(word) for word in basic if "CVMFS_PUBLIC_KEY=" in str(word))
    key.write_bytes(Path(known.partition("=")[2]).read_bytes())
    os.utime(key, (1, 1))
    words = [f"CVMFS_PUBLIC_KEY={key}" if word == known else word for word in basic]

    def once(*more: str, **how: Any) -> tuple[bool, Result]:
        result = run("/bin/cat", README, options=[*words, *more], **how).ok()
        return copy.started_python(), result

    return once


Warm = Callable[..., tuple[bool, Result]]


def test_the_second_job_starts_no_python(warm: Warm, server: Server) -> None:
    started, first = warm()
    assert started
    server.forget()
    started, second = warm()
    assert not started
    assert second.stdout == first.stdout
    assert server.requests() == []


def test_a_changed_key_file_is_read_again(warm: Warm, place: Path) -> None:
    warm()
    assert not warm()[0]
    key = place / "key.pub"
    key.write_bytes(key.read_bytes() + b"\n")
    assert warm()[0]


def test_a_new_configuration_file_is_seen(warm: Warm, place: Path) -> None:
    directory = place / "etc"
    directory.mkdir()
    option = ("--config", str(directory))
    warm(*option)
    assert not warm(*option)[0]
    (directory / "default.local").write_text("CVMFS_TIMEOUT=7\n")
    assert warm(*option)[0]


def test_other_settings_are_another_question(warm: Warm) -> None:
    warm()
    assert warm("-o", "CVMFS_TIMEOUT=9")[0]
    assert not warm("-o", "CVMFS_TIMEOUT=9")[0]
    assert not warm()[0]


def test_another_environment_is_another_question(warm: Warm, run: Runner) -> None:
    warm()
    changed = {**run.environment(), "CVMFS_TIMEOUT": "8"}
    assert warm(env=changed)[0]
    assert not warm(env=changed)[0]


def test_after_the_ttl_the_servers_are_asked(warm: Warm, cache_dir: Path) -> None:
    warm()
    (kept,) = cache_dir.glob(f"kept/*/{FQRN}")
    change(kept, VALID_UNTIL, 1)
    assert warm()[0]
    assert not warm()[0]


def change(kept: Path, offset: int, value: int, *, summed: bool = True) -> None:
    """Put another time into a mount file."""
    data = bytearray(kept.read_bytes())
    struct.pack_into("<q", data, offset, value)
    if summed:
        struct.pack_into("<Q", data, CHECKSUM, native.checksum(bytes(data[SUMMED:])))
    kept.write_bytes(data)


@pytest.mark.parametrize("clock", ["of the file", "of the end alone"])
def test_a_record_from_the_future_is_not_believed(
    warm: Warm, cache_dir: Path, clock: str
) -> None:
    """The clock was wrong when it was made: its end is as wrong as its beginning."""
    warm()
    (kept,) = cache_dir.glob(f"kept/*/{FQRN}")
    ahead = int(time.time()) + 86400
    change(kept, VALID_UNTIL, ahead + 600, summed=clock == "of the file")
    if clock == "of the file":
        change(kept, MADE_AT, ahead)
    assert warm()[0]
    assert not warm()[0]


def test_a_damaged_mount_file_is_made_again(warm: Warm, cache_dir: Path) -> None:
    warm()
    (kept,) = cache_dir.glob(f"kept/*/{FQRN}")
    size = kept.stat().st_size
    for length in (0, 10, size // 2, size - 1):
        kept.write_bytes(kept.read_bytes()[:length])
        assert warm()[0]
        assert kept.stat().st_size == size


def test_a_mount_file_that_others_may_write_is_not_believed(
    warm: Warm, cache_dir: Path
) -> None:
    warm()
    (kept,) = cache_dir.glob(f"kept/*/{FQRN}")
    kept.chmod(0o666)
    assert warm()[0]


def test_statistics_count_what_was_opened(warm: Warm) -> None:
    warm()
    started, result = warm(stats=True)
    assert started
    assert [one["fqrn"] for one in result.stats["repositories"]] == [FQRN]


def test_relative_paths_are_as_warm_as_absolute_ones(
    warm: Warm, place: Path, run: Runner
) -> None:
    elsewhere = place / "elsewhere"
    for directory in (place / "here", elsewhere):
        directory.mkdir()
        (directory / "more.conf").write_text(f"CVMFS_X={directory.name}\n")
    run.base[run.base.index("--cache") + 1] = "private"
    options = ("--config", "more.conf")
    for directory in (place / "here", elsewhere):
        assert warm(*options, cwd=directory)[0]
        assert not warm(*options, cwd=directory)[0]
        assert (directory / "private").is_dir()


def test_a_relative_key_in_a_file_is_that_of_the_jobs_directory(
    warm: Warm, place: Path, server: Server
) -> None:
    (place / "one.conf").write_text("CVMFS_UID_MAP=owners\n")
    options = ("--config", str(place / "one.conf"))
    for name, line in (("a", "* 11\n"), ("b", "* 22\n")):
        directory = place / name
        directory.mkdir()
        (directory / "owners").write_text(line)
        os.utime(directory / "owners", (1, 1))
        assert warm(*options, cwd=directory)[0]
        assert not warm(*options, cwd=directory)[0]
