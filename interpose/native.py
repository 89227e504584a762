# SPDX-License-Identifier: GPL-2.0-or-later
"""The typed face of the C module; numbers and layouts are those of interpose.h."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, Optional

from interpose._native import ffi, lib
from interpose.errors import FormatError

INDEX_VERSION = lib.INTERPOSE_INDEX_VERSION
CHANNEL_VERSION = lib.INTERPOSE_CHANNEL_VERSION
DIGEST_BYTES = lib.INTERPOSE_DIGEST_SIZE
shut_process = lib.interpose_shut_process

ENTRY_CHUNKED = lib.INTERPOSE_ENTRY_CHUNKED
ENTRY_EXTERNAL = lib.INTERPOSE_ENTRY_EXTERNAL
ENTRY_UNCOMPRESSED = lib.INTERPOSE_ENTRY_UNCOMPRESSED
ENTRY_NESTED = lib.INTERPOSE_ENTRY_NESTED
ENTRY_BIND = lib.INTERPOSE_ENTRY_BIND
ENTRY_HIDDEN = lib.INTERPOSE_ENTRY_HIDDEN
ENTRY_XATTR = lib.INTERPOSE_ENTRY_XATTR
ENTRY_VARIANT = lib.INTERPOSE_ENTRY_VARIANT
ENTRY_NO_CONTENT = lib.INTERPOSE_ENTRY_NO_CONTENT
ENTRY_DIRECT_IO = lib.INTERPOSE_ENTRY_DIRECT_IO
ENTRY_TWIN = lib.INTERPOSE_ENTRY_TWIN

VIEW_CLAIM = lib.INTERPOSE_VIEW_CLAIM
VIEW_CHECK_PERMISSIONS = lib.INTERPOSE_VIEW_CHECK_PERMISSIONS
VIEW_WORLD_READABLE = lib.INTERPOSE_VIEW_WORLD_READABLE
VIEW_XATTR_ALWAYS = lib.INTERPOSE_VIEW_XATTR_ALWAYS
VIEW_XATTR_NEVER = lib.INTERPOSE_VIEW_XATTR_NEVER
VIEW_UID_DEFAULT = lib.INTERPOSE_VIEW_UID_DEFAULT
VIEW_GID_DEFAULT = lib.INTERPOSE_VIEW_GID_DEFAULT

HELLO = lib.INTERPOSE_HELLO
OPEN = lib.INTERPOSE_OPEN
CATALOG = lib.INTERPOSE_CATALOG
OBJECT = lib.INTERPOSE_OBJECT
LIST = lib.INTERPOSE_LIST
LIST_SIZE = lib.INTERPOSE_LIST_SIZE
NOTE = lib.INTERPOSE_NOTE
XATTR = lib.INTERPOSE_XATTR
STATISTICS, ADD = lib.INTERPOSE_STATISTICS, lib.INTERPOSE_ADD
QUESTION_NAMED = lib.INTERPOSE_QUESTION_NAMED

# The columns of formats.catalog.CatalogRow, in its order.
# fmt: off
Row = tuple[
    int, int, int, int, int, int, Optional[bytes], int,  # rowid .. hardlinks hash size
    int, int, Optional[int], int,  # mode mtime mtimens flags
    bytes, bytes, int, int, Optional[bytes],  # name symlink uid gid xattr
]
# fmt: on
PathHash = tuple[int, int]

# struct interpose_row; packed by `struct`, which is ten times as fast as cffi here.
_ROW = struct.Struct("<6qQ10I")
_ROWS_PER_BLOCK = 4000
_UNSIGNED_64 = (1 << 64) - 1
_UNSIGNED_32 = (1 << 32) - 1


def _check(result: int, what: str) -> int:
    if result >= 0:
        return result
    if result == -errno.EBADMSG:
        raise FormatError(what)
    raise OSError(-result, os.strerror(-result))


class DamagedIndex(FormatError):
    """An index file that was good when it was mapped: it has to be made anew."""


class IndexBuilder:
    """Makes one index file of the rows of one catalog.

    Errors: FormatError when rows are impossible or contradict one another; the builder
    is of no use after that.
    """

    def __init__(self) -> None:
        made = lib.interpose_builder_create()
        if not made:
            raise MemoryError("index builder")
        self._builder = ffi.gc(made, lib.interpose_builder_destroy)

    def add_rows(self, rows: Iterable[Row]) -> None:
        """Take `rows` in; listings show them in this order."""
        iterator = iter(rows)
        while block := list(islice(iterator, _ROWS_PER_BLOCK)):
            self._add_block(block)

    def _add_block(self, block: list[Row]) -> None:
        packed: list[bytes] = []
        data: list[bytes] = []
        pack = _ROW.pack
        try:
            for row in block:
                rowid, path_1, path_2, parent_1, parent_2, links, digest, size = row[:8]
                mode, mtime, mtime_ns, flags, name, target, uid, gid, xattr = row[8:]
                strings = (name, target, digest or b"", xattr or b"")
                data += strings
                packed.append(
                    pack(
                        *(path_1, path_2, parent_1, parent_2, size, mtime),
                        *(links & _UNSIGNED_64, mtime_ns or 0, mode, uid, gid, flags),
                        *(rowid & _UNSIGNED_32, *map(len, strings)),
                    )
                )
        except struct.error as error:
            raise FormatError("catalog with a number out of range") from error
        rows = b"".join(packed)
        texts = b"".join(data)
        where = ffi.from_buffer("struct interpose_row[]", rows)
        result = lib.interpose_builder_add_rows(
            self._builder, where, len(block), texts, len(texts)
        )
        _check(result, "impossible entry in a catalog")

    def add_chunks(
        self, path: PathHash, digest: bytes, chunks: Sequence[tuple[int, int, bytes]]
    ) -> None:
        """Take in the (offset, size, digest) of all chunks of the file at `path`.

        `digest` names the assembled file: the hash over the chunks' digests.
        """
        rows = [(offset, size, _digest(named)) for offset, size, named in chunks]
        packed = ffi.new("struct interpose_chunk[]", rows)
        result = lib.interpose_builder_add_chunks(
            self._builder, path[0], path[1], _digest(digest), packed, len(chunks)
        )
        _check(result, "impossible chunks in a catalog")

    def add_nested(
        self, path: PathHash, digest: bytes | None, algorithm: int, *, is_bind: bool
    ) -> None:
        """Take in a row of nested_catalogs or of bind_mountpoints.

        `digest` None: the directory is there and cannot be entered.
        """
        where = ffi.NULL if digest is None else ffi.new("uint8_t[]", _digest(digest))
        result = lib.interpose_builder_add_nested(
            self._builder, path[0], path[1], where, algorithm, is_bind
        )
        _check(result, "impossible nested catalog")

    def finish(self, fd: int, digest: bytes, algorithm: int, root: PathHash) -> None:
        """Write the index of catalog `digest` to the empty file `fd`.

        `root` is the path hash of the catalog's own root directory; `algorithm` the
        number that stands in flags. Errors: also OSError (disk full).
        """
        result = lib.interpose_builder_finish(
            self._builder, fd, _digest(digest), algorithm, root[0], root[1]
        )
        _check(result, "catalog whose entries form no tree")


def _digest(digest: bytes) -> bytes:
    if len(digest) != DIGEST_BYTES:
        raise FormatError(f"hash of {len(digest)} bytes")
    return digest


class Chunk(NamedTuple):
    """A piece of a file; `offset` and `size` in bytes of the unpacked file."""

    offset: int
    size: int
    digest: bytes


class Entry(NamedTuple):
    """One entry of an index with the catalog's own values (no view applied)."""

    number: int
    size: int
    mtime: int
    mtime_ns: int
    device: int
    mode: int
    uid: int
    gid: int
    nlink: int
    inode: int
    algorithm: int
    parent: int
    first_child: int
    child_count: int
    flags: int
    name: bytes
    target: bytes
    xattr: bytes | None
    digest: bytes | None
    chunks: tuple[Chunk, ...]


