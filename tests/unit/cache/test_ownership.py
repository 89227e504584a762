# SPDX-License-Identifier: GPL-2.0-or-later
"""What others could have written is not believed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from interpose import owned
from interpose.cache import PrivateCache, State, TrustRecord
from interpose.errors import UnknownKey
from interpose.formats.fqrn import Fqrn
from interpose.repository.keys import Keys

RECORD = TrustRecord(b"manifest", b"whitelist", b"certificate", 5.0)
FQRN = "a.example.org"
root_only = pytest.mark.skipif(
    os.geteuid() != 0, reason="needs root to give files away"
)


@pytest.fixture
def top(tmp_path: Path) -> Iterator[Path]:
    """A private cache in a home, made under a umask that lets the group write."""
    before = os.umask(0o002)
    cache = PrivateCache(tmp_path / "home" / "cache")
    State(cache).repository(FQRN).store_trust(RECORD)
    yield cache.top
    os.umask(before)


def believed(top: Path) -> bool:
    return State(PrivateCache(top)).repository(FQRN).trust() is not None


def test_a_new_cache_is_the_users_alone_whatever_the_umask(top: Path) -> None:
    modes = [oct(path.stat().st_mode & 0o7777) for path in (top, *top.iterdir())]
    assert set(modes) == {"0o700"}
    assert not top.parent.stat().st_mode & 0o022
    assert believed(top)
    assert owned.not_ours(top) is None


def opened(*names: str, mode: int = 0o770) -> Callable[[Path], None]:
    return lambda top: top.joinpath(*names).chmod(mode)


def given(*names: str) -> Callable[[Path], None]:
    return lambda top: os.chown(top.joinpath(*names), 4001, -1)


def by_access_list(top: Path) -> None:
    if shutil.which("setfacl") is None:
        pytest.skip("setfacl is not installed")
    command = ["setfacl", "-m", "u:4001:rwx", top / "interpose"]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("this file system has no access lists")


def behind_a_link(top: Path) -> None:
    """The cache itself is sound, but others can make its name lead elsewhere."""
    other = top.with_name("other")
    other.mkdir(mode=0o777)
    other.chmod(0o777)
    top.rename(top.with_name("real"))
    (other / "link").symlink_to(top.with_name("real"))
    top.symlink_to(other / "link")


HARMS = {
    "top for the group": opened(),
    "home": opened("..", mode=0o757),
    "state": opened("interpose"),
    "repository": opened("interpose", FQRN, mode=0o702),
    "record": opened("interpose", FQRN, "trust", mode=0o620),
    "access list": by_access_list,
    "link": behind_a_link,
}
FOREIGN = {
    "top": given(),
    "home": given(".."),
    "state": given("interpose"),
    "record": given("interpose", FQRN, "trust"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_what_others_may_write_is_not_believed(top: Path, harm: str) -> None:
    HARMS[harm](top)
    assert not believed(top)
    found = owned.not_ours(top / "interpose" / FQRN / "trust")
    assert found is not None
    assert found[0] == owned.CAN_BE_WRITTEN


@root_only
@pytest.mark.parametrize("harm", FOREIGN)
def test_what_belongs_to_others_is_not_believed(top: Path, harm: str) -> None:
    FOREIGN[harm](top)
    assert not believed(top)


def test_in_a_sticky_directory_what_is_ours_stays_ours(top: Path) -> None:
    top.parent.chmod(0o1777)
    assert believed(top)
    top.chmod(0o1777)  # ours, but no place of ours alone
    assert owned.not_ours(top) is not None


def test_links_of_our_own_are_followed(top: Path) -> None:
    top.rename(top.with_name("real"))
    top.symlink_to("real")
    assert believed(top)


def test_what_is_not_there_yet_is_nobodys(tmp_path: Path) -> None:
    assert owned.not_ours(tmp_path / "a" / "b") is None
    assert owned.not_ours("relative") is not None


def test_highest_revision_of_others_is_not_believed(top: Path) -> None:
    state = State(PrivateCache(top)).repository(FQRN)
    state.remember_revision(7)
    assert state.highest_revision() == 7
    (top / "interpose" / FQRN / "revisions").chmod(0o777)
    assert state.highest_revision() is None


def test_a_master_key_that_everybody_may_write_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "keys" / "a.pub"
    key.parent.mkdir()
    key.write_bytes(b"key")
    assert Keys.read((key,), "CVMFS_PUBLIC_KEY", Fqrn(FQRN)).pems == (b"key",)
    key.parent.chmod(0o1777)  # names in a sticky directory are their owner's
    assert Keys.read((key,), "CVMFS_PUBLIC_KEY", Fqrn(FQRN)).pems == (b"key",)
    for path, mode in ((key.parent, 0o777), (key, 0o646)):
        path.chmod(mode)
        with pytest.raises(UnknownKey, match="everybody"):
            Keys.read((key,), "CVMFS_PUBLIC_KEY", Fqrn(FQRN))
        path.chmod(0o755)
