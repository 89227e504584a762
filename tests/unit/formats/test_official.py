# SPDX-License-Identifier: GPL-2.0-or-later
"""The repositories that the official tools made."""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from interpose.errors import BadSignature, Expired
from interpose.formats import limits, manifest, signature, whitelist, xattrs
from interpose.formats.catalog import CatalogFile
from interpose.formats.compression import inflate
from interpose.formats.counters import SELF, SUBTREE, Counters, count_catalog
from interpose.formats.fqrn import Fqrn
from interpose.formats.hashes import (
    CATALOG,
    CERTIFICATE,
    HISTORY,
    ContentHash,
    hash_bytes,
)
from interpose.formats.history import HistoryFile, parse_date
from interpose.formats.manifest import Manifest
from interpose.formats.pathhash import path_hash
from interpose.formats.trust import TrustedRepository
from interpose.formats.whitelist import Whitelist
from tests.unit.formats.conftest import shared_repositories
from tests.unit.formats.making import OFFICIAL_NAMES, OfficialRepository

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
Load = Callable[[str], OfficialRepository]


def _open(repository: OfficialRepository) -> TrustedRepository:
    keys = signature.load_master_keys(repository.public_key)
    trusted = TrustedRepository(Fqrn.parse(repository.name), keys)
    claim = trusted.offer_manifest(repository.files[manifest.FILE_NAME])
    trusted.accept_whitelist(repository.files[whitelist.FILE_NAME], NOW)
    stored = repository.stored(claim.certificate_hash, CERTIFICATE)
    certificate = inflate(stored, limits.CERTIFICATE_BYTES)
    trusted.accept_certificate(certificate, NOW)
    return trusted


@pytest.mark.parametrize("name", OFFICIAL_NAMES)
def test_the_repository_is_trusted_exactly_if_it_should(
    name: str, official: Load
) -> None:
    repository = official(name)
    refusal = {"expired": Expired, "wrongkey": BadSignature}.get(
        name.split(".", maxsplit=1)[0]
    )
    if refusal is not None:
        with pytest.raises(refusal):
            _open(repository)
        return
    trusted = _open(repository)
    assert trusted.manifest.fqrn == name
    assert trusted.highest_revision == trusted.manifest.revision > 0


@pytest.mark.parametrize("name", OFFICIAL_NAMES)
def test_manifest_and_whitelist_are_rebuilt_byte_for_byte(
    name: str, official: Load
) -> None:
    repository = official(name)
    found = Manifest.parse(repository.files[manifest.FILE_NAME])
    names = manifest.ManifestFields._fields
    fields = manifest.ManifestFields(**{key: getattr(found, key) for key in names})
    assert manifest.build_body(fields) == found.body
    listed = Whitelist.parse(repository.files[whitelist.FILE_NAME])
    lines = listed.body.decode().splitlines()
    issued = datetime.strptime(lines[0] + "+0000", "%Y%m%d%H%M%S%z")
    expires = datetime.strptime(lines[1][1:] + "+0000", "%Y%m%d%H%M%S%z")
    rebuilt = whitelist.build_body(listed.fqrn, issued, expires, listed.fingerprints)
    assert rebuilt == listed.body


@pytest.mark.parametrize("name", OFFICIAL_NAMES)
def test_every_object_has_the_hash_of_its_name(name: str, official: Load) -> None:
    repository = official(name)
    objects = [path for path in repository.files if path.startswith("data/")]
    assert objects
    for path in objects:
        named = ContentHash.parse(path[5:-1].replace("/", ""))
        assert hash_bytes(named.algorithm, repository.files[path]) == named
        assert named.object_path(path[-1]) == path


