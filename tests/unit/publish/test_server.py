# SPDX-License-Identifier: GPL-2.0-or-later
"""Byte ranges as RFC 9110 wants them; nothing from outside of the directory."""

from __future__ import annotations

import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpose.publish.server import RepositoryServer, parse_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-0", (0, 0)),
        ("bytes=2-5", (2, 5)),
        ("bytes=7-", (7, 9)),
        ("bytes=-3", (7, 9)),
        ("bytes=-30", (0, 9)),
        ("bytes=5-100", (5, 9)),
        ("bytes=5-4", None),
        ("bytes=0-1,3-4", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("lines=0-1", None),
    ],
)
def test_range_of_ten_bytes(
    header: str | None, expected: tuple[int, int] | None
) -> None:
    assert parse_range(header, 10) == expected


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0"])
def test_range_outside_of_the_file_is_refused(header: str) -> None:
    with pytest.raises(ValueError, match="bytes"):
        parse_range(header, 10)


@given(st.text(max_size=30), st.integers(0, 100))
def test_any_range_lies_within_the_file(text: str, size: int) -> None:
    try:
        found = parse_range("bytes=" + text, size)
    except ValueError:
        return
    if found is not None:
        first, last = found
        assert 0 <= first <= last < size


@pytest.fixture
def get(tmp_path: Path) -> Iterator[Callable[[str], bytes]]:
    """`get(path)`: what a server of the directory `out`, itself a link, answers."""
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to("real")
    server = RepositoryServer(tmp_path / "out")
    server.start()

    def ask(path: str) -> bytes:
        with urllib.request.urlopen(f"{server.url}/{path}", timeout=30) as answer:
            return bytes(answer.read())

    yield ask
    server.close()


@pytest.mark.parametrize("name", ["absolute", "relative", "inside", "folder/file"])
def test_no_link_is_followed_and_each_is_told_once(
    get: Callable[[str], bytes],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    out = tmp_path / "real"
    (tmp_path / "folder").mkdir()
    for secret in ("secret", "folder/file"):
        (tmp_path / secret).write_text("secret")
    (out / "plain").write_text("plain")
    (out / "absolute").symlink_to(tmp_path / "secret")
    (out / "relative").symlink_to("../secret")
    (out / "inside").symlink_to("plain")
    (out / "folder").symlink_to(tmp_path / "folder")
    for _ in range(2):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(name)
    assert get("plain") == b"plain"
    (line,) = capsys.readouterr().err.splitlines()
    assert name.split("/", maxsplit=1)[0] in line


def test_what_is_no_file_is_not_found_and_holds_nobody(
    get: Callable[[str], bytes], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "real/fifo")
    (tmp_path / "real/directory").mkdir()
    for name in ("fifo", "directory", "directory/", "fifo/x", "", "absent"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(name)


def test_without_a_thread_one_connection_is_answered_after_the_other(
    get: Callable[[str], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    (tmp_path / "real/file").write_text("content")
    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert [get("file") for _ in range(3)] == [b"content"] * 3


def test_what_changes_under_its_name_expires_soon(tmp_path: Path) -> None:
    top = tmp_path / "cvmfs/a.example.org"
    (top / "data/ab").mkdir(parents=True)
    names = [".cvmfspublished", ".cvmfswhitelist", "data/ab/cdef"]
    for name in names:
        (top / name).write_text("x")
    server = RepositoryServer(tmp_path)
    server.start()
    found = []
    for name in names:
        url = f"{server.url}/cvmfs/a.example.org/{name}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            found.append(answer.headers["Cache-Control"])
    server.close()
    assert found == ["max-age=61", "max-age=61", "max-age=259200"]
