# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import itertools
import stat
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpose import native
from interpose.errors import FormatError
from interpose.formats.catalog import CatalogRow
from interpose.formats.pathhash import path_hash
from tests.native.index_model import Model, build, directory, models, row

ROOT = directory(b"")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("index") / "index"


def test_entries_have_the_size_of_a_cache_line(place: Path) -> None:
    names = [b"/%d" % number for number in range(10_000)]
    with build(place, [ROOT, *map(row, names)], Model()) as index:
        assert index.count == 10_001
    # 64 for the entry, 20 for the hash, at most 16 for slots, 4 for the name
    assert place.stat().st_size < 10_001 * 104 + 8192
    assert place.stat().st_size % 4096 == 0


@settings(max_examples=60, deadline=None)
@given(models())
def test_index_answers_as_the_rows_say(place: Path, model: Model) -> None:
    with model.build(place) as index:
        assert index.count == len(model.rows)
        numbers = {path: index.walk(path[len(model.root) :]) for path in model.rows}
        for path, number in numbers.items():
            assert number is not None
            compare(index.entry(number), model.rows[path], path, model)
        compare_twins([index.entry(number or 0) for number in numbers.values()])
        for path, number in numbers.items():
            listed = [entry.number for entry in index.children(number or 0)]
            assert listed == [numbers[below] for below in model.children(path)]
            by_name = [index.entry(n).name for n in index.by_name(number or 0)]
            assert by_name == sorted(index.entry(n).name for n in listed)


def compare(
    entry: native.Entry, given_row: CatalogRow, path: bytes, model: Model
) -> None:
    kind = stat.S_IFMT(given_row.mode)
    plain = ("mode", "uid", "gid", "mtime", "name", "xattr")
    assert [getattr(entry, name) for name in plain] == [
        getattr(given_row, name) for name in plain
    ]
    assert entry.mtime_ns == (given_row.mtimens or 0)
    assert entry.nlink == (given_row.hardlinks & 0xFFFFFFFF or 1)
    assert bool(entry.flags & native.ENTRY_HIDDEN) == bool(given_row.flags & 0x8000)
    is_device = stat.S_ISCHR(kind) or stat.S_ISBLK(kind)
    assert entry.device == (given_row.size if is_device else 0)
    if stat.S_ISLNK(kind):
        assert entry.target == given_row.symlink
        assert entry.size == len(given_row.symlink)
        is_variant = b"$(" in given_row.symlink
        assert bool(entry.flags & native.ENTRY_VARIANT) == is_variant
    elif stat.S_ISREG(kind):
        compare_file(entry, given_row, path, model)
    elif stat.S_ISDIR(kind):
        assert entry.size == given_row.size
        compare_directory(entry, given_row, path, model)
    else:
        assert entry.size == 0


def compare_file(
    entry: native.Entry, given_row: CatalogRow, path: bytes, model: Model
) -> None:
    flags = given_row.flags
    assert entry.size == given_row.size
    assert bool(entry.flags & native.ENTRY_UNCOMPRESSED) == bool(flags & 0x800)
    assert bool(entry.flags & native.ENTRY_EXTERNAL) == bool(flags & 0x80)
    assert bool(entry.flags & native.ENTRY_DIRECT_IO) == bool(flags & 0x10000)
    assert bool(entry.flags & native.ENTRY_CHUNKED) == bool(flags & 0x40)
    if flags & 0x40:
        digest, chunks = model.chunks.get(path, (None, []))
        assert entry.digest == digest
        assert list(entry.chunks) == chunks
        assert not entry.flags & native.ENTRY_NO_CONTENT
    else:
        assert entry.digest == given_row.hash
        assert bool(entry.flags & native.ENTRY_NO_CONTENT) == (given_row.hash is None)
    if entry.digest is not None:
        assert entry.algorithm == flags >> 8 & 7


def compare_twins(entries: list[native.Entry]) -> None:
    """Files are marked whose content another inode has, too; and nothing else is."""
    files = [one for one in entries if stat.S_ISREG(one.mode) and one.digest]
    for entry in entries:
        others = [one for one in files if one.digest == entry.digest and entry in files]
        wanted = any(one.inode != entry.inode for one in others)
        assert bool(entry.flags & native.ENTRY_TWIN) == wanted


def compare_directory(
    entry: native.Entry, given_row: CatalogRow, path: bytes, model: Model
) -> None:
    digest, algorithm, is_bind = model.nested.get(path, (None, 0, False))
    is_nested = path in model.nested or given_row.flags & 0x4002
    assert bool(entry.flags & native.ENTRY_NESTED) == bool(is_nested)
    is_bind = is_bind or bool(given_row.flags & 0x4000)
    assert bool(entry.flags & native.ENTRY_BIND) == is_bind
    assert entry.digest == digest
    if digest is not None:
        assert entry.algorithm == algorithm


