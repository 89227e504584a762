# SPDX-License-Identifier: GPL-2.0-or-later
"""The manifest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpose.errors import BadSignature, FormatError
from interpose.formats import limits, signed
from interpose.formats.fqrn import Fqrn
from interpose.formats.hashes import Algorithm, ContentHash, hash_bytes
from interpose.formats.manifest import Manifest, ManifestFields, build_body

ROOT_MD5 = "d41d8cd98f00b204e9800998ecf8427e"
FIELDS = {
    "C": "1" * 40 + "-rmd160",
    "B": "4096",
    "R": ROOT_MD5,
    "D": "240",
    "S": "7",
    "G": "yes",
    "A": "no",
    "L": "0" * 40,
    "N": "demo.example.org",
    "X": "2" * 40,
    "H": "3" * 40,
    "T": "1700000000",
    "M": "4" * 40,
    "Y": "5" * 40,
    "Z": "anything \xff at all",
}


def _bytes(changes: dict[str, str | None]) -> bytes:
    fields = {**FIELDS, **changes}
    lines = [f"{key}{value}\n" for key, value in fields.items() if value is not None]
    body = "".join(lines).encode("latin-1")
    return signed.join(body, hash_bytes(Algorithm.SHA1, body).text, b"signature")


def test_all_fields_are_read() -> None:
    found = Manifest.parse(_bytes({}))
    assert found.root_hash.text == "1" * 40 + "-rmd160"
    assert (found.root_size, found.revision, found.ttl_s) == (4096, 7, 240)
    assert found.fqrn == "demo.example.org"
    assert found.certificate_hash.text == "2" * 40
    assert found.history_hash == ContentHash.parse("3" * 40)
    assert found.metainfo_hash == ContentHash.parse("4" * 40)
    assert found.reflog_hash == ContentHash.parse("5" * 40)
    assert found.timestamp == 1_700_000_000
    assert found.garbage_collectable
    assert not found.alt_names
    assert found.signature == b"signature"
    signed.check_body(found.signed_text, "manifest")


def test_optional_fields_may_be_missing() -> None:
    absent = dict.fromkeys("BGALHTMYZ")
    found = Manifest.parse(_bytes(absent))
    assert (found.root_size, found.timestamp) == (0, 0)
    assert found.history_hash is None
    assert found.metainfo_hash is None
    assert found.reflog_hash is None


@pytest.mark.parametrize("letter", "CRDSNX")
def test_a_missing_required_field_is_refused(letter: str) -> None:
    with pytest.raises(FormatError):
        Manifest.parse(_bytes({letter: None}))


@pytest.mark.parametrize(
    ("letter", "value"),
    [
        ("C", "0" * 40),
        ("C", "1" * 39),
        ("X", "0" * 40),
        ("H", "xyz"),
        ("N", "../x"),
        ("S", "-1"),
        ("S", "1e3"),
        ("S", "9" * 19),
        ("S", "²"),
        ("D", " 240"),
        ("R", "0" * 32),
        ("G", "maybe"),
        ("N", "demoÿ.org"),
        ("T", "9" * 40),
    ],
)
def test_an_impossible_value_is_refused(letter: str, value: str) -> None:
    with pytest.raises(FormatError):
        Manifest.parse(_bytes({letter: value}))


def test_the_last_occurrence_of_a_letter_counts_and_empty_lines_do_not() -> None:
    body = _bytes({}).partition(b"--\n")[0] + b"\nS9\n\n"
    data = signed.join(body, hash_bytes(Algorithm.SHA1, body).text, b"s")
    assert Manifest.parse(data).revision == 9


def test_the_first_separator_ends_the_body() -> None:
    data = _bytes({})
    tail = Manifest.parse(data + b"\n--\nS99\n")
    assert tail.revision == 7
    assert tail.signature.endswith(b"\n--\nS99\n")


@pytest.mark.parametrize("data", [b"", b"--\n", b"C\n--\n", b"C\n--\n" + b"a" * 40])
def test_truncated_manifests_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        Manifest.parse(data)


def test_every_truncation_is_refused_or_keeps_the_body() -> None:
    data = _bytes({})
    whole = Manifest.parse(data)
    for length in range(len(data)):
        try:
            found = Manifest.parse(data[:length])
        except FormatError:
            continue
        assert found.body == whole.body
        assert found.signature != whole.signature


def test_a_manifest_beyond_its_bound_is_refused() -> None:
    with pytest.raises(FormatError):
        Manifest.parse(_bytes({"Z": "x" * limits.MANIFEST_BYTES}))


def test_a_changed_body_does_not_fit_its_hash() -> None:
    data = _bytes({}).replace(b"S7", b"S8")
    with pytest.raises(BadSignature):
        signed.check_body(Manifest.parse(data).signed_text, "manifest")


def test_what_the_publisher_writes_is_read_back_in_the_official_order() -> None:
    fields = ManifestFields(
        root_hash=ContentHash.parse("1" * 40 + "-shake128"),
        root_size=10,
        revision=3,
        fqrn=Fqrn.parse("a.example.org"),
        certificate_hash=ContentHash.parse("2" * 40),
        timestamp=99,
        history_hash=ContentHash.parse("3" * 40),
        metainfo_hash=ContentHash.parse("4" * 40),
        reflog_hash=ContentHash.parse("5" * 40),
        garbage_collectable=True,
    )
    body = build_body(fields)
    letters = "".join(chr(line[0]) for line in body.splitlines())
    assert letters == "CBRDSGANXHTMY"
    text = signed.hash_line(body, Algorithm.SHAKE128)
    found = Manifest.parse(signed.join(body, text, b"s"))
    for name in ("root_hash", "root_size", "revision", "fqrn", "timestamp", "ttl_s"):
        assert getattr(found, name) == getattr(fields, name)
    signed.check_body(found.signed_text, "manifest")
    least = build_body(
        ManifestFields(
            fields.root_hash, 0, 1, fields.fqrn, fields.certificate_hash, timestamp=0
        )
    )
    assert "".join(chr(line[0]) for line in least.splitlines()) == "CBRDSGANX"


@given(st.binary(max_size=600))
def test_any_bytes_are_a_manifest_or_a_format_error(data: bytes) -> None:
    with pytest.raises(FormatError):
        Manifest.parse(data)


@given(
    st.dictionaries(
        st.sampled_from(list(FIELDS)),
        st.one_of(st.none(), st.text(st.characters(max_codepoint=255), max_size=70)),
    )
)
def test_any_values_are_a_manifest_or_a_format_error(
    changes: dict[str, str | None],
) -> None:
    try:
        found = Manifest.parse(_bytes(changes))
    except FormatError:
        return
    assert 0 <= found.revision < 1 << 63
    assert not found.root_hash.is_null


@given(st.integers(0, len(_bytes({})) * 8 - 1))
def test_a_flipped_bit_is_refused_or_seen_by_the_hash(bit: int) -> None:
    data = bytearray(_bytes({}))
    data[bit // 8] ^= 1 << bit % 8
    whole = Manifest.parse(_bytes({}))
    try:
        found = Manifest.parse(bytes(data))
        signed.check_body(found.signed_text, "manifest")
    except (FormatError, BadSignature):
        return
    assert found.body == whole.body
    assert found.signature != whole.signature
