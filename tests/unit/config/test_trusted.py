# SPDX-License-Identifier: GPL-2.0-or-later
"""INTERPOSE_TRUSTED_OWNERS: users and numbers, from files, options and environment."""

from __future__ import annotations

import pwd
from pathlib import Path

import pytest

from interpose.config import CacheSettings, Sources, load
from interpose.config.trusted import PARAMETER, TrustedOwners
from interpose.formats.fqrn import Fqrn
from interpose.repository.caches import Caches

FQRN = Fqrn.parse("sft.example.org")
DAEMON = pwd.getpwnam("daemon").pw_uid


@pytest.mark.parametrize(
    ("text", "uids", "unknown"),
    [
        ("", set(), ()),
        ("4001", {4001}, ()),
        ("daemon, 4001:4002 4003;4004", {DAEMON, 4001, 4002, 4003, 4004}, ()),
        ("no-such-user,4001", {4001}, ("no-such-user",)),
        ("99999999999", set(), ("99999999999",)),
        ("-1", set(), ("-1",)),
        ("٣", set(), ("٣",)),
    ],
)
def test_owners_are_names_and_numbers(
    text: str, uids: set[int], unknown: tuple[str, ...]
) -> None:
    found = TrustedOwners.parse(text)
    assert found.uids == uids
    assert found.unknown == unknown
    assert len(found.notices) == len(unknown)


def test_the_environment_wins_over_files_and_all_reach_the_cache(
    tmp_path: Path,
) -> None:
    file = tmp_path / "site.conf"
    file.write_text(f"{PARAMETER}=4001\n")
    alien = ("CVMFS_ALIEN_CACHE", str(tmp_path / "alien"))
    environment = {"HOME": str(tmp_path)}
    sources = Sources(
        tmp_path / "none", environment=environment, extra=(file,), options=(alien,)
    )
    caches = Caches.of(FQRN, load(FQRN, sources), None)
    assert caches.alien is not None
    assert 4001 in caches.alien.owners.uids
    for value, expected in (("4002,nobody-here", {4002}), ("", set())):
        more = {**environment, PARAMETER: value}
        sources = Sources(tmp_path / "none", environment=more, extra=(file,))
        settings = CacheSettings.of(load(FQRN, sources))
        assert settings.trusted.uids == expected
        assert [PARAMETER in line for line in settings.notices] == [True] * bool(value)