@settings(max_examples=40, deadline=None)
@given(models(), st.lists(st.binary(max_size=30), max_size=10))
def test_names_that_are_not_there_are_absent(
    place: Path, model: Model, others: list[bytes]
) -> None:
    with model.build(place) as index:
        numbers = {index.walk(path[len(model.root) :]): path for path in model.rows}
        for number, path in numbers.items():
            known = {below.rpartition(b"/")[2] for below in model.children(path)}
            tried = [*others, b"", b".", b"..", *(name[:-1] for name in known)]
            for name in {*tried, *(name + b"x" for name in known)} - known:
                assert index.child(number or 0, name) is None


@settings(max_examples=60, deadline=None)
@given(models())
def test_inodes_are_equal_within_a_hard_link_group_only(
    place: Path, model: Model
) -> None:
    with model.build(place) as index:
        by_group: dict[object, set[int]] = {}
        for path, given_row in model.rows.items():
            group = given_row.hardlinks >> 32
            is_lone = group == 0 or stat.S_ISDIR(given_row.mode)
            entry = index.entry(index.walk(path[len(model.root) :]) or 0)
            by_group.setdefault(path if is_lone else group, set()).add(entry.inode)
    assert all(len(inodes) == 1 for inodes in by_group.values())
    assert len(set.union(*by_group.values())) == len(by_group)


def test_equal_catalogs_give_equal_files(place: Path, tmp_path: Path) -> None:
    rows = [ROOT, *(row(b"/%d" % number) for number in range(100))]
    build(place, rows, Model()).close()
    build(tmp_path / "other", rows, Model()).close()
    assert place.read_bytes() == (tmp_path / "other").read_bytes()


def test_root_of_a_nested_catalog_is_entry_0_and_no_mount_point(place: Path) -> None:
    model = Model(root=b"/a/b", nested={b"/a/b": (b"n" * 20, 0, False)})
    rows = [row(b"/a/b/f"), directory(b"/a/b", flags=2 | 32)]
    with build(place, rows, model) as index:
        root = index.entry(0)
        assert (root.name, root.flags, root.parent) == (b"b", 0, 0)
        assert index.walk(b"/f") == 1


def test_flagged_mount_point_without_a_nested_row_has_no_digest(place: Path) -> None:
    with build(place, [ROOT, directory(b"/n", flags=2)], Model()) as index:
        entry = index.entry(1)
        assert (entry.flags, entry.digest) == (native.ENTRY_NESTED, None)


def test_nested_row_without_an_entry_is_ignored(place: Path) -> None:
    model = Model(nested={b"/gone": (b"n" * 20, 0, False)})
    with build(place, [ROOT], model) as index:
        assert index.count == 1


def chain(*links: tuple[bytes, bytes]) -> list[CatalogRow]:
    """Directories whose parents are what the pairs say."""
    rows = []
    for path, parent in links:
        first, second = path_hash(parent)
        rows.append(directory(path, parent_1=first, parent_2=second))
    return [ROOT, *rows]


