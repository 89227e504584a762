# SPDX-License-Identifier: GPL-2.0-or-later
"""An independent reader of what the publisher wrote.

It shares the parsers with the client, and nothing with the publisher: hashes, counters,
path hashes and transitions are computed here once more, from the format's description.
"""

from __future__ import annotations

import hashlib
import stat
import struct
import zlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from interpose.formats.catalog import CatalogFile, CatalogRow, ChunkRow, NestedCatalog
from interpose.formats.fqrn import Fqrn
from interpose.formats.hashes import Algorithm, ContentHash
from interpose.formats.manifest import Manifest
from interpose.formats.signature import load_master_keys
from interpose.formats.trust import TrustedRepository
from interpose.formats.whitelist import Whitelist


@dataclass
class ReadCatalog:
    """One catalog as it lies in the storage; `rows` by name and parent."""

    path: bytes
    content_hash: ContentHash
    size: int
    revision: int
    previous: ContentHash | None
    root_prefix: bytes
    rows: list[CatalogRow]
    chunks: list[ChunkRow]
    nested: list[NestedCatalog]
    counters: dict[str, int]
    properties: dict[str, str]


@dataclass
class ReadRepository:
    """Everything that a client would ever see."""

    manifest: Manifest
    whitelist: Whitelist
    catalogs: dict[bytes, ReadCatalog]
    rows: dict[bytes, CatalogRow]
    contents: dict[bytes, bytes]
    cuts: dict[bytes, list[int]]
    objects: set[str] = field(default_factory=set)


class Reader:
    """Reads `directory` (what a stratum URL shows), checking all on the way."""

    def __init__(self, directory: Path, scratch: Path) -> None:
        self.directory = directory
        self.scratch = scratch
        self.objects: set[str] = set()

    def read(self, fqrn: Fqrn, public_key: bytes, now: datetime) -> ReadRepository:
        """The whole repository; fails at the first thing that is wrong."""
        published = (self.directory / ".cvmfspublished").read_bytes()
        offered = Manifest.parse(published)
        trusted = TrustedRepository(fqrn, load_master_keys(public_key))
        trusted.offer_manifest(published)
        listed = (self.directory / ".cvmfswhitelist").read_bytes()
        trusted.accept_whitelist(listed, now)
        certificate = self.load(offered.certificate_hash, "X")
        manifest = trusted.accept_certificate(certificate, now)
        found = ReadRepository(manifest, Whitelist.parse(listed), {}, {}, {}, {})
        self._read_catalogs(found, manifest)
        assert found.catalogs[b""].size == manifest.root_size
        assert found.catalogs[b""].revision == manifest.revision
        for kind, one in (("H", manifest.history_hash), ("M", manifest.metainfo_hash)):
            assert one is not None
            self.load(one, kind)
        found.objects = self.objects
        return found

    def stored(self, content_hash: ContentHash, kind: str) -> bytes:
        """Stored bytes whose hash is right."""
        text = content_hash.digest.hex()
        suffix = {
            Algorithm.SHA1: "",
            Algorithm.RIPEMD160: "-rmd160",
            Algorithm.SHAKE128: "-shake128",
        }[content_hash.algorithm]
        name = f"data/{text[:2]}/{text[2:]}{suffix}{kind}"
        data = (self.directory / name).read_bytes()
        assert digest(content_hash.algorithm, data) == content_hash.digest
        self.objects.add(name)
        return data

    def load(self, content_hash: ContentHash, kind: str) -> bytes:
        """Content of a compressed object."""
        return zlib.decompress(self.stored(content_hash, kind))

    def _read_catalogs(self, found: ReadRepository, manifest: Manifest) -> None:
        waiting = [(b"", manifest.root_hash, 0)]
        while waiting:
            path, content_hash, size = waiting.pop()
            catalog = self._read_catalog(path, content_hash)
            assert size in (0, catalog.size)
            found.catalogs[path] = catalog
            self._add_rows(found, catalog)
            for nested in catalog.nested:
                assert nested.hash is not None
                assert nested.size > 0
                waiting.append((nested.path, nested.hash, nested.size))

    def _read_catalog(self, path: bytes, content_hash: ContentHash) -> ReadCatalog:
        data = self.load(content_hash, "C")
        # Bytes 18, 19 are 2 in WAL mode, which aborts the official client.
        assert data[18:20] == b"\1\1"
        file = self.scratch / content_hash.text
        file.write_bytes(data)
        with CatalogFile(file) as catalog:
            return ReadCatalog(
                path=path,
                content_hash=content_hash,
                size=len(data),
                revision=catalog.revision,
                previous=catalog.previous_revision,
                root_prefix=catalog.root_prefix,
                rows=list(catalog.rows()),
                chunks=list(catalog.chunks()),
                nested=catalog.nested(),
                counters=catalog.counters(),
                properties=dict(catalog.properties),
            )

    def _add_rows(self, found: ReadRepository, catalog: ReadCatalog) -> None:
        children: dict[tuple[int, int], list[CatalogRow]] = {}
        for row in catalog.rows:
            children.setdefault((row.parent_1, row.parent_2), []).append(row)
        (top,) = [
            row
            for row in catalog.rows
            if (row.md5path_1, row.md5path_2) == path_hash(catalog.path)
        ]
        seen = 1
        waiting = [(catalog.path, top)]
        while waiting:
            path, row = waiting.pop()
            assert (row.md5path_1, row.md5path_2) == path_hash(path)
            if path not in found.rows:
                found.rows[path] = row
            if stat.S_ISREG(row.mode):
                self._read_content(found, catalog, path, row)
            for child in children.get(path_hash(path), []):
                seen += 1
                waiting.append((path + b"/" + child.name, child))
        assert seen == len(catalog.rows), "rows that nobody can reach"

    def _read_content(
        self,
        found: ReadRepository,
        catalog: ReadCatalog,
        path: bytes,
        row: CatalogRow,
    ) -> None:
        algorithm = list(Algorithm)[(row.flags >> 8) & 7]
        is_plain = (row.flags >> 11) & 7 == 1
        pieces = [
            chunk
            for chunk in catalog.chunks
            if (chunk.md5path_1, chunk.md5path_2) == path_hash(path)
        ]
        if row.flags & 64:
            assert row.hash is None
            assert len(pieces) > 1
            content = b""
            for piece in pieces:
                assert piece.offset == len(content)
                stored = self.stored(ContentHash(algorithm, piece.hash), "P")
                data = stored if is_plain else zlib.decompress(stored)
                assert len(data) == piece.size
                content += data
            found.cuts[path] = [piece.size for piece in pieces]
        else:
            assert not pieces
            assert row.hash is not None
            stored = self.stored(ContentHash(algorithm, row.hash), "")
            content = stored if is_plain else zlib.decompress(stored)
        assert len(content) == row.size
        found.contents[path] = content


