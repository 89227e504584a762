# SPDX-License-Identifier: GPL-2.0-or-later
"""Index files that were damaged before they are mapped, or are while they are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from interpose import native
from interpose.errors import FormatError
from tests.native.index_model import Model, build, directory, row

PAGE = 4096


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """An index of many pages, with something in each section."""
    path = tmp_path / "index"
    rows = [directory(b""), directory(b"/d")]
    for number in range(2000):
        rows.append(row(b"/d/plain%d" % number, xattr=b"blob%d" % number))
        rows.append(row(b"/d/link%d" % number, 0o120777, symlink=b"to/%d" % number))
    rows.append(row(b"/d/chunked", flags=0x40))
    model = Model(chunks={b"/d/chunked": (b"d" * 20, [(0, 5, b"e" * 20)])})
    build(path, rows, model).close()
    return path


def test_every_page_is_under_a_sum(large: Path) -> None:
    whole = large.read_bytes()
    for start in range(0, len(whole), PAGE):
        page = whole[start : start + PAGE]
        for changed in (bytes(len(page)), page[:50] + b"\1" + page[51:]):
            if changed == page:
                continue
            large.write_bytes(whole[:start] + changed + whole[start + PAGE :])
            with pytest.raises(FormatError):
                native.Index.open(large)
    large.write_bytes(whole)
    native.Index.open(large).close()


@pytest.mark.parametrize("replaced", ["directory", "fifo", "empty", "cut", "sparse"])
def test_what_is_no_index_is_refused_at_once(large: Path, replaced: str) -> None:
    size = large.stat().st_size
    if replaced in ("empty", "cut", "sparse"):
        os.truncate(large, 0 if replaced == "empty" else size // 2)
        os.truncate(large, size if replaced == "sparse" else large.stat().st_size)
    else:
        large.unlink()
        os.mkfifo(large) if replaced == "fifo" else large.mkdir()
    with pytest.raises((FormatError, OSError)):
        native.Index.open(large)


@pytest.mark.parametrize("kept", [0, 1, 40, 90])
def test_bytes_that_go_away_beneath_a_reader_are_an_error(
    large: Path, kept: int
) -> None:
    """No signal ends the process, and no answer is made of zeros."""
    index = native.Index.open(large)
    folder = index.child(0, b"d")
    assert folder is not None
    right = [(entry.name, entry.target) for entry in index.children(folder)]
    os.truncate(large, large.stat().st_size * kept // 100)
    asked: list[Callable[[], object]] = [
        lambda: index.child(folder, b"plain1999"),
        lambda: index.child(folder, b"absent"),
        lambda: [(entry.name, entry.target) for entry in index.children(folder)],
    ]
    for ask in asked:
        try:
            answer = ask()
        except native.DamagedIndex:
            assert index.is_broken
        else:
            # Pages that are in memory may still be right; the table is at the end.
            assert answer == right
    assert index.is_broken
    index.close()


def test_others_have_their_bus_errors() -> None:
    """A signal for bytes that are not ours ends the process as it did before."""
    program = (
        "import ctypes, mmap, os, tempfile\n"
        "from interpose import native\n"
        "file = tempfile.TemporaryFile()\n"
        "os.truncate(file.fileno(), 4096)\n"
        "try:\n    native.Index(file.fileno())\n"
        "except native.FormatError:\n    pass\n"
        "view = mmap.mmap(file.fileno(), 4096)\n"
        "os.truncate(file.fileno(), 0)\n"
        "view[0]\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -signal.SIGBUS
