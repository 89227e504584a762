# SPDX-License-Identifier: GPL-2.0-or-later
"""Order of files and layers: docs/parameters.md."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpose.config import Configuration, RepositoryOption, Sources, load
from interpose.errors import ConfigurationError
from interpose.formats.fqrn import Fqrn

FQRN = Fqrn.parse("sft.example.org")


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    return tmp_path / "etc"


def test_without_etc_the_official_defaults_hold(etc: Path) -> None:
    found = load(None, Sources(etc / "missing"))
    assert found.flag("CVMFS_CLAIM_OWNERSHIP")
    assert found.flag("CVMFS_CHECK_PERMISSIONS")
    assert found.number("CVMFS_TIMEOUT_DIRECT") == 10
    assert found.number("CVMFS_QUOTA_LIMIT") == 4000
    assert str(found.origin("CVMFS_SHARED_CACHE")) == "built-in"


def test_a_default_conf_replaces_the_built_in_one(etc: Path) -> None:
    write(etc / "default.conf", "CVMFS_TIMEOUT=7\n")
    found = load(None, Sources(etc))
    assert found.number("CVMFS_TIMEOUT") == 7
    assert found.get("CVMFS_CLAIM_OWNERSHIP") is None
    assert not found.flag("CVMFS_CLAIM_OWNERSHIP")
    assert found.number("CVMFS_TIMEOUT_DIRECT") == 5


OFFICIAL = [
    "default.conf",
    "default.d/10-a.conf",
    "default.d/9-b.conf",
    "default.local",
    "domain.d/example.org.conf",
    "domain.d/example.org.local",
    "config.d/sft.example.org.conf",
    "config.d/sft.example.org.local",
]


@pytest.mark.parametrize("last", range(len(OFFICIAL)))
def test_files_are_read_in_the_official_order(etc: Path, last: int) -> None:
    for name in OFFICIAL[: last + 1]:
        write(etc / name, f"# x\nCVMFS_X={name}\nCVMFS_ALL=$CVMFS_ALL,{name}\n")
    write(etc / "default.d" / "50.local", "CVMFS_X=no\n")
    found = load(FQRN, Sources(etc))
    assert found.get("CVMFS_X") == OFFICIAL[last]
    assert found.get("CVMFS_ALL") == "".join(f",{n}" for n in OFFICIAL[: last + 1])
    assert found.origin("CVMFS_X").file == str(etc / OFFICIAL[last])
    assert found.origin("CVMFS_X").line == 2


def test_without_a_name_only_the_general_files_are_read(etc: Path) -> None:
    for name in OFFICIAL:
        write(etc / name, f"CVMFS_X={name}\n")
    assert load(None, Sources(etc)).get("CVMFS_X") == "default.local"


def test_the_layers_above_win_one_over_the_other(etc: Path, tmp_path: Path) -> None:
    write(etc / "config.d/sft.example.org.local", "CVMFS_X=etc\n")
    user = tmp_path / "user"
    write(user / "default.local", "CVMFS_X=user\n")
    more = write(tmp_path / "more.conf", "CVMFS_X=more\n")
    sources = Sources(etc)
    assert load(FQRN, sources).get("CVMFS_X") == "etc"
    sources = sources._replace(user_dir=user)
    assert load(FQRN, sources).get("CVMFS_X") == "user"
    write(user / "config.d/sft.example.org.conf", "CVMFS_X=mine\n")
    assert load(FQRN, sources).get("CVMFS_X") == "mine"
    sources = sources._replace(extra=(more,))
    assert load(FQRN, sources).get("CVMFS_X") == "more"
    sources = sources._replace(environment={"CVMFS_X": "environment", "X": "1"})
    found = load(FQRN, sources)
    assert found.get("CVMFS_X") == "environment"
    assert found.get("X") is None
    sources = sources._replace(options=(("CVMFS_X", "option"),))
    assert str(load(FQRN, sources).origin("CVMFS_X")) == "-o"


def test_a_repository_option_wins_for_its_repository_only(etc: Path) -> None:
    option = RepositoryOption.parse("sft.example.org@v1=http://h/@fqrn@,pubkey=/k.pub")
    options = (("CVMFS_SERVER_URL", "http://o"), ("CVMFS_ROOT_HASH", "a" * 40))
    sources = Sources(etc, options=options, repositories=(option,))
    found = load(FQRN, sources)
    assert found.get("CVMFS_SERVER_URL") == "http://h/sft.example.org"
    assert found.get("CVMFS_PUBLIC_KEY") == "/k.pub"
    assert found.get("CVMFS_REPOSITORY_TAG") == "v1"
    assert found.get("CVMFS_ROOT_HASH") == ""
    other = load(Fqrn.parse("other.example.org"), sources)
    assert other.get("CVMFS_SERVER_URL") == "http://o"


def test_a_directory_is_laid_out_like_etc(etc: Path, tmp_path: Path) -> None:
    write(etc / "default.conf", "CVMFS_KEYS_DIR=/etc/cvmfs/keys\nCVMFS_X=etc\n")
    own = tmp_path / "own"
    for name in OFFICIAL:
        write(own / name, f"CVMFS_X={name}\n")
    (own / "keys").mkdir()
    found = load(FQRN, Sources(etc, extra=(own,)))
    assert found.get("CVMFS_X") == OFFICIAL[-1]
    assert found.get("CVMFS_KEYS_DIR") == str(own / "keys")


def test_keys_of_a_directory_do_not_replace_chosen_ones(
    etc: Path, tmp_path: Path
) -> None:
    write(etc / "domain.d/example.org.conf", "CVMFS_KEYS_DIR=/etc/cvmfs/keys/example\n")
    (tmp_path / "own" / "keys").mkdir(parents=True)
    found = load(FQRN, Sources(etc, extra=(tmp_path / "own",)))
    assert found.get("CVMFS_KEYS_DIR") == "/etc/cvmfs/keys/example"


def test_a_missing_file_of_the_user_is_an_error(etc: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(FQRN, Sources(etc, extra=(tmp_path / "none.conf",)))
    assert "none.conf" in str(caught.value)


def test_templates_are_filled_in_and_exported_that_way(etc: Path) -> None:
    write(etc / "default.local", "CVMFS_U=http://@fqrn@/@org@/@other@\n")
    write(etc / "domain.d/example.org.conf", "CVMFS_V=$CVMFS_U\n")
    found = load(FQRN, Sources(etc))
    assert found.get("CVMFS_V") == "http://sft.example.org/sft/@other@"
    assert load(None, Sources(etc)).get("CVMFS_U") == "http://@fqrn@/@org@/@other@"


def test_files_know_the_name_that_is_configured(etc: Path) -> None:
    write(etc / "default.local", "CVMFS_X=for-$CVMFS_FQRN\n")
    assert load(FQRN, Sources(etc)).get("CVMFS_X") == "for-sft.example.org"
    assert load(None, Sources(etc)).get("CVMFS_X") == "for-"


def test_the_environment_acts_inside_of_files(etc: Path) -> None:
    write(etc / "default.local", "CVMFS_X=${SITE:-none}\n")
    assert load(FQRN, Sources(etc)).get("CVMFS_X") == "none"
    found = load(FQRN, Sources(etc, environment={"SITE": "here"}))
    assert found.get("CVMFS_X") == "here"


REPOSITORY = """\
CVMFS_CONFIG_REPO_DEFAULT_ENV=1
CVMFS_CONFIG_REPOSITORY=evil.example.org
CVMFS_X=first
"""


@pytest.fixture
def config_repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    write(root / "default.conf", REPOSITORY)
    write(root / "default.local", "CVMFS_X=never\n")
    write(root / "common.conf", '[ -z "$CVMFS_HTTP_PROXY" ] && CVMFS_HTTP_PROXY=auto\n')
    write(
        root / "domain.d/example.org.conf",
        "CVMFS_HTTP_PROXY=$CVMFS_HTTP_PROXY\n. ../common.conf\nCVMFS_X=domain\n"
        "CVMFS_KEYS_DIR=$CVMFS_MOUNT_DIR/$CVMFS_CONFIG_REPOSITORY/etc/cvmfs/keys/e\n",
    )
    return root


def test_the_configuration_repository_is_read_in_its_place(
    etc: Path, config_repository: Path
) -> None:
    write(etc / "default.d/50.conf", "CVMFS_CONFIG_REPOSITORY=config.example.org\n")
    write(
        etc / "domain.d/example.org.conf",
        'if [ "$CVMFS_CONFIG_REPO_DEFAULT_ENV" = "" ]; then\nCVMFS_X=plain\nfi\n',
    )
    asked: list[str] = []

    def give(name: str) -> Path:
        asked.append(name)
        return config_repository

    found = load(FQRN, Sources(etc, config_repository=give))
    assert asked == ["config.example.org"]
    assert found.get("CVMFS_X") == "domain"
    assert found.get("CVMFS_HTTP_PROXY") == "auto"
    assert found.get("CVMFS_CONFIG_REPOSITORY") == "config.example.org"
    assert any("cannot be changed" in notice for notice in found.notices)
    (config_repository / "keys" / "e").mkdir(parents=True)
    keys = found.path(found.text("CVMFS_KEYS_DIR"))
    assert keys == config_repository / "keys" / "e"


def test_the_configuration_repository_does_not_configure_itself(etc: Path) -> None:
    write(etc / "default.d/50.conf", f"CVMFS_CONFIG_REPOSITORY={FQRN}\n")
    load(FQRN, Sources(etc, config_repository=lambda _: pytest.fail("asked")))


def test_a_user_names_the_configuration_repository(
    etc: Path, config_repository: Path
) -> None:
    options = (("CVMFS_CONFIG_REPOSITORY", "config.example.org"),)
    sources = Sources(
        etc, options=options, config_repository=lambda _: config_repository
    )
    assert load(FQRN, sources).get("CVMFS_X") == "domain"


def test_a_missing_configuration_repository_is_a_notice_unless_required(
    etc: Path,
) -> None:
    write(etc / "default.d/50.conf", "CVMFS_CONFIG_REPOSITORY=config.example.org\n")
    sources = Sources(etc, config_repository=lambda _: None)
    assert "config.example.org" in load(FQRN, sources).notices[0]
    write(etc / "default.d/60.conf", "CVMFS_CONFIG_REPO_REQUIRED=yes\n")
    with pytest.raises(ConfigurationError):
        load(FQRN, sources)


def test_files_of_a_configuration_repository_reach_no_shell(
    etc: Path,
    config_repository: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    write(etc / "default.d/50.conf", "CVMFS_CONFIG_REPOSITORY=config.example.org\n")
    mark = tmp_path / "mark"
    write(config_repository / "default.conf", f"CVMFS_X=$(touch {mark})\n")
    found = load(FQRN, Sources(etc, config_repository=lambda _: config_repository))
    assert "the command `touch` is not understood" in found.notices[0]
    assert not mark.exists()


def test_a_file_that_may_not_be_read_in_etc_is_a_notice(etc: Path) -> None:
    (etc / "default.local").mkdir()
    assert "default.local" in load(FQRN, Sources(etc)).notices[0]


def of(**values: str) -> Configuration:
    return load(None, Sources(Path("/nonexistent"), options=tuple(values.items())))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("5", 5), (" 7x", 7), ("-1", -1), ("x", 0), ("", 5), ("0x10", 0), ("4.9", 4)],
)
def test_numbers_are_read_as_sscanf_reads_them(text: str, expected: int) -> None:
    assert of(CVMFS_TIMEOUT=text).number("CVMFS_TIMEOUT") == expected


@given(st.text())
def test_any_text_is_some_number_and_some_switch(text: str) -> None:
    found = of(CVMFS_TIMEOUT=text, CVMFS_SUID=text)
    found.number("CVMFS_TIMEOUT")
    found.flag("CVMFS_SUID")


@pytest.mark.parametrize(
    ("text", "ownership", "update"),
    [
        ("yes", True, True),
        ("ON", True, True),
        ("1", True, True),
        ("True", True, True),
        ("no", False, False),
        ("oFF", False, False),
        ("0", False, False),
        ("maybe", False, True),
        ("", False, True),
    ],
)
def test_a_switch_that_is_neither_keeps_the_default_of_the_code(
    text: str, ownership: bool, update: bool
) -> None:
    found = of(CVMFS_CLAIM_OWNERSHIP=text, CVMFS_AUTO_UPDATE=text)
    assert found.flag("CVMFS_CLAIM_OWNERSHIP") is ownership
    assert found.flag("CVMFS_AUTO_UPDATE") is update


def test_unknown_parameters_are_kept() -> None:
    assert dict(of(CVMFS_NEVER_HEARD="1").items())["CVMFS_NEVER_HEARD"] == "1"