class Index:
    """A mapped index file.

    Errors: FormatError when the file is none, is of another version or is damaged;
    OSError when it cannot be opened.
    """

    def __init__(self, fd: int) -> None:
        found = ffi.new("struct interpose_index **")
        _check(lib.interpose_index_open(fd, found), "not an index file of this version")
        self._index = ffi.gc(found[0], lib.interpose_index_close)
        self.count: int = lib.interpose_index_count(self._index)
        digest = ffi.new("uint8_t[]", DIGEST_BYTES)
        flag = lib.interpose_index_catalog(self._index, digest)
        self.catalog: tuple[bytes, int] = bytes(digest), flag

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Index:
        """Map the file at `path`."""
        # Whatever has the name: a FIFO must not make us wait.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            return cls(fd)
        finally:
            os.close(fd)

    def close(self) -> None:
        """Unmap the file."""
        if self._index is not None:
            ffi.release(self._index)
            self._index = None

    def __enter__(self) -> Index:  # noqa: PYI034 (Self is younger than 3.9)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _mapped(self, number: int) -> Any:
        if self._index is None:
            raise ValueError("the index is closed")
        if not 0 <= number < self.count:
            raise IndexError(number)
        return self._index

    @property
    def is_broken(self) -> bool:
        """Whether bytes of the file went away while it was mapped."""
        return bool(self._index) and bool(lib.interpose_index_is_broken(self._index))

    def _checked(self, result: int) -> int:
        if result == -errno.EBADMSG:
            raise DamagedIndex("damaged index file")
        return _check(result, "damaged index file")

    def entry(self, number: int) -> Entry:
        """The entry with this number; 0 is the catalog's root.

        Errors: IndexError if there is none.
        """
        found = ffi.new("struct interpose_entry *")
        result = lib.interpose_index_entry(self._mapped(number), number, found)
        self._checked(result)
        entry = _entry_of(number, found)
        if self.is_broken:  # Then its texts are not those of the file.
            raise DamagedIndex("damaged index file")
        return entry

    def child(self, directory: int, name: bytes) -> int | None:
        """The number of entry `name` in `directory`, None if there is none."""
        found = ffi.new("uint32_t *")
        index = self._mapped(directory)
        result = lib.interpose_index_child(index, directory, name, len(name), found)
        return int(found[0]) if self._checked(result) else None

    def children(self, directory: int) -> Iterator[Entry]:
        """The entries of `directory` in the catalog's order, hidden ones included."""
        listed = self.entry(directory)
        first = listed.first_child
        return map(self.entry, range(first, first + listed.child_count))

    def by_name(self, directory: int) -> list[int]:
        """The numbers of the entries of `directory`, sorted by their names."""
        listed = self.entry(directory)
        first = listed.first_child
        found = ffi.new("struct interpose_entry *")
        names = []
        for number in range(first, first + listed.child_count):
            self._checked(lib.interpose_index_entry(self._index, number, found))
            names.append((_text(found.name, found.name_len), number))
        return [number for _, number in sorted(names)]

    def walk(self, path: bytes) -> int | None:
        """The entry at b"" or b"/a/b" of this one file; follows no links."""
        number: int | None = 0
        for name in path.split(b"/"):
            if name and number is not None:
                number = self.child(number, name)
        return number


