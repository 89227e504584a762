# SPDX-License-Identifier: GPL-2.0-or-later
"""What is published is what lay in the source, and it is consistent in itself."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from interpose.errors import InterposeError, NotThere, UsageError
from interpose.formats import xattrs
from interpose.formats.flags import Compression
from interpose.formats.hashes import Algorithm
from interpose.formats.history import HistoryFile, Tag
from interpose.publish.storage import Storage
from tests.unit.publish.conftest import Shop, has_xattrs
from tests.unit.publish.published import ReadRepository, path_hash, recount

Fill = Callable[[Path], None]


def source_paths(top: Path) -> dict[bytes, os.stat_result]:
    """Path in the repository to lstat."""
    base = os.fsencode(top)
    found = {b"": os.lstat(base)}
    for directory, below, others in os.walk(base):
        for name in (*below, *others):
            path = directory + b"/" + name
            found[path[len(base) :]] = os.lstat(path)
    return found


def assert_equal_to_source(shop: Shop, repository: ReadRepository) -> None:
    source = source_paths(shop.source)
    assert repository.rows.keys() == source.keys()
    base = os.fsencode(shop.source)
    for path, status in source.items():
        row = repository.rows[path]
        assert row.mode == status.st_mode, path
        assert (row.uid, row.gid) == (status.st_uid, status.st_gid), path
        assert row.mtimens is not None
        assert 0 <= row.mtimens < 10**9
        assert row.mtime * 10**9 + row.mtimens == status.st_mtime_ns, path
        assert row.name == path.rpartition(b"/")[2]
        if stat.S_ISLNK(status.st_mode):
            assert row.symlink == os.readlink(base + path), path
        else:
            assert row.symlink == b"", path
        if stat.S_ISREG(status.st_mode):
            assert (
                repository.contents[path] == Path(os.fsdecode(base + path)).read_bytes()
            )
        else:
            assert row.hash is None, path
            wanted = {stat.S_IFCHR: status.st_rdev, stat.S_IFBLK: status.st_rdev}
            kind = stat.S_IFMT(status.st_mode)
            assert row.size == wanted.get(kind, status.st_size), path


def assert_consistent(repository: ReadRepository) -> None:
    """Rules of the format between rows and catalogs (4.4, 4.7, 4.10, 9.1)."""
    counters = recount(repository)
    for path, catalog in repository.catalogs.items():
        assert catalog.counters == counters[path], path
        assert catalog.root_prefix == path
        assert catalog.properties["schema"] == "2.5"
        assert catalog.properties["schema_revision"] == "7"
        markers = [row for row in catalog.rows if row.name == b".cvmfscatalog"]
        assert len(markers) == (1 if path else 0)
        for nested in catalog.nested:
            assert_transition(repository, path, nested.path)
    for path, row in repository.rows.items():
        if stat.S_ISDIR(row.mode):
            below = [
                other
                for other, child in repository.rows.items()
                if other.rpartition(b"/")[0] == path
                and other
                and stat.S_ISDIR(child.mode)
            ]
            assert row.hardlinks == 2 + len(below), path


def assert_transition(repository: ReadRepository, upper: bytes, path: bytes) -> None:
    key = path_hash(path)
    rows = [
        [row for row in repository.catalogs[one].rows if (row[1], row[2]) == key]
        for one in (upper, path)
    ]
    ((above,), (inside,)) = rows
    assert above.flags == 1 | 2
    assert inside.flags == 1 | 32
    same = {"rowid": 0, "flags": 0}
    assert above._replace(**same) == inside._replace(**same)
    below = [
        row
        for row in repository.catalogs[upper].rows
        if (row.parent_1, row.parent_2) == key
    ]
    assert not below


def assert_nothing_superfluous(shop: Shop, repository: ReadRepository) -> None:
    data = shop.directory / "data"
    there = {
        str(path.relative_to(shop.directory))
        for path in data.rglob("*")
        if path.is_file()
    }
    assert there == repository.objects
    assert not list((data / "txn").iterdir())
    assert {path.name for path in data.iterdir()} == {
        "txn",
        *(f"{number:02x}" for number in range(256)),
    }


@pytest.mark.parametrize("algorithm", list(Algorithm))
@pytest.mark.parametrize("compression", list(Compression))
def test_each_entry_is_published_as_it_lies_in_the_source(
    shop: Shop, fill: Fill, algorithm: Algorithm, compression: Compression
) -> None:
    fill(shop.source)
    published = shop.publish(algorithm=algorithm, compression=compression)
    repository = shop.read()
    assert published.revision == 1
    assert published.root_hash == repository.manifest.root_hash
    assert published.root_hash.algorithm is algorithm
    assert_equal_to_source(shop, repository)
    assert_consistent(repository)
    assert_nothing_superfluous(shop, repository)
    assert published.totals.entries == len(repository.rows)
    assert published.totals.catalogs == len(repository.catalogs) == 5
    assert published.new_objects == len(repository.objects)
    root = repository.rows[b""]
    assert (root.parent_1, root.parent_2, root.flags) == (0, 0, 1)


def test_files_are_cut_by_content_and_small_ones_never(shop: Shop, fill: Fill) -> None:
    fill(shop.source)
    shop.publish()
    cuts = shop.read().cuts
    assert b"/size-70000" in cuts
    assert b"/size-1024" not in cuts
    assert all(1024 <= size <= 8192 for sizes in cuts.values() for size in sizes[:-1])
    assert cuts[b"/zeros"] == [8192] * 6 + [50000 - 6 * 8192]


def test_hard_links_are_groups_within_a_directory_only(shop: Shop, fill: Fill) -> None:
    fill(shop.source)
    shop.publish()
    rows = shop.read().rows
    first, second, third = (rows[b"/links/" + name] for name in (b"a", b"b", b"c"))
    assert first.hardlinks & 0xFFFFFFFF == 3
    assert first.hardlinks >> 32 > 0
    assert first.hardlinks == second.hardlinks == third.hardlinks
    large = rows[b"/links/large"]
    assert large.hardlinks == rows[b"/links/large-too"].hardlinks
    assert large.hardlinks >> 32 != first.hardlinks >> 32
    symlink = rows[b"/links/symlink"]
    assert symlink.hardlinks & 0xFFFFFFFF == 2
    for path in (b"/elsewhere", b"/links/lonely", b"/lonely-too", b"/same1"):
        assert rows[path].hardlinks == 1


def test_extended_attributes_are_stored_as_the_official_publisher_does(
    shop: Shop,
) -> None:
    if not has_xattrs(shop.source):
        pytest.skip("the file system of the temporary directory keeps no user.* xattrs")
    file = shop.source / "file"
    file.write_bytes(b"x")
    os.setxattr(file, "user.b", b"two")
    os.setxattr(file, "user.a", b"")
    os.setxattr(file, "user.255", b"v" * 255)
    os.setxattr(file, "user.256", b"v" * 256)
    os.setxattr(file, "user.257", b"v" * 257)
    os.setxattr(shop.source, "user.root", b"r")
    (shop.source / "nested").mkdir()
    (shop.source / "nested" / ".cvmfscatalog").touch()
    os.setxattr(shop.source / "nested", "user.nested", b"n")
    shop.publish()
    repository = shop.read()
    assert xattrs.parse(repository.rows[b"/file"].xattr or b"") == {
        b"user.255": b"v" * 255,
        b"user.256": b"",
        b"user.a": b"",
        b"user.b": b"two",
    }
    assert xattrs.parse(repository.rows[b""].xattr or b"") == {b"user.root": b"r"}
    assert repository.rows[b"/nested/.cvmfscatalog"].xattr is None
    assert_consistent(repository)


def test_publishing_again_makes_the_next_revision(shop: Shop, fill: Fill) -> None:
    fill(shop.source)
    shop.publish()
    first = shop.read()
    (shop.source / "nested" / os.fsdecode(b"od\xffd") / "inner" / "twin1").unlink()
    (shop.source / "new").write_bytes(b"new")
    published = shop.publish()
    second = shop.read()
    assert published.revision == 2
    assert_equal_to_source(shop, second)
    assert_consistent(second)
    assert second.catalogs[b""].previous == first.manifest.root_hash
    outer = b"/nested/od\xffd"
    inner = outer + b"/inner"
    for path in (outer, inner):
        assert second.catalogs[path].revision == 2
        assert second.catalogs[path].previous == first.catalogs[path].content_hash
    for path in (outer + b"/empty", inner + b"/innermost"):
        assert second.catalogs[path].content_hash == first.catalogs[path].content_hash


def test_unchanged_objects_are_not_written_again(shop: Shop, fill: Fill) -> None:
    fill(shop.source)
    shop.publish()
    first = shop.read()
    before = {
        name: os.stat(shop.directory / name).st_mtime_ns for name in first.objects
    }
    published = shop.publish()
    # The root catalog and the history are new with each revision.
    assert published.new_objects == 2
    for name, mtime in before.items():
        assert os.stat(shop.directory / name).st_mtime_ns == mtime
    second = shop.read()
    assert second.catalogs.keys() == first.catalogs.keys()
    for path, catalog in second.catalogs.items():
        assert (catalog.content_hash == first.catalogs[path].content_hash) == bool(path)


def test_equal_content_that_threads_store_at_once_is_one_object(shop: Shop) -> None:
    barrier = threading.Barrier(8)

    def store(storage: Storage, number: int) -> None:
        barrier.wait()
        storage.store(b"the same" + bytes([number // 8]), Algorithm.SHA1)

    with Storage(shop.directory) as storage, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: store(storage, number), range(400)))
    assert storage.written == 50
    assert storage.written_bytes == 50 * 9


def test_a_truncated_object_is_written_again(shop: Shop) -> None:
    (shop.source / "file").write_bytes(b"content" * 100)
    shop.publish()
    (name,) = [name for name in shop.read().objects if name[-1] not in "CHXM"]
    os.truncate(shop.directory / name, 3)
    shop.publish()
    shop.read()


def test_tags_name_the_revisions(shop: Shop) -> None:
    shop.publish(tag="v1", description="the first")
    first = shop.read().manifest
    shop.publish(description="no name")
    second = shop.read().manifest
    shop.publish(tag="v3")
    manifest = shop.read().manifest
    tags = history(shop)
    assert tags["trunk"].root_hash == manifest.root_hash
    assert tags["trunk"].size == manifest.root_size
    assert tags["trunk-previous"].root_hash == second.root_hash
    assert tags["v1"].root_hash == first.root_hash
    assert (tags["v1"].revision, tags["v1"].description) == (1, "the first")
    assert tags["v3"].revision == 3
    generic = [tag for name, tag in tags.items() if name.startswith("generic-")]
    assert [tag.revision for tag in generic] == [1, 2, 3]
    assert [tag.description for tag in generic] == ["", "no name", ""]
    assert generic[0].name == "generic-2026-05-04T12:31:00Z"


def history(shop: Shop) -> dict[str, Tag]:
    found = shop.read().manifest.history_hash
    assert found is not None
    path = shop.place / "history"
    path.write_bytes(shop.reader().load(found, "H"))
    with HistoryFile(path) as file:
        assert file.fqrn == "test.example.org"
        return {tag.name: tag for tag in file.tags()}


@pytest.mark.parametrize("name", ["a b", "", "trunk", "trunk-previous", "ü"])
def test_impossible_tag_names_are_refused(shop: Shop, name: str) -> None:
    with pytest.raises(UsageError):
        shop.publish(tag=name)
    assert not (shop.directory / ".cvmfspublished").exists()


def test_a_tag_is_never_moved(shop: Shop) -> None:
    shop.publish(tag="v1")
    with pytest.raises(InterposeError, match="exists"):
        shop.publish(tag="v1")
    assert shop.read().manifest.revision == 1


def test_algorithm_stays_what_it_was(shop: Shop) -> None:
    shop.publish(algorithm=Algorithm.SHAKE128)
    published = shop.publish()
    assert published.root_hash.algorithm is Algorithm.SHAKE128


def test_time_never_goes_back(shop: Shop) -> None:
    shop.publish()
    former = shop.read().manifest.timestamp
    shop.now = shop.now.replace(hour=11)
    shop.publish()
    assert shop.read().manifest.timestamp == former


@pytest.mark.parametrize("make", ["marker", "reserved"])
def test_names_that_no_repository_can_have_are_refused(shop: Shop, make: str) -> None:
    if make == "marker":
        (shop.source / ".cvmfscatalog").touch()
    else:
        (shop.source / ".cvmfs").mkdir()
    with pytest.raises(InterposeError, match=r"\.cvmfs"):
        shop.publish()
    assert not (shop.directory / ".cvmfspublished").exists()


@pytest.mark.parametrize("what", ["storage", "keys"])
def test_storage_and_keys_inside_the_source_are_refused(shop: Shop, what: str) -> None:
    inside = shop.source / "inside"
    with pytest.raises(UsageError, match=what):
        shop.publish(**{what: inside})
    assert not inside.exists()


def test_another_repository_in_the_directory_is_refused(shop: Shop) -> None:
    shop.publish()
    old = (shop.directory / ".cvmfspublished").read_bytes()
    other = old.replace(b"Ntest.example.org", b"Nbest.example.org")
    (shop.directory / ".cvmfspublished").write_bytes(other)
    with pytest.raises(InterposeError):
        shop.publish()
    assert (shop.directory / ".cvmfspublished").read_bytes() == other


def test_failure_leaves_the_old_revision_intact(shop: Shop, fill: Fill) -> None:
    fill(shop.source)
    shop.publish()
    before = shop.read()
    (shop.source / "new").write_bytes(b"n" * 5000)
    (shop.source / ".cvmfs").mkdir()
    with pytest.raises(InterposeError):
        shop.publish()
    after = shop.read()
    assert after.manifest == before.manifest
    assert after.contents == before.contents
    assert not list((shop.directory / "data" / "txn").iterdir())


def test_two_publishers_do_not_meet(shop: Shop) -> None:
    from interpose.publish.storage import Storage

    with Storage(shop.directory):  # noqa: SIM117  3.9 has no parentheses there
        with pytest.raises(InterposeError, match="another publisher"):
            shop.publish()


def test_missing_history_is_an_error_that_names_it(shop: Shop) -> None:
    shop.publish()
    found = shop.read().manifest.history_hash
    assert found is not None
    (shop.directory / found.object_path("H")).unlink()
    with pytest.raises(NotThere, match="missing"):
        shop.publish()


def test_a_missing_nested_catalog_is_made_again(shop: Shop, fill: Fill) -> None:
    fill(shop.source)
    shop.publish()
    nested = shop.read().catalogs[b"/nested/od\xffd"]
    (shop.directory / nested.content_hash.object_path("C")).unlink()
    shop.publish()
    assert_equal_to_source(shop, shop.read())
