# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import io
import os
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpose.cache import Promise, Repacked, VerifyingSink
from interpose.errors import FormatError, HashMismatch
from interpose.formats.hashes import Algorithm, hash_bytes, new_hasher

ALGORITHM = Algorithm.SHA1


class Target(io.BytesIO):
    aborted = False

    def abort(self) -> None:
        self.aborted = True


def sink_for(stored: bytes, **promise: object) -> VerifyingSink:
    digest = hash_bytes(ALGORITHM, stored).digest
    whole = Promise(digest, "the object", **promise)  # type: ignore[arg-type]
    return VerifyingSink(Target(), new_hasher(ALGORITHM), whole)


def feed(sink: VerifyingSink, stored: bytes, step: int) -> bytes:
    for start in range(0, len(stored), step):
        sink.write(stored[start : start + step])
    sink.finish()
    assert isinstance(sink.target, Target)
    return sink.target.getvalue()


@given(st.binary(max_size=3000), st.integers(1, 400), st.booleans())
def test_content_comes_out_whatever_the_pieces(
    content: bytes, step: int, compressed: bool
) -> None:
    stored = zlib.compress(content) if compressed else content
    sink = sink_for(stored, size_bytes=len(content), compressed=compressed)
    assert feed(sink, stored, step) == content
    assert sink.size_bytes == len(content)


@pytest.mark.parametrize("step", [1 << 30, 64 * 1024, 1])
def test_long_runs_come_out_whole(step: int) -> None:
    content = bytes(5_000_000)
    stored = zlib.compress(content)
    assert feed(sink_for(stored), stored, step) == content


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_one_flipped_bit_is_never_accepted(where: int, bit: int) -> None:
    stored = zlib.compress(b"some content that is long enough" * 20)
    damaged = bytearray(stored)
    damaged[where % len(stored)] ^= 1 << bit
    with pytest.raises((HashMismatch, FormatError)):
        feed(sink_for(stored), bytes(damaged), 50)


@given(st.data())
def test_truncated_object_is_never_accepted(data: st.DataObject) -> None:
    stored = zlib.compress(os.urandom(500))
    cut = data.draw(st.integers(0, len(stored) - 1))
    with pytest.raises((HashMismatch, FormatError)):
        feed(sink_for(stored), stored[:cut], 50)


def test_wrong_hash_is_told() -> None:
    with pytest.raises(HashMismatch, match="wrong hash: the object"):
        feed(sink_for(zlib.compress(b"a")), zlib.compress(b"b"), 10)


@pytest.mark.parametrize(
    ("stored", "promise", "what"),
    [
        (zlib.compress(b"12345"), {"size_bytes": 4}, "more than 4 bytes"),
        (zlib.compress(b"12345"), {"size_bytes": 6}, "5 bytes instead of 6"),
        (zlib.compress(b"12345"), {"limit_bytes": 4}, "more than 4 bytes"),
        (b"12345", {"limit_bytes": 4, "compressed": False}, "more than 4 bytes"),
        (zlib.compress(b"1")[:-1], {}, "no end"),
        (zlib.compress(b"1") + b"x", {}, "bytes after the end"),
        (b"plain text", {}, "no zlib stream"),
        (b"", {}, "no end"),
    ],
)
def test_object_that_its_name_fits_is_refused_if_it_is_wrong(
    stored: bytes, promise: dict[str, object], what: str
) -> None:
    with pytest.raises(FormatError, match=what):
        feed(sink_for(stored, **promise), stored, 3)


def test_object_that_inflates_without_end_is_stopped_in_bounded_memory() -> None:
    deflater = zlib.compressobj()
    bomb = b"".join(deflater.compress(bytes(1 << 20)) for _ in range(256))
    sink = sink_for(bomb, size_bytes=1 << 20)
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match="more than"):
            feed(sink, bomb, 1 << 30)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20
    assert isinstance(sink.target, Target)
    assert len(sink.target.getvalue()) <= 1 << 20


def test_an_object_of_unknown_size_may_not_inflate_without_measure() -> None:
    deflater = zlib.compressobj()
    bomb = b"".join(deflater.compress(bytes(1 << 20)) for _ in range(256))
    for step in (1 << 30, 64 << 10, 1000):
        sink = sink_for(bomb, limit_bytes=2 << 30)
        with pytest.raises(FormatError, match="times its stored size"):
            feed(sink, bomb, step)
        assert isinstance(sink.target, Target)
        assert len(sink.target.getvalue()) <= 16 << 20


@pytest.mark.parametrize(
    "promise", [{"size_bytes": 20 << 20}, {"limit_bytes": 2 << 30}]
)
def test_much_that_inflates_well_is_taken(promise: dict[str, object]) -> None:
    """A sparse file of the promised size; a catalog of long and equal texts."""
    content = bytes(20 << 20)
    if "limit_bytes" in promise:
        content = b"".join(os.urandom(32) + bytes(4000) for _ in range(5000))
    stored = zlib.compress(content)
    assert feed(sink_for(stored, **promise), stored, 64 << 10) == content


def test_abort_reaches_the_target() -> None:
    sink = sink_for(b"")
    sink.abort()
    assert isinstance(sink.target, Target)
    assert sink.target.aborted


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_repacking_proves_good_content(algorithm: Algorithm) -> None:
    content = os.urandom(1000) * 1000
    name = hash_bytes(algorithm, zlib.compress(content))

    def digest(*blocks: bytes) -> bytes:
        repacked = Repacked(new_hasher(algorithm))
        for block in blocks:
            repacked.update(block)
        assert repacked.size_bytes == sum(map(len, blocks))
        return repacked.digest()

    assert digest(content) == name.digest
    pieces = [content[at : at + 999] for at in range(0, len(content), 999)]
    assert digest(*pieces) == name.digest
    assert digest(content[:77], content[77:]) == name.digest
    assert digest(content, b"x") != name.digest


def test_raw_content_is_hashed_as_it_is() -> None:
    for compressed in (False, True):
        repacked = Repacked(new_hasher(ALGORITHM), compressed=compressed)
        repacked.update(b"content")
        # The stored bytes of a compressed object are not its content.
        expected = hash_bytes(ALGORITHM, b"content").digest
        assert (repacked.digest() == expected) is not compressed
