# SPDX-License-Identifier: GPL-2.0-or-later
"""The fast detector cuts where the plain loop of the format's description does."""

from __future__ import annotations

import io
import subprocess
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpose.formats.fqrn import Fqrn
from interpose.publish.chunker import ChunkSizes, chunks, cut
from tests.unit.publish.published import Reader

KIB = 1024


def plain_cut(buffer: bytes, sizes: ChunkSizes) -> int:
    """docs/format.md 9.2, word for word."""
    threshold = 0xFFFFFFFF // sizes.average
    x = 0
    for place, byte in enumerate(buffer[: sizes.most]):
        if place >= sizes.least - 32:
            x = ((x << 1) ^ byte) & 0xFFFFFFFF
        if place < sizes.least:
            continue
        distance = (x - 0x7FFFFFFF) & 0xFFFFFFFF
        distance -= 0x100000000 if distance >= 0x80000000 else 0
        if distance == -0x80000000 or abs(distance) < threshold:
            return place
    return min(len(buffer), sizes.most)


@st.composite
def buffers(draw: st.DrawFn) -> tuple[bytes, ChunkSizes]:
    average = draw(st.sampled_from([32, 64, 100, 1000, 4096, 1 << 26]))
    least = draw(st.integers(32, min(average, 2000)))
    most = draw(st.integers(average, average * 3))
    alphabet = draw(st.sampled_from([b"\x00\xff", b"\x00\x01", bytes(range(256))]))
    noise = draw(st.randoms(use_true_random=False))
    length = draw(st.integers(0, 6000))
    return bytes(noise.choices(alphabet, k=length)), ChunkSizes(least, average, most)


@given(buffers())
def test_cuts_are_those_of_the_plain_loop(case: tuple[bytes, ChunkSizes]) -> None:
    buffer, sizes = case
    assert cut(buffer, sizes) == plain_cut(buffer, sizes)


def test_cut_is_found_across_the_blocks_of_the_search() -> None:
    import random

    buffer = random.Random(3).randbytes(1_200_000)
    sizes = ChunkSizes(250_000, 400_000, 1_100_000)
    assert cut(buffer, sizes) == plain_cut(buffer, sizes)


@given(st.binary(max_size=3000))
def test_chunks_are_the_stream(data: bytes) -> None:
    sizes = ChunkSizes(32, 64, 100)
    pieces = list(chunks(io.BytesIO(data), sizes))
    assert b"".join(pieces) == data
    assert all(32 <= len(piece) <= 100 for piece in pieces[:-1])
    assert all(pieces)


def test_end_of_the_file_is_no_cut() -> None:
    sizes = ChunkSizes(32, 64, 100)
    assert [len(piece) for piece in chunks(io.BytesIO(bytes(200)), sizes)] == [100, 100]
    assert cut(bytes(32), sizes) == 32


@pytest.mark.parametrize("sizes", [(31, 64, 100), (64, 63, 100), (64, 64, 63)])
def test_sizes_out_of_order_are_refused(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="in order"):
        ChunkSizes(*sizes)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("sha1", ChunkSizes(64 * KIB, 128 * KIB, 256 * KIB)),
        ("programs", ChunkSizes(256 * KIB, 512 * KIB, 1024 * KIB)),
    ],
)
def test_official_publisher_cuts_at_the_same_places(
    shared: Path, tmp_path: Path, name: str, sizes: ChunkSizes
) -> None:
    fqrn = Fqrn.parse(f"{name}.example.org")
    archive = shared / "repositories" / f"{fqrn}.tar.xz"
    subprocess.run(["tar", "-C", tmp_path, "-xf", archive], check=True)
    key = (shared / "repositories" / "keys" / f"{fqrn}.pub").read_bytes()
    reader = Reader(tmp_path / "cvmfs" / fqrn, tmp_path)
    official = reader.read(fqrn, key, datetime.now(timezone.utc))
    assert official.cuts
    for path, pieces in official.cuts.items():
        stream = io.BytesIO(official.contents[path])
        assert [len(piece) for piece in chunks(stream, sizes)] == pieces, path
