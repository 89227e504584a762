# SPDX-License-Identifier: GPL-2.0-or-later
"""How long a catalog is, and what hangs on it: how far a foreign file is read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from interpose.formats.hashes import CATALOG, Algorithm, ContentHash, hash_bytes
from interpose.repository.objects import StoredObject
from interpose.repository.sizes import Attached, CatalogSizes
from tests.support.faulty_server import FaultyServer
from tests.unit.repository.test_foreign import lay
from tests.unit.repository.test_store import CONTENT, make_store, put

ROOT, SOFT, DEEP, DATA = (hash_bytes(Algorithm.SHA1, b"%d" % n) for n in range(4))
TREE = {
    ROOT: (Attached(b"/software", SOFT, 20), Attached(b"/data", DATA, 0)),
    SOFT: (Attached(b"/software/deep", DEEP, 30),),
}


def sizes() -> CatalogSizes:
    return CatalogSizes(lambda catalog: TREE.get(catalog, ()))


@pytest.mark.parametrize(
    ("catalog", "where", "expected"),
    [
        (ROOT, b"", 10),
        (SOFT, b"/software", 20),
        (SOFT, b"/software/below", 20),
        (DEEP, b"/software/deep", 30),
        (DEEP, b"/software/deeper", None),
        (DATA, b"/data", None),
        (DATA, b"/elsewhere", None),
    ],
)
def test_the_size_stands_in_the_catalog_above(
    catalog: ContentHash, where: bytes, expected: int | None
) -> None:
    known = sizes()
    assert known.size(catalog, where) is None
    known.begin(ROOT, 10)
    assert known.size(catalog, where) == expected


def test_catalogs_in_a_circle_end() -> None:
    known = CatalogSizes(lambda _: (Attached(b"/a", ROOT, 1),))
    known.begin(ROOT, 0)
    assert known.size(DEEP, b"/a/b") is None


@pytest.mark.parametrize("is_guarded", [True, False])
@pytest.mark.parametrize("size", [0, len(CONTENT) - 1, 1 << 30])
def test_a_foreign_catalog_of_another_size_is_not_read(
    place: Path, size: int, is_guarded: bool
) -> None:
    with FaultyServer() as server:
        name = put(server, CONTENT, "C").hash
        wanted = StoredObject(name, CATALOG, limit=2 << 30, expected=len(CONTENT))
        store = make_store(place, server.url, place / "alien", writable=False)
        path = lay(store, wanted, b"", 0o755)
        os.truncate(path, size)
        (place / "alien").chmod(0o755 if is_guarded else 0o777)
        before = path.stat().st_atime_ns
        assert store.fetch(wanted).read_bytes() == CONTENT
        assert path.stat().st_atime_ns == before


def test_a_wrong_expectation_costs_a_request_and_no_catalog(place: Path) -> None:
    with FaultyServer() as server:
        name = put(server, CONTENT, "C").hash
        wanted = StoredObject(name, CATALOG, limit=2 << 30, expected=7)
        store = make_store(place, server.url)
        assert store.fetch(wanted).read_bytes() == CONTENT
        assert store.fetch(wanted).read_bytes() == CONTENT
        assert server.count("/" + name.object_path("C")) == 1


@pytest.mark.usefixtures("guarded")
def test_what_a_trusted_owner_left_broken_is_found_out_and_never_used_again(
    place: Path,
) -> None:
    with FaultyServer() as server:
        name = put(server, CONTENT, "C").hash
        wanted = StoredObject(name, CATALOG, limit=2 << 30, expected=len(CONTENT))
        store = make_store(place, server.url, place / "alien", writable=False)
        path = lay(store, wanted, bytes(len(CONTENT)))
        (place / "alien").chmod(0o755)
        # In place, as it is from a trusted owner; its reader finds no catalog there.
        assert store.fetch(wanted) == path
        assert store.drop_damaged(wanted, path)
        assert store.fetch(wanted).read_bytes() == CONTENT
        path = lay(store, wanted, CONTENT)
        (place / "alien").chmod(0o755)
        store.caches.private.path(name).unlink()
        assert store.fetch(wanted) == path
        assert not store.drop_damaged(wanted, path)
