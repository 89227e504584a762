# SPDX-License-Identifier: GPL-2.0-or-later
"""What every cache promises, be it private, alien or alien and read-only."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from interpose.cache import AlienCache, CacheDirectory, PrivateCache, Receiver
from interpose.cache.layout import temporary_name
from interpose.errors import CacheError, CacheFull, CacheReadOnly
from interpose.formats.hashes import Algorithm, hash_bytes
from tests.unit.cache.conftest import files_below, hash_of

CONTENT = b"content of an object\n" * 1000
NAME = hash_of(CONTENT)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


class CacheContract:
    """For all caches; `make` gives one that is not there yet."""

    def make(self, top: Path) -> CacheDirectory:
        raise NotImplementedError

    @pytest.fixture
    def cache(self, tmp_path: Path) -> CacheDirectory:
        return self.make(tmp_path / "a" / "cache")

    def test_looking_into_a_cache_makes_nothing(self, cache: CacheDirectory) -> None:
        assert cache.find(NAME) is None
        assert cache.identity(cache.path(NAME)) is None
        assert cache.breadcrumb("a.example.org") is None
        assert not cache.top.parent.exists()

    def test_path_is_the_official_one(self, cache: CacheDirectory) -> None:
        assert cache.path(NAME) == cache.top / NAME.text[:2] / NAME.text[2:]
        shake = hash_bytes(Algorithm.SHAKE128, b"x")
        assert cache.path(shake).name == shake.text[2:]
        assert cache.path(shake).name.endswith("-shake128")

    def test_object_that_is_there_is_found(self, cache: CacheDirectory) -> None:
        path = cache.path(NAME)
        path.parent.mkdir(parents=True)
        path.write_bytes(CONTENT)
        assert cache.find(NAME) == path
        assert cache.find(NAME, len(CONTENT)) == path
        assert cache.find(NAME, len(CONTENT) + 1) is None

    @pytest.mark.parametrize("odd", ["symlink", "directory", "fifo"])
    def test_object_that_is_no_regular_file_is_not_found(
        self, cache: CacheDirectory, odd: str
    ) -> None:
        path = cache.path(NAME)
        path.parent.mkdir(parents=True)
        if odd == "symlink":
            path.symlink_to("/etc/passwd")
        elif odd == "directory":
            path.mkdir()
        else:
            os.mkfifo(path)
        assert cache.find(NAME) is None

    def test_foreign_file_is_not_vouched_for(self, cache: CacheDirectory) -> None:
        path = cache.path(NAME)
        path.parent.mkdir(parents=True)
        path.write_bytes(CONTENT)
        path.chmod(0o600)
        assert not cache.vouches_for(path)
        found = cache.look(path)
        assert found is not None
        with found:
            assert not found.is_executable()


class WritableContract(CacheContract):
    """For caches that can be written."""

    def test_object_appears_when_committed(self, cache: CacheDirectory) -> None:
        receiver = cache.receive()
        receiver.write(CONTENT[:100])
        receiver.write(CONTENT[100:])
        assert cache.find(NAME) is None
        path = receiver.commit(NAME)
        assert path == cache.find(NAME, len(CONTENT))
        assert path.read_bytes() == CONTENT
        assert files_below(cache.top) == [os.fspath(path.relative_to(cache.top))]

    def test_modes_are_the_official_ones_and_objects_executable(
        self, cache: CacheDirectory
    ) -> None:
        old = os.umask(0o077)
        try:
            receiver = cache.receive()
            receiver.write(CONTENT)
            path = receiver.commit(NAME)
        finally:
            os.umask(old)
        assert mode_of(path) == 0o555
        # What others may do is up to the umask.
        assert mode_of(path.parent) == mode_of(cache.top / "txn") == 0o700
        assert mode_of(cache.top) == 0o700
        found = cache.look(path)
        assert found is not None
        with found:
            assert found.is_executable()

    def test_committed_object_can_be_executed_at_once(
        self, cache: CacheDirectory
    ) -> None:
        receiver = cache.receive()
        receiver.write(Path("/bin/true").read_bytes())
        path = receiver.commit(NAME)
        assert os.spawnv(os.P_WAIT, path, ["true"]) == 0

    def test_aborted_object_leaves_nothing(self, cache: CacheDirectory) -> None:
        with cache.receive() as receiver:
            receiver.write(CONTENT)
        receiver.abort()
        assert files_below(cache.top) == []

    def test_equal_object_keeps_its_inode(self, cache: CacheDirectory) -> None:
        inodes = []
        for _ in range(2):
            receiver = cache.receive()
            receiver.write(CONTENT)
            inodes.append(receiver.commit(NAME).stat().st_ino)
        assert inodes[0] == inodes[1]
        assert len(files_below(cache.top)) == 1

    @pytest.mark.parametrize(
        ("bad", "mode"),
        [(CONTENT[:-1], 0o555), (b"", 0o555), (CONTENT[::-1], 0o555), (CONTENT, 0o600)],
    )
    def test_damaged_or_unusable_object_is_replaced(
        self, cache: CacheDirectory, bad: bytes, mode: int
    ) -> None:
        path = cache.path(NAME)
        path.parent.mkdir(parents=True)
        path.write_bytes(bad)
        path.chmod(mode)
        receiver = cache.receive()
        receiver.write(CONTENT)
        assert receiver.commit(NAME).read_bytes() == CONTENT
        assert mode_of(path) == 0o555
        assert len(files_below(cache.top)) == 1

    def test_symlink_under_the_name_is_replaced_not_followed(
        self, cache: CacheDirectory, tmp_path: Path
    ) -> None:
        victim = tmp_path / "victim"
        victim.write_bytes(CONTENT)
        path = cache.path(NAME)
        path.parent.mkdir(parents=True)
        path.symlink_to(victim)
        receiver = cache.receive()
        receiver.write(CONTENT)
        receiver.commit(NAME)
        assert path.is_file()
        assert not path.is_symlink()

    def test_directories_that_vanish_are_made_again(
        self, cache: CacheDirectory
    ) -> None:
        cache.receive().abort()
        (cache.top / "txn").rmdir()
        receiver = cache.receive()
        receiver.write(CONTENT)
        assert receiver.commit(NAME).read_bytes() == CONTENT

    def test_temporary_file_that_vanished_is_an_error_and_no_object(
        self, cache: CacheDirectory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Receiver, "nameless", False)
        receiver = cache.receive()
        receiver.write(CONTENT)
        (only,) = (cache.top / "txn").iterdir()
        only.unlink()
        with pytest.raises(CacheError):
            receiver.commit(NAME)
        assert files_below(cache.top) == []

    def test_a_file_has_no_name_before_it_is_whole(self, cache: CacheDirectory) -> None:
        receiver = cache.receive()
        receiver.write(CONTENT)
        assert files_below(cache.top) == []
        receiver.commit(NAME)

    def test_where_every_file_needs_a_name_it_has_one_in_txn(
        self, cache: CacheDirectory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Receiver, "nameless", False)
        receiver = cache.receive()
        receiver.write(CONTENT)
        assert len(files_below(cache.top / "txn")) == 1
        path = receiver.commit(NAME)
        assert files_below(cache.top) == [os.fspath(path.relative_to(cache.top))]
        cache.receive().abort()
        assert files_below(cache.top / "txn") == []

    def test_without_hard_links_the_object_is_copied_and_renamed(
        self, cache: CacheDirectory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object, **how: object) -> None:
            raise OSError(95, "Operation not supported")

        monkeypatch.setattr("os.link", refuse)
        receiver = cache.receive()
        receiver.write(CONTENT)
        assert receiver.commit(NAME).read_bytes() == CONTENT
        assert len(files_below(cache.top)) == 1

    def test_full_disk_is_told_and_leaves_nothing(self, cache: CacheDirectory) -> None:
        receiver = cache.receive()
        # /dev/full is the kernel's own full disk.
        os.dup2(os.open("/dev/full", os.O_RDWR), receiver.fileno())
        with pytest.raises(CacheFull):
            receiver.write(CONTENT)
        assert files_below(cache.top) == []

    def test_stale_temporary_files_of_ours_are_removed(
        self, cache: CacheDirectory
    ) -> None:
        cache.receive().abort()
        txn = cache.top / "txn"
        old, young = txn / temporary_name(), txn / temporary_name()
        foreign = txn / "fetchABCDEF"
        for path in (old, young, foreign):
            path.write_bytes(b"x")
        for path in (old, foreign):
            os.utime(path, (1, 1))
        again = self.make(cache.top)
        again.receive().abort()
        assert files_below(txn) == sorted([young.name, foreign.name])

    def test_breadcrumb_is_written_whole_and_read_back(
        self, cache: CacheDirectory
    ) -> None:
        for data in (b"first", b"second"):
            cache.store_breadcrumb("a.example.org", data)
        assert cache.breadcrumb("a.example.org") == b"second"
        path = cache.top / "cvmfschecksum.a.example.org"
        assert mode_of(path) == cache.breadcrumb_mode

    def test_name_that_leads_elsewhere_is_refused(self, cache: CacheDirectory) -> None:
        for name in ("../x", "", ".", "a/b", "a\0b"):
            with pytest.raises(ValueError, match="plain name"):
                cache.store_breadcrumb(name, b"")

    def test_file_in_the_way_is_an_error(self, cache: CacheDirectory) -> None:
        cache.top.parent.mkdir(parents=True)
        cache.top.write_bytes(b"")
        with pytest.raises(CacheError, match="not a directory"):
            cache.receive()

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_directory_without_write_permission_is_read_only(
        self, cache: CacheDirectory
    ) -> None:
        cache.top.mkdir(parents=True, mode=0o500)
        with pytest.raises(CacheReadOnly):
            cache.receive()


class TestPrivateCache(WritableContract):
    def make(self, top: Path) -> CacheDirectory:
        return PrivateCache(top)

    def test_own_object_is_vouched_for(self, cache: CacheDirectory) -> None:
        receiver = cache.receive()
        receiver.write(CONTENT)
        path = receiver.commit(NAME)
        assert cache.vouches_for(path)
        path.parent.chmod(0o770)
        assert not cache.vouches_for(path)

    def test_directories_are_for_the_user_alone(self, cache: CacheDirectory) -> None:
        cache.receive().abort()
        assert mode_of(cache.top / "txn") == mode_of(cache.top) == 0o700

    def test_assembled_files_have_a_place_of_their_own(self, tmp_path: Path) -> None:
        cache = PrivateCache(tmp_path / "c")
        receiver = cache.receive()
        receiver.write(CONTENT)
        path = receiver.commit_as(cache.assembled(NAME))
        assert path.read_bytes() == CONTENT
        assert path != cache.path(NAME)
        assert cache.vouches_for(path)


class TestAlienCache(WritableContract):
    def make(self, top: Path) -> CacheDirectory:
        return AlienCache(top)

    def test_own_object_is_not_vouched_for_either(self, cache: CacheDirectory) -> None:
        receiver = cache.receive()
        receiver.write(CONTENT)
        assert not cache.vouches_for(receiver.commit(NAME))

    @pytest.mark.parametrize(
        ("top_mode", "expected"),
        [(0o755, 0o755), (0o770, 0o770), (0o777, 0o777), (0o1777, 0o1777)],
    )
    def test_directories_are_for_those_for_whom_the_top_is(
        self, cache: CacheDirectory, top_mode: int, expected: int
    ) -> None:
        cache.top.mkdir(parents=True)
        cache.top.chmod(top_mode)
        receiver = cache.receive()
        receiver.write(CONTENT)
        path = receiver.commit(NAME)
        assert mode_of(path.parent) == mode_of(cache.top / "txn") == expected
        assert mode_of(cache.top) == top_mode

    def test_setgid_of_the_top_is_handed_down(self, cache: CacheDirectory) -> None:
        cache.top.mkdir(parents=True)
        cache.top.chmod(0o2770)
        receiver = cache.receive()
        receiver.write(CONTENT)
        assert mode_of(receiver.commit(NAME).parent) == 0o2770

    def test_object_is_flushed_before_it_is_published(
        self, cache: CacheDirectory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        flushed = []
        real = os.fsync

        def note(descriptor: int) -> None:
            flushed.append(cache.find(NAME))
            real(descriptor)

        monkeypatch.setattr("os.fsync", note)
        receiver = cache.receive()
        receiver.write(CONTENT)
        receiver.commit(NAME)
        assert flushed == [None]


class TestReadOnlyAlienCache(CacheContract):
    def make(self, top: Path) -> CacheDirectory:
        return AlienCache(top, writable=False)

    def test_nothing_can_be_stored(self, cache: CacheDirectory) -> None:
        with pytest.raises(CacheReadOnly):
            cache.receive()
        with pytest.raises(CacheReadOnly):
            cache.store_breadcrumb("a.example.org", b"x")
        assert not cache.top.exists()


@pytest.mark.parametrize(
    ("kind", "option"), [(PrivateCache, "--cache"), (AlienCache, "--alien-cache")]
)
def test_a_cache_that_cannot_be_used_names_its_own_option(
    tmp_path: Path, kind: type[CacheDirectory], option: str
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match=rf"see {option}\)"):
        kind(tmp_path / "file").receive()