def _text(pointer: Any, size: int) -> bytes:
    return bytes(ffi.buffer(pointer, size)) if size else b""


_NUMBERS = Entry._fields[1 : Entry._fields.index("name")]


def _entry_of(number: int, found: Any) -> Entry:
    numbers = [getattr(found, name) for name in _NUMBERS]
    name = _text(found.name, found.name_len)
    target = _text(found.target, found.target_len)
    blob = _text(found.xattr, found.xattr_len) if found.xattr_len else None
    digest = _text(found.digest, DIGEST_BYTES) if found.digest else None
    listed = (found.chunks[i] for i in range(found.chunk_count))
    chunks = tuple(Chunk(c.offset, c.size, bytes(c.digest)) for c in listed)
    return Entry._make((number, *numbers, name, target, blob, digest, chunks))


class Mount(NamedTuple):
    """An opened repository, as the tracer reads it from SCRATCH/m/FQRN.

    `made_at` and `valid_until` in seconds since 1970; `blocks` of 512 bytes; the maps
    go from an id of the catalog to one of this machine; `view` is made of VIEW_*.
    """

    fqrn: str
    revision: int
    made_at: int
    valid_until: int
    root_digest: bytes
    root_algorithm: int
    index_dir: bytes
    cache_dir: bytes
    inode_seed: int
    view: int = 0
    uid: int = 0
    gid: int = 0
    uid_default: int = 0
    gid_default: int = 0
    catalog_watermark: int = 0
    blocks: int = 0
    blocks_free: int = 0
    files: int = 0
    variables: tuple[tuple[bytes, bytes], ...] = ()
    uid_map: tuple[tuple[int, int], ...] = ()
    gid_map: tuple[tuple[int, int], ...] = ()
    alien_dir: bytes = b""
    owners: tuple[int, ...] = ()
    dependencies: bytes = b""  # packed by resolver/kept.py


# Fields of struct interpose_mount that are copied as they are.
_PLAIN = (
    "revision made_at valid_until root_algorithm view uid gid uid_default gid_default "
    "catalog_watermark inode_seed blocks blocks_free files"
).split()
MOUNT_MARK = (lib.INTERPOSE_MOUNT_MAGIC, lib.INTERPOSE_MOUNT_VERSION)


def checksum(data: bytes) -> int:
    """A sum that notices damage."""
    return int(lib.interpose_checksum(data, len(data)))


def pack_mount(mount: Mount) -> bytes:
    """The bytes of the mount file."""
    variables = (name + b"=" + value + b"\0" for name, value in mount.variables)
    # Numbers come first: they must lie on multiples of 4.
    spans = {
        "uid_map": b"".join(struct.pack("<2I", *pair) for pair in mount.uid_map),
        "gid_map": b"".join(struct.pack("<2I", *pair) for pair in mount.gid_map),
        "owners": struct.pack(f"<{len(mount.owners)}I", *mount.owners),
        "fqrn": mount.fqrn.encode("ascii"),
        "index_dir": mount.index_dir,
        "cache_dir": mount.cache_dir,
        "alien_dir": mount.alien_dir,
        "variables": b"".join(variables),
        "dependencies": mount.dependencies,
    }
    fields: dict[str, Any] = {name: getattr(mount, name) for name in _PLAIN}
    fields["magic"] = lib.INTERPOSE_MOUNT_MAGIC
    fields["version"] = lib.INTERPOSE_MOUNT_VERSION
    fields["root_digest"] = _digest(mount.root_digest)
    offset = ffi.sizeof("struct interpose_mount")
    for name, data in spans.items():
        fields[name] = (offset, len(data))
        offset += len(data)
    header = ffi.new("struct interpose_mount *", fields)
    data = bytes(ffi.buffer(header)) + b"".join(spans.values())
    start = ffi.offsetof("struct interpose_mount", "revision")
    header.checksum = checksum(data[start:])
    return bytes(ffi.buffer(header)) + data[ffi.sizeof("struct interpose_mount") :]
