# SPDX-License-Identifier: GPL-2.0-or-later
"""The whitelist."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpose.errors import FormatError, TrustError
from interpose.formats import limits, signed
from interpose.formats.fqrn import Fqrn
from interpose.formats.hashes import Algorithm, ContentHash, hash_bytes
from interpose.formats.whitelist import (
    Whitelist,
    build_body,
    fingerprint_text,
    parse_fingerprint,
)

PRINT = "D5:04:37:63:5D:AB:1C:12:C5:A7:52:E7:19:B5:E2:13:9D:2F:21:7D"
HEAD = ["20240115150000", "E20401231235959", "Ndemo.example.org"]


def _bytes(lines: list[str]) -> bytes:
    body = "".join(f"{line}\n" for line in lines).encode("latin-1")
    return signed.join(body, hash_bytes(Algorithm.SHA1, body).text, b"signature")


def test_name_expiry_and_fingerprints_are_read() -> None:
    other = PRINT + "-RMD160 # somebody"
    found = Whitelist.parse(_bytes([*HEAD, PRINT, "# a comment", "", other]))
    assert found.fqrn == "demo.example.org"
    assert found.expires == datetime(2040, 12, 31, 23, tzinfo=timezone.utc)
    digest = bytes.fromhex(PRINT.replace(":", ""))
    assert found.fingerprints == {
        ContentHash(Algorithm.SHA1, digest),
        ContentHash(Algorithm.RIPEMD160, digest),
    }


def test_expiry_is_rounded_down_to_the_hour_and_strict() -> None:
    found = Whitelist.parse(_bytes([*HEAD, PRINT]))
    hour = datetime(2040, 12, 31, 23, tzinfo=timezone.utc)
    assert found.is_valid_at(hour - timedelta(microseconds=1))
    assert not found.is_valid_at(hour)
    assert not found.is_valid_at(hour + timedelta(minutes=30))
    east = timezone(timedelta(hours=5))
    assert found.is_valid_at(datetime(2041, 1, 1, 3, 59, tzinfo=east))
    assert not found.is_valid_at(datetime(2041, 1, 1, 4, 0, tzinfo=east))


@pytest.mark.parametrize("suffix", ["", " x", "\tx", "#x", " # E4:"])
def test_comments_behind_a_fingerprint_are_cut(suffix: str) -> None:
    found = parse_fingerprint((PRINT + suffix).encode())
    assert found is not None
    assert fingerprint_text(found) == PRINT


@pytest.mark.parametrize("line", ["", "#", PRINT[:-1], PRINT + "x", "\xff" * 40])
def test_other_lines_are_no_fingerprints(line: str) -> None:
    assert parse_fingerprint(line.encode("latin-1")) is None


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (0, "2024011515000"),
        (0, "20241315150000"),
        (0, ""),
        (1, "20401231235959"),
        (1, "E2040123123595"),
        (1, "E20400230235959"),
        (2, "demo.example.org"),
        (2, "N/etc"),
        (2, "N"),
        (1, "E00000101000000"),
        (0, "2024 115150000"),
    ],
)
def test_an_impossible_header_is_refused(line: int, text: str) -> None:
    lines = [*HEAD, PRINT]
    lines[line] = text
    with pytest.raises(FormatError):
        Whitelist.parse(_bytes(lines))


def test_too_few_lines_are_refused() -> None:
    with pytest.raises(FormatError):
        Whitelist.parse(_bytes(HEAD[:2]))


def test_a_whitelist_may_list_nobody() -> None:
    assert not Whitelist.parse(_bytes(HEAD)).fingerprints


@pytest.mark.parametrize("line", ["Vpkcs7", "Wcachain"])
def test_signatures_of_x509_authorities_are_not_supported(line: str) -> None:
    with pytest.raises(TrustError, match="not supported"):
        Whitelist.parse(_bytes([*HEAD, line, PRINT]))


def test_a_whitelist_beyond_its_bound_is_refused() -> None:
    with pytest.raises(FormatError):
        Whitelist.parse(bytes(limits.WHITELIST_BYTES + 1))


def test_what_the_publisher_writes_is_read_back() -> None:
    east = timezone(timedelta(hours=2))
    issued = datetime(2026, 1, 1, 1, 0, tzinfo=east)
    prints = [ContentHash(algorithm, b"\x07" * 20) for algorithm in Algorithm]
    body = build_body(Fqrn.parse("a.b"), issued, issued + timedelta(days=30), prints)
    assert body.startswith(b"20251231230000\nE20260130230000\nNa.b\n07:07:")
    text = signed.hash_line(body, Algorithm.RIPEMD160)
    found = Whitelist.parse(signed.join(body, text, b"s"))
    assert found.fingerprints == set(prints)
    signed.check_body(found.signed_text, "whitelist")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_format_error(data: bytes) -> None:
    with pytest.raises(FormatError):
        Whitelist.parse(data)


@given(st.lists(st.text(st.characters(max_codepoint=255), max_size=70), max_size=6))
def test_any_lines_are_a_whitelist_or_refused(lines: list[str]) -> None:
    try:
        found = Whitelist.parse(_bytes([*HEAD, *lines]))
    except (FormatError, TrustError):
        return
    assert found.expires.year == 2040
    assert len(found.fingerprints) <= len(lines)


@given(st.integers(0, len(_bytes([*HEAD, PRINT])) * 8 - 1))
def test_a_flipped_bit_is_refused_or_read(bit: int) -> None:
    data = bytearray(_bytes([*HEAD, PRINT]))
    data[bit // 8] ^= 1 << bit % 8
    try:
        Whitelist.parse(bytes(data))
    except (FormatError, TrustError):
        pass