def path_hash(path: bytes) -> tuple[int, int]:
    """The two signed little-endian halves of the MD5."""
    first, second = struct.unpack("<qq", hashlib.md5(path).digest())
    return first, second


def digest(algorithm: Algorithm, data: bytes) -> bytes:
    """20 bytes of hash, computed without the code under test."""
    if algorithm is Algorithm.SHA1:
        return hashlib.sha1(data).digest()
    if algorithm is Algorithm.SHAKE128:
        return hashlib.shake_128(data).digest(20)
    from Crypto.Hash import RIPEMD160

    return bytes(RIPEMD160.new(data).digest())


def recount(repository: ReadRepository) -> dict[bytes, dict[str, int]]:
    """All 24 counters of each catalog, from rows alone."""
    own = {path: _count(catalog) for path, catalog in repository.catalogs.items()}
    everything = {}
    for path in repository.catalogs:
        below = [other for other in own if other.startswith(path + b"/")]
        counters = {f"self_{name}": value for name, value in own[path].items()}
        for name in own[path]:
            counters[f"subtree_{name}"] = sum(own[other][name] for other in below)
        everything[path] = counters
    return everything


def _count(catalog: ReadCatalog) -> dict[str, int]:
    rows = catalog.rows
    regular = [row for row in rows if stat.S_ISREG(row.mode)]
    links = [row for row in rows if stat.S_ISLNK(row.mode)]
    directories = [row for row in rows if stat.S_ISDIR(row.mode)]
    chunked = [row for row in regular if row.flags & 64]
    return {
        "regular": len(regular),
        "symlink": len(links),
        "special": len(rows) - len(regular) - len(links) - len(directories),
        "dir": len(directories),
        "nested": len(catalog.nested),
        "chunked": len(chunked),
        "chunks": len(catalog.chunks),
        "file_size": sum(row.size for row in regular),
        "chunked_size": sum(row.size for row in chunked),
        "xattr": sum(row.xattr is not None for row in rows),
        "external": 0,
        "external_file_size": 0,
    }
