# SPDX-License-Identifier: GPL-2.0-or-later
"""What we publish is what the official client and tools accept.

They are not at hand: their rules are written down in tests/support/official_check.py,
and proved on the repositories that they made.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
import zlib
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest

from interpose.formats.hashes import Algorithm
from tests.support import official_check
from tests.support.official_check import Repository, rows_of, structure
from tests.support.places import need_shared
from tests.unit.publish.conftest import Shop

Fill = Callable[[Path], None]
OFFICIAL = "sha1 rmd160 shake128 tagged bind tricky oldschema programs".split()


def unpacked(name: str, place: Path) -> Path:
    """The stratum directory of an official repository."""
    archive = need_shared() / f"repositories/{name}.example.org.tar.xz"
    subprocess.run(["tar", "-C", place, "-xf", archive], check=True)
    return place / f"cvmfs/{name}.example.org"


def check(stratum: Path, key: Path, place: Path) -> Repository:
    """The rules, applied."""
    scratch = place / "checked"
    scratch.mkdir(exist_ok=True)
    found = Repository(stratum, key.read_bytes(), scratch)
    found.run()
    return found


def check_shop(shop: Shop) -> Repository:
    key = shop.publication.keys / f"{shop.publication.fqrn}.pub"
    return check(shop.directory, key, shop.place)


def official_key(name: str) -> Path:
    return need_shared() / f"repositories/keys/{name}.example.org.pub"


@pytest.fixture
def today(shop: Shop) -> Shop:
    """A shop whose whitelist is valid while the test runs."""
    shop.now = datetime.now(timezone.utc)
    return shop


@pytest.mark.parametrize("name", OFFICIAL)
def test_the_rules_fit_what_the_official_publisher_made(
    name: str, tmp_path: Path
) -> None:
    assert check(unpacked(name, tmp_path), official_key(name), tmp_path).found == []


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_our_revisions_follow_every_rule(
    today: Shop, fill: Fill, algorithm: Algorithm
) -> None:
    fill(today.source)
    today.publish(algorithm=algorithm)
    assert check_shop(today).found == []
    (today.source / "same1").write_bytes(b"no longer the same\n")
    shutil.rmtree(today.source / "links")
    today.publish(tag="second", description="more")
    assert check_shop(today).found == []
    today.publish()
    assert check_shop(today).found == []


def test_an_empty_repository_follows_every_rule(today: Shop) -> None:
    today.publish()
    assert check_shop(today).found == []


def test_catalogs_and_history_have_the_official_structure(
    today: Shop, fill: Fill, tmp_path: Path
) -> None:
    """Tables, columns, types, keys, indexes and references."""
    fill(today.source)
    today.publish()
    ours = check_shop(today)
    theirs = check(unpacked("sha1", tmp_path), official_key("sha1"), tmp_path)
    for letter, kind in (("C", "C"), ("H", "H")):
        mine = ours.file(ours.fields[letter], kind)
        assert structure(mine) == structure(theirs.file(theirs.fields[letter], kind))


@pytest.mark.parametrize("times", [1, 2])
def test_catalogs_and_history_have_the_official_properties(
    today: Shop, fill: Fill, tmp_path: Path, times: int
) -> None:
    """The same keys, as text; the first revision names a predecessor of zeros."""
    fill(today.source)
    for _ in range(times):
        (today.source / "same1").write_bytes(os.urandom(8))
        today.publish()
    ours = check_shop(today)
    theirs = check(unpacked("sha1", tmp_path), official_key("sha1"), tmp_path)
    query = "select key, typeof(key), typeof(value) from properties"
    counters = "select counter, typeof(counter), typeof(value) from statistics"
    for letter, kind, questions in (("C", "C", [query, counters]), ("H", "H", [query])):
        mine = ours.file(ours.fields[letter], kind)
        other = theirs.file(theirs.fields[letter], kind)
        for question in questions:
            assert sorted(rows_of(mine, question)) == sorted(rows_of(other, question))
        value = "select value from properties where key = 'previous_revision'"
        ((former,),) = rows_of(mine, value)
        assert (former == "0" * 40) == (times == 1)
    nested = "select sha1 from nested_catalogs"
    (some, *_) = rows_of(ours.file(ours.fields["C"], "C"), nested)
    (other, *_) = rows_of(theirs.file(theirs.fields["C"], "C"), nested)
    mine, its = ours.file(some[0], "C"), theirs.file(other[0], "C")
    assert sorted(rows_of(mine, query)) == sorted(rows_of(its, query))


def test_manifest_has_the_official_fields_and_no_reflog(today: Shop) -> None:
    today.publish()
    ours = check_shop(today)
    assert "".join(ours.fields) == "CBRDSGANXHTM"
    assert not (today.directory / ".cvmfsreflog").exists()
    assert (today.directory / ".cvmfs_master_replica").exists()


SPOILERS = {
    "a nested catalog without marker": (
        "delete from catalog where name = '.cvmfscatalog'",
        "/software: nested catalog without marker",
    ),
    "linkcount": (
        "update catalog set hardlinks = 9 where name = 'software'",
        "/software: wrong linkcount of a directory",
    ),
    "counter": (
        "update statistics set value = 77 where counter = 'self_regular'",
        "/software: counter self_regular",
    ),
    "missing counter": (
        "delete from statistics where counter = 'subtree_special'",
        "/software: no counter subtree_special",
    ),
    "prefix": (
        "update properties set value = '/x' where key = 'root_prefix'",
        "/software: root_prefix b'/x'",
    ),
    "schema": (
        "update properties set value = '2.6' where key = 'schema'",
        "/software: unknown schema",
    ),
    "transition": (
        "update catalog set mtime = 5 where name = 'software'",
        "/software: transition differs in mtime",
    ),
    "no flag": (
        "update catalog set flags = 1 where name = 'software'",
        "/software: flag of a nested root",
    ),
    "unreachable": (
        "update catalog set parent_1 = 7 where name = '.cvmfscatalog'",
        "/software: rows that nobody reaches",
    ),
    "no hash": (
        "update catalog set hash = null where name = '.cvmfscatalog'",
        "/software/.cvmfscatalog: file without a hash",
    ),
    "no object": (
        "update catalog set hash = x'00' where name = '.cvmfscatalog'",
        "/software/.cvmfscatalog: object is missing",
    ),
    "null": (
        "update catalog set symlink = null where name = '.cvmfscatalog'",
        "/software/.cvmfscatalog: a name or symlink that is empty or NULL",
    ),
}


@pytest.mark.parametrize("spoiler", SPOILERS)
def test_a_spoiled_catalog_breaks_its_rule(tmp_path: Path, spoiler: str) -> None:
    """The rules are no empty words: the nested catalog of an official repository."""
    statement, complaint = SPOILERS[spoiler]
    stratum = unpacked("sha1", tmp_path)
    good = check(stratum, official_key("sha1"), tmp_path)
    query = "select sha1 from nested_catalogs where path = '/software'"
    ((name,),) = rows_of(good.file(good.fields["C"], "C"), query)
    database = sqlite3.connect(good.file(name, "C"))
    database.execute(statement)
    database.commit()
    database.close()
    stored = zlib.compress((tmp_path / f"checked/{name}C").read_bytes())
    (stratum / f"data/{name[:2]}/{name[2:]}C").write_bytes(stored)
    found = check(stratum, official_key("sha1"), tmp_path).found
    assert complaint in found
    assert f"{name}C: wrong hash" in found


def test_spoiled_tops_break_their_rules(today: Shop, tmp_path: Path) -> None:
    today.publish()
    manifest = today.directory / ".cvmfspublished"
    good = manifest.read_bytes()
    manifest.write_bytes(good.replace(b"\nGno", b"\nGnay"))
    found = check_shop(today).found
    assert {"manifest: Gnay", ".cvmfspublished: wrong hash"} <= set(found)
    manifest.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert check_shop(today).found == ["manifest: wrong signature"]
    manifest.write_bytes(good)
    listed = today.directory / ".cvmfswhitelist"
    lines = listed.read_bytes().split(b"\n")
    lines[1] = b"E20200101000000"
    lines[3] = lines[3].lower()
    listed.write_bytes(b"\n".join(lines))
    (today.directory / ".cvmfsreflog").write_bytes(b"")
    assert check_shop(today).found == [
        ".cvmfswhitelist: wrong hash",
        "whitelist: expired",
        "whitelist: certificate is not listed",
        "reflog: file and manifest disagree",
    ]


def test_a_signature_is_that_of_the_printed_hash(today: Shop) -> None:
    """The official way: SHA-1 of the manifest's hash line, the whitelist's line raw."""
    today.publish()
    letter = (today.directory / ".cvmfspublished").read_bytes()
    body, _, rest = letter.partition(b"--\n")
    assert rest[:40].decode() == hashlib.sha1(body, usedforsecurity=False).hexdigest()
    assert official_check.hashed(body, "") == rest[:40].decode()
