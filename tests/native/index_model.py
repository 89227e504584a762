# SPDX-License-Identifier: GPL-2.0-or-later
"""Catalogs out of thin air, and what an index must say of them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import strategies as st

from interpose import native
from interpose.formats.catalog import CatalogRow
from interpose.formats.pathhash import parent_hash, path_hash

FORBIDDEN = (b"", b".", b"..")
NAMES = st.one_of(
    st.sampled_from([b"a", b"b", b"lib", b".hidden", b"\xff", b" ", b"n" * 255]),
    st.binary(min_size=1, max_size=20),
    st.integers(0, 99).map(lambda number: b"common_prefix_%d" % number),
).filter(lambda name: name not in FORBIDDEN and not set(name) & set(b"/\0"))
DIGESTS = st.binary(min_size=20, max_size=20) | st.just(b"e" * 20)
TYPES = st.sampled_from(
    [stat.S_IFDIR] * 4
    + [stat.S_IFREG] * 4
    + [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK]
)
# Years 1901 to 2400 and the ends of the range.
TIMES = st.one_of(
    st.integers(-2177452800, 13569465600), st.sampled_from([-(1 << 63), (1 << 63) - 1])
)
UINT32 = st.integers(0, (1 << 32) - 1)


@dataclass
class Model:
    """Rows in their order and what belongs to them, by path."""

    root: bytes = b""
    rows: dict[bytes, CatalogRow] = field(default_factory=dict)
    nested: dict[bytes, tuple[bytes | None, int, bool]] = field(default_factory=dict)
    chunks: dict[bytes, tuple[bytes, list[tuple[int, int, bytes]]]] = field(
        default_factory=dict
    )

    def build(self, path: Path) -> native.Index:
        """The index of the model, mapped."""
        return build(path, self.rows.values(), self)

    def children(self, path: bytes) -> list[bytes]:
        return [
            below
            for below in self.rows
            if below != self.root and below.rpartition(b"/")[0] == path
        ]


def build(path: Path, rows: Iterable[CatalogRow], model: Model) -> native.Index:
    """An index of `rows` with the extras of `model`."""
    builder = native.IndexBuilder()
    builder.add_rows(rows)
    for place, (digest, chunks) in model.chunks.items():
        builder.add_chunks(path_hash(place), digest, chunks)
    for place, (nested, algorithm, is_bind) in model.nested.items():
        builder.add_nested(path_hash(place), nested, algorithm, is_bind=is_bind)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC)
    try:
        builder.finish(fd, b"c" * 20, 0, path_hash(model.root))
        return native.Index(fd)
    finally:
        os.close(fd)


def row(path: bytes, mode: int = stat.S_IFREG | 0o644, **columns: object) -> CatalogRow:
    """A plain row for `path`, with other columns where they are given."""
    first, second = path_hash(path)
    parent_1, parent_2 = parent_hash(path)
    plain = CatalogRow(
        rowid=1,
        md5path_1=first,
        md5path_2=second,
        parent_1=parent_1,
        parent_2=parent_2,
        hardlinks=1,
        hash=b"h" * 20 if stat.S_ISREG(mode) else None,
        size=0,
        mode=mode,
        mtime=0,
        mtimens=None,
        flags=0,
        name=path.rpartition(b"/")[2],
        symlink=b"",
        uid=0,
        gid=0,
        xattr=None,
    )
    return plain._replace(**columns)  # type: ignore[arg-type]


def directory(path: bytes, **columns: object) -> CatalogRow:
    return row(path, stat.S_IFDIR | 0o755, **columns)


@st.composite
def models(draw: st.DrawFn) -> Model:
    """A tree of up to 30 entries of all kinds, rows in any order."""
    model = Model(root=draw(st.sampled_from([b"", b"/pkg/v1"])))
    made = {model.root: directory(model.root)}
    folders = [model.root]
    for _ in range(draw(st.integers(0, 30))):
        path = draw(st.sampled_from(folders)) + b"/" + draw(NAMES)
        if path in made:
            continue
        kind = draw(TYPES)
        made[path] = draw(entries(path, kind, model))
        if stat.S_ISDIR(kind) and path not in model.nested:
            folders.append(path)
    for path in draw(st.permutations(list(made))):
        model.rows[path] = made[path]._replace(rowid=len(model.rows) + 1)
    return model


@st.composite
def entries(draw: st.DrawFn, path: bytes, kind: int, model: Model) -> CatalogRow:
    """A row of this kind; nested catalogs and chunks go into `model`."""
    columns: dict[str, object] = {
        "mtime": draw(TIMES),
        "mtimens": draw(st.none() | st.integers(0, 999_999_999)),
        "uid": draw(UINT32),
        "gid": draw(UINT32),
        "size": draw(st.integers(0, (1 << 63) - 1)),
        "xattr": draw(st.none() | st.binary(min_size=1, max_size=40)),
        "hardlinks": draw(st.sampled_from([0, 1, 3, 1 << 32 | 2, 9 << 32 | 5])),
    }
    flags = draw(st.sampled_from([0, 0x8000]))
    if stat.S_ISLNK(kind):
        target = st.binary(max_size=30) | st.just(b"$(A)/b")
        columns["symlink"] = draw(target).replace(b"\0", b"")
    elif stat.S_ISREG(kind):
        columns["hash"] = draw(st.none() | DIGESTS)
        flags |= draw(st.sampled_from([0, 0x800, 0x80, 0x100, 0x200, 0x10000, 0x40]))
        if flags & 0x40 and draw(st.booleans()):
            pieces = st.tuples(UINT32, UINT32, DIGESTS)
            listed = draw(st.lists(pieces, max_size=4))
            model.chunks[path] = draw(DIGESTS), listed
    elif stat.S_ISDIR(kind) and draw(st.integers(0, 4)) == 0:
        flags |= draw(st.sampled_from([0, 2, 0x4000]))
        nested = draw(st.none() | DIGESTS), draw(st.integers(0, 2)), draw(st.booleans())
        model.nested[path] = nested
    permissions = draw(st.integers(0, 0o7777))
    return row(path, kind | permissions, flags=flags, **columns)
