# SPDX-License-Identifier: GPL-2.0-or-later
"""A source tree with one of each kind, and how to publish and read it."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from interpose.formats.fqrn import Fqrn
from interpose.publish.chunker import ChunkSizes
from interpose.publish.publisher import Publication, Published, publish
from tests.unit.publish.published import Reader, ReadRepository

NOW = datetime(2026, 5, 4, 12, 30, tzinfo=timezone.utc)
SMALL = ChunkSizes(1024, 4096, 8192)


@dataclass
class Shop:
    """A source, and the repository that it becomes."""

    place: Path
    publication: Publication
    now: datetime = NOW

    @property
    def source(self) -> Path:
        return self.publication.source

    @property
    def directory(self) -> Path:
        return self.publication.directory

    def publish(self, **changes: object) -> Published:
        """Publish the source, by default one minute after the last time."""
        self.now += timedelta(minutes=1)
        return publish(self.publication._replace(**changes), self.now)

    def read(self) -> ReadRepository:
        """All that a client sees."""
        scratch = self.place / "reader"
        scratch.mkdir(exist_ok=True)
        key = (self.publication.keys / f"{self.publication.fqrn}.pub").read_bytes()
        reader = Reader(self.directory, scratch)
        return reader.read(self.publication.fqrn, key, self.now)

    def reader(self) -> Reader:
        return Reader(self.directory, self.place / "reader")


@pytest.fixture(scope="session")
def some_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys of test.example.org, made once: they cost most of a publication."""
    from interpose.publish.keys import ensure_keys

    directory = tmp_path_factory.mktemp("keys")
    ensure_keys(directory, Fqrn.parse("test.example.org"), NOW)
    return directory


@pytest.fixture
def shop(tmp_path: Path, some_keys: Path) -> Shop:
    source = tmp_path / "source"
    source.mkdir()
    publication = Publication(
        source=source,
        fqrn=Fqrn.parse("test.example.org"),
        storage=tmp_path / "out",
        keys=some_keys,
        sizes=SMALL,
    )
    return Shop(tmp_path, publication)


@pytest.fixture
def fill() -> Callable[[Path], None]:
    return fill_tree


def fill_tree(top: Path) -> None:
    """One of each kind of thing that a repository can hold."""
    noise = random.Random(7)
    (top / "empty").touch()
    (top / "same1").write_bytes(b"the same\n")
    (top / "same2").write_bytes(b"the same\n")
    for size in (1023, 1024, 1025, 8192, 8193, 70000):
        (top / f"size-{size}").write_bytes(noise.randbytes(size))
    (top / "zeros").write_bytes(bytes(50000))
    _fill_links(top)
    _fill_names(top)
    _fill_nested(top, noise)
    _fill_special(top)
    _fill_attributes(top)
    os.utime(top / "empty", ns=(0, -1_500_000_001))
    os.utime(top / "same1", ns=(0, 253_402_300_799_999_999_999 // 1000))


def _fill_links(top: Path) -> None:
    links = top / "links"
    links.mkdir()
    (links / "a").write_bytes(b"linked")
    os.link(links / "a", links / "b")
    os.link(links / "a", links / "c")
    os.link(links / "a", top / "elsewhere")
    (links / "large").write_bytes(bytes(range(256)) * 100)
    os.link(links / "large", links / "large-too")
    (links / "lonely").write_bytes(b"alone here")
    os.link(links / "lonely", top / "lonely-too")
    os.symlink("a", links / "symlink")
    os.link(links / "symlink", links / "symlink-too", follow_symlinks=False)
    os.symlink("/cvmfs/$(NAME:-x)/\udcff", top / "variant")
    os.symlink("x" * 4000, top / "long")
    os.symlink("links", top / "to-directory")


def _fill_names(top: Path) -> None:
    names = top / "names"
    names.mkdir()
    odd = [b"a b", b"new\nline", b"\xff\xfe", b"-rf", b"n" * 255, "ü".encode()]
    for name in odd:
        (names / os.fsdecode(name)).write_bytes(name)
    deep = top
    for _ in range(40):
        deep /= "deep"
        deep.mkdir()
    (deep / "bottom").write_bytes(b"here")


def _fill_nested(top: Path, noise: random.Random) -> None:
    nested = top / "nested" / os.fsdecode(b"od\xffd")
    (nested / "inner" / "innermost").mkdir(parents=True)
    (nested / "empty").mkdir()
    (nested / "plain").mkdir()
    for place in ("", "inner", "inner/innermost", "empty"):
        (nested / place / ".cvmfscatalog").touch()
    (nested / "plain" / "file").write_bytes(b"in the nested catalog")
    (nested / "inner" / "large").write_bytes(noise.randbytes(30000))
    (nested / "inner" / "twin1").write_bytes(b"twin")
    os.link(nested / "inner" / "twin1", nested / "inner" / "twin2")
    (top / "nested-not").mkdir()
    (top / "nested" / "z").touch()


def _fill_special(top: Path) -> None:
    special = top / "special"
    special.mkdir()
    os.mkfifo(special / "fifo", 0o640)
    if os.geteuid() == 0:
        for name, kind in (("chr", 0o020600), ("blk", 0o060600)):
            try:
                os.mknod(special / name, kind, os.makedev(259, 70000))
            except PermissionError:
                return
        os.chown(special / "fifo", 1234, 4_000_000_000)


def _fill_attributes(top: Path) -> None:
    modes = top / "modes"
    modes.mkdir()
    for mode in (0o4755, 0o2711, 0o600, 0o444):
        (modes / f"{mode:o}").touch()
        (modes / f"{mode:o}").chmod(mode)
    (modes / "sticky").mkdir()
    (modes / "sticky").chmod(0o1777)


def has_xattrs(path: Path) -> bool:
    """Whether the file system of the test keeps user.* attributes."""
    try:
        os.setxattr(path, "user.probe", b"")
        os.removexattr(path, "user.probe")
    except OSError:
        return False
    return True
