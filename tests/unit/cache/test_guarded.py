# SPDX-License-Identifier: GPL-2.0-or-later
"""Who can change what is in a directory, or what its path means."""

from __future__ import annotations

import errno
import os
import resource
import struct
from pathlib import Path

import pytest

from interpose.cache import AlienCache, keptdirs
from interpose.cache.guarded import Owners, opened
from tests.unit.cache.conftest import hash_of
from tests.unit.cache.hooked import HookedWalk

STRANGER, FRIEND = 4001, 4003
CONTENT = b"content of an object\n"
NAME = hash_of(CONTENT)
NEED_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can chown")


@pytest.fixture
def guarded(tmp_path: Path) -> Path:
    """A directory below which only we write, whatever is above it."""
    with opened(tmp_path, Owners.with_us()) as directory:
        if not directory.is_guarded:
            pytest.skip(f"others can write above {tmp_path}")
    return tmp_path


def is_guarded(path: Path, *trusted: int) -> bool:
    with opened(path, Owners.with_us(trusted)) as directory:
        return directory.is_guarded


def access_list(*entries: tuple[int, int, int]) -> bytes:
    """A POSIX access control list as the kernel keeps it: tag, permissions, id."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries)


def give(path: Path, *users: tuple[int, int]) -> None:
    """Let users do more, by a list whose mask lets them."""
    nobody = (1 << 32) - 1
    entries = [(1, 7, nobody), *((2, bits, uid) for uid, bits in users)]
    entries += [(4, 5, nobody), (16, 7, nobody), (32, 5, nobody)]
    try:
        os.setxattr(path, "system.posix_acl_access", access_list(*entries))
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            pytest.skip("no access control lists here")
        raise


def put(path: Path, mode: int = 0o555) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o755)
    path.write_bytes(CONTENT)
    path.chmod(mode)


def object_is_guarded(cache: AlienCache) -> bool:
    found = cache.look(cache.path(NAME))
    assert found is not None
    with found:
        return found.is_guarded


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o555, 0o2755])
def test_what_only_we_write_is_guarded(guarded: Path, mode: int) -> None:
    place = guarded / "place"
    place.mkdir()
    place.chmod(mode)
    assert is_guarded(place)


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777, 0o1777, 0o770])
def test_where_others_write_nothing_is(guarded: Path, mode: int) -> None:
    place = guarded / "place"
    (place / "below").mkdir(parents=True)
    place.chmod(mode)
    assert not is_guarded(place)
    # What we made below is ours where nobody can move it away.
    assert is_guarded(place / "below") == bool(mode & 0o1000)


@NEED_ROOT
def test_what_a_stranger_owns_is_not_and_what_a_named_owner_does_is(
    guarded: Path,
) -> None:
    place = guarded / "place"
    (place / "below").mkdir(parents=True)
    os.chown(place, STRANGER, -1)
    assert not is_guarded(place)
    assert not is_guarded(place / "below")
    assert is_guarded(place / "below", STRANGER)
    assert not is_guarded(place, FRIEND)


@pytest.mark.parametrize(
    ("users", "expected"),
    [
        (((STRANGER, 7),), False),
        (((STRANGER, 5),), True),
        (((FRIEND, 7),), True),
        (((FRIEND, 7), (STRANGER, 2)), False),
    ],
)
def test_access_control_lists_count_as_the_kernel_counts_them(
    guarded: Path, users: tuple[tuple[int, int], ...], expected: bool
) -> None:
    place = guarded / "place"
    place.mkdir(mode=0o755)
    give(place, *users)
    assert is_guarded(place, FRIEND) is expected
    cache = AlienCache(guarded / "cache", trusted=[FRIEND])
    put(cache.path(NAME))
    give(cache.path(NAME), *users)
    assert object_is_guarded(cache) is expected


def nfs_list(*entries: tuple[int, int, int, bytes]) -> bytes:
    """An NFSv4 list as its client shows it: type, flags, permissions, name."""
    data = struct.pack(">I", len(entries))
    for kind, flags, permissions, name in entries:
        data += struct.pack(">IIII", kind, flags, permissions, len(name))
        data += name + b"\0" * (-len(name) % 4)
    return data


READ, WRITE, APPEND, CHANGE_LIST = 0x1200A9, 0x2, 0x4, 0x40000
OURS = (0, 0, 0x1601BF, b"OWNER@")
OF_THE_MODE = nfs_list(OURS, (0, 0, READ, b"GROUP@"), (0, 0, READ, b"EVERYONE@"))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("system.nfs4_acl", OF_THE_MODE, True),
        ("system.nfs4_acl", nfs_list(OURS, (0, 0, WRITE, b"bob@example.org")), False),
        ("system.nfs4_acl", nfs_list((0, 0x40, APPEND, b"staff@x"), OURS), False),
        ("system.nfs4_acl", nfs_list(OURS, (0, 0, CHANGE_LIST, b"EVERYONE@")), False),
        ("system.nfs4_acl", nfs_list(OURS, (1, 0, WRITE, b"EVERYONE@")), True),
        ("system.nfs4_acl", nfs_list(OURS, (0, 0xB, WRITE, b"bob@x")), True),
        ("system.nfs4_acl", OF_THE_MODE[:-6], False),
        ("system.nfs4_acl", b"\xff" * 40, False),
        ("system.nfs4_acl", b"", False),
        ("system.nfs4_acl", errno.ETIMEDOUT, False),
        ("system.richacl", b"", False),
        ("system.cifs_acl", b"anything", False),
    ],
)
def test_lists_of_file_servers_count_and_what_is_not_understood_guards_nothing(
    guarded: Path, walk: HookedWalk, name: str, value: bytes | int, expected: bool
) -> None:
    """The file system here has none, so the system call is answered."""
    cache = AlienCache(guarded / "cache")
    put(cache.path(NAME))
    assert object_is_guarded(cache)
    walk.give_list(cache.path(NAME), name, value)
    assert object_is_guarded(cache) is expected


@pytest.mark.parametrize("where", ["top", "subdirectory", "file"])
def test_an_object_is_guarded_if_the_whole_way_to_it_is(
    guarded: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    # For so long what an owner changes need not be seen.
    monkeypatch.setattr(keptdirs, "FOR_S", 0.0)
    cache = AlienCache(guarded / "cache")
    path = cache.path(NAME)
    put(path)
    assert object_is_guarded(cache)
    place = {"top": cache.top, "subdirectory": path.parent, "file": path}[where]
    place.chmod(0o1777)
    assert not object_is_guarded(cache)


@NEED_ROOT
@pytest.mark.parametrize("where", ["top", "subdirectory", "file"])
def test_an_object_in_which_a_stranger_has_a_part_is_not(
    guarded: Path, where: str
) -> None:
    cache = AlienCache(guarded / "cache")
    path = cache.path(NAME)
    put(path)
    place = {"top": cache.top, "subdirectory": path.parent, "file": path}[where]
    os.chown(place, STRANGER, -1)
    assert not object_is_guarded(cache)
    assert object_is_guarded(AlienCache(cache.top, trusted=[STRANGER]))


def test_links_to_a_cache_are_followed_and_links_in_it_are_not(guarded: Path) -> None:
    cache = AlienCache(guarded / "cache")
    path = cache.path(NAME)
    put(path)
    (guarded / "link").symlink_to("cache")
    (guarded / "far").symlink_to(guarded / "." / "link" / ".." / "link")
    assert object_is_guarded(AlienCache(guarded / "far"))
    moved = cache.top / "moved"
    path.parent.rename(moved)
    path.parent.symlink_to(moved)
    assert cache.find(NAME) is None
    assert cache.look(path) is None


def test_a_link_in_a_circle_is_an_error(guarded: Path) -> None:
    (guarded / "one").symlink_to("two")
    (guarded / "two").symlink_to("one")
    with (
        pytest.raises(OSError, match="Too many levels"),
        opened(guarded / "one", Owners.with_us()),
    ):
        pass


@NEED_ROOT
def test_a_link_of_a_stranger_leads_nowhere(guarded: Path) -> None:
    shared, ours = guarded / "shared", guarded / "ours"
    for place in (shared, ours):
        place.mkdir()
    shared.chmod(0o1777)
    link = shared / "cache"
    link.symlink_to(ours)
    os.chown(link, STRANGER, -1, follow_symlinks=False)
    cache = AlienCache(link)
    assert cache.find(NAME) is None
    with pytest.raises(Exception, match="cannot be written"):
        cache.receive()
    assert list(ours.iterdir()) == []
    # Where only we could have put it there, it means what it says.
    shared.chmod(0o755)
    cache.receive().abort()
    assert list(ours.iterdir())


def test_directories_are_kept_as_far_as_descriptors_suffice(
    guarded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 64))
    cache = AlienCache(guarded / "cache")
    cache.receive().abort()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(2):
        for number in range(256):
            with cache.above(cache.top / f"{number:02x}/object") as directory:
                assert directory.is_guarded
    assert len(os.listdir("/proc/self/fd")) <= before + 64 // 4
    # Another repository's view of the same cache has no others.
    again = AlienCache(guarded / "cache")
    with again.above(cache.top / "ff/object"):
        assert len(os.listdir("/proc/self/fd")) <= before + 64 // 4