@pytest.mark.parametrize("name", OFFICIAL_NAMES)
def test_every_catalog_is_listed_and_its_counters_are_right(
    name: str, official: Load, tmp_path: Path
) -> None:
    repository = official(name)
    totals: dict[str, tuple[Counters, list[ContentHash]]] = {}
    subtrees: dict[str, Counters] = {}
    for path, content in repository.objects(CATALOG).items():
        file = tmp_path / "catalog"
        file.write_bytes(content)
        with CatalogFile(file) as catalog:
            assert catalog.schema.number == 2.5
            expected_revision = 6 if name.startswith("oldschema") else 7
            assert catalog.schema.revision == expected_revision
            rows = list(catalog.rows())
            chunks = list(catalog.chunks())
            attached = [entry for entry in catalog.nested() if not entry.is_bind]
            statistics = catalog.counters()
            assert catalog.ttl_s == 240
        counted = count_catalog(rows, len(chunks), len(attached))
        assert counted == Counters.from_statistics(statistics, SELF)
        for row in rows:
            if row.xattr is not None:
                assert xattrs.parse(row.xattr)
        children = [entry.hash for entry in attached if entry.hash is not None]
        totals[path] = (counted, children)
        subtrees[path] = Counters.from_statistics(statistics, SUBTREE)
    for path, (_, children) in totals.items():
        below = Counters()
        for child in children:
            place = child.object_path(CATALOG)
            below += totals[place][0] + subtrees[place]
        assert below == subtrees[path]


def _truth(name: str) -> set[bytes]:
    file = shared_repositories() / "truth" / f"{name}.jsonl"
    packed = file.with_name(file.name + ".xz")
    text = (
        lzma.decompress(packed.read_bytes()) if packed.exists() else file.read_bytes()
    )
    entries = [json.loads(line) for line in text.splitlines()]
    paths = (entry["path"].encode("utf-8", "surrogateescape") for entry in entries)
    return {b"/" + path.lstrip(b"/") if path else b"" for path in paths}


@pytest.mark.parametrize("name", ["sha1", "rmd160", "shake128", "tricky", "oldschema"])
def test_the_catalogs_hold_exactly_what_the_official_client_shows(
    name: str, official: Load, tmp_path: Path
) -> None:
    name += ".example.org"
    repository = official(name)
    found: set[tuple[int, int]] = set()
    waiting = [Manifest.parse(repository.files[manifest.FILE_NAME]).root_hash]
    while waiting:
        file = tmp_path / "catalog"
        file.write_bytes(repository.unpacked(waiting.pop(), CATALOG))
        with CatalogFile(file) as catalog:
            found |= {row[1:3] for row in catalog.rows()}
            waiting += [entry.hash for entry in catalog.nested() if entry.hash]
    assert found == {path_hash(path) for path in _truth(name)}


@pytest.mark.parametrize("name", OFFICIAL_NAMES)
def test_every_history_is_read(name: str, official: Load, tmp_path: Path) -> None:
    for content in official(name).objects(HISTORY).values():
        file = tmp_path / "history"
        file.write_bytes(content)
        with HistoryFile(file) as history:
            assert history.fqrn == name
            for tag in history.tags():
                assert history.tag(tag.name) == tag


def test_dates_choose_what_the_official_client_chooses(
    official: Load, tmp_path: Path
) -> None:
    repository = official("tagged.example.org")
    claim = Manifest.parse(repository.files[manifest.FILE_NAME])
    assert claim.history_hash is not None
    file = tmp_path / "history"
    file.write_bytes(repository.unpacked(claim.history_hash, HISTORY))
    truth = shared_repositories() / "truth" / "tagged.example.org.dates.jsonl"
    checked = 0
    with HistoryFile(file) as history:
        for line in truth.read_text().splitlines():
            record = json.loads(line)
            if record.get("mount") == "refused" or "root_hash" not in record:
                continue
            tag = history.by_date(parse_date(record["date"]))
            assert tag is not None
            assert tag.root_hash.text == record["root_hash"]
            assert tag.revision == record["revision"]
            checked += 1
        assert history.by_date(parse_date("2019-01-05T07:59:59Z")) is None
    assert checked > 3