FILE = row(b"/f")
HOSTILE = {
    "no rows": [],
    "no root": [directory(b"/a")],
    "a root that is a file": [row(b"")],
    "two roots": [ROOT, ROOT],
    "its own parent": chain((b"/a", b"/a")),
    "a circle of two": chain((b"/a", b"/b"), (b"/b", b"/a")),
    "a circle of three": chain((b"/a", b"/b"), (b"/b", b"/c"), (b"/c", b"/a")),
    "no parent": [ROOT, row(b"/a/b")],
    "a parent that is a file": [ROOT, FILE, row(b"/f/g")],
    "a parent that is a link": [ROOT, row(b"/l", stat.S_IFLNK), row(b"/l/g")],
    "one path twice": [ROOT, FILE, FILE],
    "one name twice": [ROOT, FILE, FILE._replace(md5path_1=1)],
    "name .": [ROOT, FILE._replace(name=b".")],
    "name ..": [ROOT, FILE._replace(name=b"..")],
    "no name": [ROOT, FILE._replace(name=b"")],
    "name with a slash": [ROOT, FILE._replace(name=b"a/b")],
    "name with NUL": [ROOT, FILE._replace(name=b"a\0")],
    "name too long": [ROOT, FILE._replace(name=b"n" * 256)],
    "huge name": [ROOT, FILE._replace(name=b"n" * 10_000_000)],
    "target with NUL": [ROOT, FILE._replace(symlink=b"a\0")],
    "huge target": [ROOT, FILE._replace(symlink=b"a" * 65536)],
    "huge attributes": [ROOT, FILE._replace(xattr=b"a" * 131072)],
    "negative size": [ROOT, FILE._replace(size=-1)],
    "size too large": [ROOT, FILE._replace(size=1 << 63)],
    "no type": [ROOT, FILE._replace(mode=0o644)],
    "mode too large": [ROOT, FILE._replace(mode=0o1100644)],
    "nanoseconds too large": [ROOT, FILE._replace(mtimens=1_000_000_000)],
    "negative owner": [ROOT, FILE._replace(uid=-1)],
    "short hash": [ROOT, FILE._replace(hash=b"h" * 19)],
    "long hash": [ROOT, FILE._replace(hash=b"h" * 21)],
    "unknown algorithm": [ROOT, FILE._replace(flags=0x300)],
    "unknown compression": [ROOT, FILE._replace(flags=0x1000)],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_impossible_rows_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(FormatError):
        build(tmp_path / "index", HOSTILE[name], Model())


@pytest.mark.parametrize(
    "model",
    [
        Model(nested={b"/f": (b"n" * 20, 0, False)}),
        Model(nested={b"/d": (b"n" * 19, 0, False)}),
        Model(nested={b"/d": (b"n" * 20, 3, False)}),
        Model(chunks={b"/f": (b"n" * 19, [])}),
        Model(chunks={b"/f": (b"n" * 20, [(0, 1, b"short")])}),
    ],
)
def test_impossible_extras_are_refused(tmp_path: Path, model: Model) -> None:
    with pytest.raises(FormatError):
        build(tmp_path / "index", [ROOT, FILE, directory(b"/d")], model)


def test_two_nested_catalogs_at_one_place_are_refused(tmp_path: Path) -> None:
    builder = native.IndexBuilder()
    builder.add_rows([ROOT, directory(b"/d")])
    for _ in range(2):
        builder.add_nested(path_hash(b"/d"), b"n" * 20, 0, is_bind=False)
    with (tmp_path / "index").open("wb") as file, pytest.raises(FormatError):
        builder.finish(file.fileno(), b"c" * 20, 0, path_hash(b""))


def test_two_chunk_lists_of_one_file_are_refused(tmp_path: Path) -> None:
    builder = native.IndexBuilder()
    builder.add_rows([ROOT, row(b"/f", flags=0x40)])
    for _ in range(2):
        builder.add_chunks(path_hash(b"/f"), b"n" * 20, [(0, 1, b"d" * 20)])
    with (tmp_path / "index").open("wb") as file, pytest.raises(FormatError):
        builder.finish(file.fileno(), b"c" * 20, 0, path_hash(b""))


def colliding_names(count: int) -> list[bytes]:
    """Names of 16 bytes with one hash: its steps can be run backwards."""
    names: list[bytes] = []
    state = 0x9E3779B97F4A7C15 * 16
    for first in itertools.count(0x4141414141414141):
        if len(names) == count:
            return names
        mixed = (state ^ first) * 0xD6E8FEB86659FD93 & (1 << 64) - 1
        mixed ^= mixed >> 31
        name = struct.pack("<QQ", first, mixed ^ 0x123456789ABCDEF)
        if not set(name) & set(b"/\0"):
            names.append(name)
    return names


def test_names_made_to_collide_are_found(place: Path) -> None:
    names = colliding_names(30)
    with build(place, [ROOT, *(row(b"/" + name) for name in names)], Model()) as index:
        for name in names:
            assert index.entry(index.child(0, name) or 0).name == name


def test_too_many_names_made_to_collide_are_refused(tmp_path: Path) -> None:
    rows = [row(b"/" + name) for name in colliding_names(2000)]
    with pytest.raises(FormatError):
        build(tmp_path / "index", [ROOT, *rows], Model())


def test_deep_tree_needs_no_stack(place: Path) -> None:
    paths = [b"/d" * depth for depth in range(1, 2000)]
    with build(place, [ROOT, *map(directory, paths)], Model()) as index:
        assert index.walk(paths[-1]) == len(paths)


def test_full_device_is_an_os_error() -> None:
    builder = native.IndexBuilder()
    builder.add_rows([ROOT])
    with Path("/dev/full").open("wb") as file, pytest.raises(OSError):
        builder.finish(file.fileno(), b"c" * 20, 0, path_hash(b""))


def test_other_files_are_no_index(tmp_path: Path) -> None:
    for content in (b"", b"x", bytes(4096), b"\xff" * 8192):
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(FormatError):
            native.Index.open(tmp_path / "file")


def test_cut_and_extended_files_are_refused(place: Path, tmp_path: Path) -> None:
    names = (b"/%d" % number for number in range(1000))
    build(place, [ROOT, *map(row, names)], Model()).close()
    whole = place.read_bytes()
    for content in (whole[:4096], whole[:-4096], whole[:-1], whole + bytes(4096)):
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(FormatError):
            native.Index.open(tmp_path / "file")


def test_closed_index_and_wrong_numbers_are_the_callers_errors(place: Path) -> None:
    index = build(place, [ROOT], Model())
    for number in (-1, 1, 1 << 40):
        with pytest.raises(IndexError):
            index.entry(number)
        with pytest.raises(IndexError):
            index.child(number, b"a")
    index.close()
    index.close()
    with pytest.raises(ValueError):
        index.entry(0)
