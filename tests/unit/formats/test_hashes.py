# SPDX-License-Identifier: GPL-2.0-or-later
"""Content hashes."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpose.errors import FormatError
from interpose.formats import hashes
from interpose.formats.hashes import (
    Algorithm,
    ContentHash,
    hash_bytes,
    new_hasher,
    optional_hash,
)

# The empty file as it is stored, and its names (format notes, 1.1).
EMPTY = bytes.fromhex("789c030000000001")
NAMES = {
    Algorithm.SHA1: "e8ec3d88b62ebf526e4e5a4ff6162a3aa48a6b78",
    Algorithm.RIPEMD160: "fcdb20b894f31f1306d56294c049ca7293dde0fc-rmd160",
    Algorithm.SHAKE128: "28d94b83b7229b331fc601362b8e272e02665122-shake128",
}


@pytest.mark.parametrize("algorithm", Algorithm)
def test_the_empty_object_has_the_official_name(algorithm: Algorithm) -> None:
    found = hash_bytes(algorithm, EMPTY)
    assert found.text == NAMES[algorithm]
    assert ContentHash.parse(found.text) == found
    assert str(found) == found.text


@pytest.mark.parametrize("algorithm", Algorithm)
def test_hashing_in_pieces_gives_the_same(algorithm: Algorithm) -> None:
    hasher = new_hasher(algorithm)
    for byte in EMPTY:
        hasher.update(bytes((byte,)))
    assert hasher.digest() == hash_bytes(algorithm, EMPTY).digest
    assert len(hasher.digest()) == 20


def test_ripemd_works_where_the_system_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(name: str) -> None:
        raise ValueError(name)

    monkeypatch.setattr(hashlib, "new", refuse)
    assert hash_bytes(Algorithm.RIPEMD160, EMPTY).text == NAMES[Algorithm.RIPEMD160]


def test_paths_of_objects_and_of_cached_objects() -> None:
    found = ContentHash.parse("ab" + "0" * 38 + "-rmd160")
    assert found.object_path() == "data/ab/" + "0" * 38 + "-rmd160"
    assert found.object_path("P") == "data/ab/" + "0" * 38 + "-rmd160P"
    assert found.cache_path() == "ab/" + "0" * 38 + "-rmd160"
    with pytest.raises(ValueError, match="kind"):
        found.object_path("/../")


def test_kinds_have_one_letter_at_most() -> None:
    assert all(len(kind) <= 1 for kind in hashes.KINDS)


def test_zeros_mean_none() -> None:
    zeros = "0" * 40
    assert ContentHash.parse(zeros).is_null
    assert optional_hash(zeros) is None
    assert optional_hash("") is None
    assert optional_hash("1" * 40) == ContentHash.parse("1" * 40)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a" * 39,
        "a" * 41,
        "A" * 40,
        "g" * 40,
        "a" * 40 + "-md5",
        "a" * 40 + "\n",
        "a" * 32,
        "../" + "a" * 37,
        "a" * 40 + "C",
        "a" * 40 + "-RMD160",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(FormatError):
        ContentHash.parse(text)


@pytest.mark.parametrize("length", [0, 16, 19, 21, 32])
def test_digests_of_other_lengths_are_refused(length: int) -> None:
    with pytest.raises(FormatError):
        ContentHash(Algorithm.SHA1, bytes(length))


def test_algorithms_have_the_official_numbers() -> None:
    assert [Algorithm.of_flag(flag).suffix for flag in range(3)] == [
        "",
        "-rmd160",
        "-shake128",
    ]
    with pytest.raises(FormatError):
        Algorithm.of_flag(3)


@given(st.text())
def test_any_text_is_a_hash_with_that_text_or_a_format_error(text: str) -> None:
    try:
        found = ContentHash.parse(text)
    except FormatError:
        return
    assert found.text == text


@given(st.sampled_from(list(Algorithm)), st.binary(min_size=20, max_size=20))
def test_text_and_hash_are_one_to_one(algorithm: Algorithm, digest: bytes) -> None:
    found = ContentHash(algorithm, digest)
    assert ContentHash.parse(found.text) == found
