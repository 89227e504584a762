# SPDX-License-Identifier: GPL-2.0-or-later
"""Which names a configuration knows."""

from __future__ import annotations

from pathlib import Path

from interpose.config import (
    RepositoryOption,
    Sources,
    is_covered,
    known_repositories,
)
from interpose.formats.fqrn import Fqrn


def test_names_come_from_everywhere(tmp_path: Path) -> None:
    for place in ("etc", "user", "own"):
        (tmp_path / place / "config.d").mkdir(parents=True)
        (tmp_path / place / "config.d" / f"{place}.example.org.conf").touch()
    (tmp_path / "own" / "config.d" / "README").touch()
    (tmp_path / "etc" / "default.local").write_text(
        'CVMFS_REPOSITORIES="short, full.example.org"\n'
        "CVMFS_DEFAULT_DOMAIN=example.org\n"
    )
    sources = Sources(
        tmp_path / "etc",
        tmp_path / "user",
        (tmp_path / "own",),
        {"GLIDEIN_CVMFS_REPOS": "g.org:g.org:", "PARROT_CVMFS_REPO": "p.org *.q.org"},
        repositories=(RepositoryOption.parse("r.example.org"),),
    )
    assert known_repositories(sources) == [
        "etc.example.org",
        "full.example.org",
        "g.org",
        "own.example.org",
        "p.org",
        "r.example.org",
        "short.example.org",
        "user.example.org",
    ]


def test_a_name_is_covered_by_servers_of_its_domain(tmp_path: Path) -> None:
    (tmp_path / "domain.d").mkdir()
    (tmp_path / "domain.d" / "example.org.conf").write_text(
        "CVMFS_SERVER_URL=http://h/cvmfs/@fqrn@\n"
    )
    sources = Sources(tmp_path)
    assert is_covered(Fqrn.parse("any.example.org"), sources)
    assert not is_covered(Fqrn.parse("any.other.org"), sources)
    assert known_repositories(sources) == []


def test_with_strict_mount_only_listed_names_are_covered(tmp_path: Path) -> None:
    (tmp_path / "default.local").write_text(
        "CVMFS_SERVER_URL=http://h/@fqrn@\nCVMFS_STRICT_MOUNT=yes\n"
        "CVMFS_REPOSITORIES=a.example.org\n"
    )
    (tmp_path / "default.d").mkdir()
    (tmp_path / "default.d" / "50.conf").write_text(
        "CVMFS_CONFIG_REPOSITORY=c.example.org\n"
    )
    sources = Sources(tmp_path, repositories=(RepositoryOption.parse("r.example.org"),))
    covered = [is_covered(Fqrn.parse(f"{n}.example.org"), sources) for n in "acrx"]
    assert covered == [True, True, True, False]
