# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpose.cache import FileIdentity, PrivateCache, State, TrustRecord
from tests.unit.cache.conftest import files_below, hash_of

FQRN = "a.example.org"
RECORD = TrustRecord(b"\x00manifest\xff", b"whitelist", b"certificate", 1234.5)


def test_nothing_is_known_and_nothing_made_at_first(private: PrivateCache) -> None:
    known = State(private).repository(FQRN)
    assert known.trust() is None
    assert known.highest_revision() is None
    assert not private.top.exists()


def test_trust_comes_back_as_it_was_stored(private: PrivateCache) -> None:
    known = State(private).repository(FQRN)
    known.store_trust(TrustRecord(b"", b"", b"", 0.0))
    known.store_trust(RECORD)
    assert State(private).repository(FQRN).trust() == RECORD
    assert State(private).repository("b.example.org").trust() is None


@given(st.data())
def test_damaged_trust_is_forgotten_or_right(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    private = PrivateCache(tmp_path_factory.mktemp("state"))
    known = State(private).repository(FQRN)
    known.store_trust(RECORD)
    path = private.top / "interpose" / FQRN / "trust"
    good = path.read_bytes()
    cut = data.draw(st.integers(0, len(good)))
    path.write_bytes(good[:cut] + data.draw(st.binary(max_size=20)))
    found = known.trust()
    assert found is None or isinstance(found, TrustRecord)


@pytest.mark.parametrize("junk", [b"[]", b"null", b'{"version":1}', b"[" * 100_000])
def test_trust_of_another_shape_is_forgotten(
    junk: bytes, private: PrivateCache
) -> None:
    known = State(private).repository(FQRN)
    private.store_small(private.top / "interpose" / FQRN / "trust", junk)
    assert known.trust() is None


def test_revision_never_goes_back(private: PrivateCache) -> None:
    known = State(private).repository(FQRN)
    for revision in (3, 12, 5, 12):
        known.remember_revision(revision)
    assert State(private).repository(FQRN).highest_revision() == 12
    assert files_below(private.top) == [f"interpose/{FQRN}/revisions/12"]


def test_revision_is_the_highest_of_many_writers(private: PrivateCache) -> None:
    known = State(private).repository(FQRN)
    threads = [
        threading.Thread(target=known.remember_revision, args=(n,)) for n in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert known.highest_revision() == 39


def test_odd_name_of_a_repository_is_refused(private: PrivateCache) -> None:
    for name in ("..", "a/b", ""):
        with pytest.raises(ValueError, match="plain name"):
            State(private).repository(name)


def test_a_disproof_holds_until_the_file_changes(
    private: PrivateCache, tmp_path: Path
) -> None:
    state = State(private)
    file = tmp_path / "foreign"
    file.write_bytes(b"content")
    name = hash_of(b"content")
    before = FileIdentity.of(file.stat())
    assert not state.is_disproven(name, before)
    state.remember_disproof(name, before)
    assert State(private).is_disproven(name, before)
    assert not state.is_disproven(name, before, compressed=False)
    # Same size, same modification time: the change time tells.
    file.write_bytes(b"CONTENT")
    os.utime(file, ns=(before.mtime_ns, before.mtime_ns))
    assert not state.is_disproven(name, FileIdentity.of(file.stat()))


def test_disproofs_of_several_nodes_are_kept_up_to_a_bound(
    private: PrivateCache,
) -> None:
    state = State(private)
    name = hash_of(b"content")
    known = [FileIdentity(dev, 2, 3, -4, 5) for dev in range(20)]
    for one in known:
        state.remember_disproof(name, one)
    kept = [one for one in known if state.is_disproven(name, one)]
    assert kept == known[-16:]


@given(st.text(max_size=60))
def test_foreign_text_is_no_identity_or_a_whole_one(text: str) -> None:
    found = FileIdentity.parse(text)
    assert found is None or FileIdentity.parse(found.text) == found
