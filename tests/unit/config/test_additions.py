# SPDX-License-Identifier: GPL-2.0-or-later
"""What an inner run may add to a configuration, and what stays as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from interpose.config import Addition, Additions, RepositoryOption, Sources
from interpose.errors import ConfigurationError
from interpose.formats.fqrn import Fqrn

HERE, THERE = Fqrn("here.example.org"), Fqrn("there.example.com")
GENERAL = "http://general/@fqrn@"


def option(text: str) -> Addition:
    name, _, value = text.partition("=")
    return Addition(options=((name, value),))


def named(text: str) -> Addition:
    return Addition(repositories=(RepositoryOption.parse(text),))


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    """One repository and one domain; nothing is said of any other."""
    etc = tmp_path / "etc"
    for directory in ("config.d", "domain.d"):
        (etc / directory).mkdir(parents=True)
    (etc / "default.conf").write_text("CVMFS_HTTP_PROXY=DIRECT\nCVMFS_TIMEOUT=7\n")
    (etc / "config.d/here.example.org.conf").write_text(
        "CVMFS_SERVER_URL=http://here/@fqrn@\nCVMFS_PUBLIC_KEY=/here.pub\n"
    )
    (etc / "domain.d/example.net.conf").write_text(
        "CVMFS_SERVER_URL=http://net/@fqrn@\nCVMFS_KEYS_DIR=/net\n"
    )
    return Sources(etc=etc)


def test_nothing_added_changes_nothing(sources: Sources) -> None:
    run = Additions(sources)
    assert run.is_empty
    assert not run.add(named(str(HERE)), [HERE])
    assert run.load(HERE).get("CVMFS_SERVER_URL") == f"http://here/{HERE}"
    assert not run.add(named(str(HERE)), [HERE])


def test_a_name_of_nobody_is_added_in_full(sources: Sources) -> None:
    run = Additions(sources)
    assert not run.is_covered(THERE)
    run.add(named(f"{THERE}@{'a' * 40}=http://x,pubkey=/k"), [HERE])
    found = run.load(THERE)
    assert found.get("CVMFS_SERVER_URL") == "http://x"
    assert found.get("CVMFS_PUBLIC_KEY") == "/k"
    assert found.get("CVMFS_ROOT_HASH") == "a" * 40
    assert run.is_covered(THERE)
    assert run.names() == [HERE, THERE]


@pytest.mark.parametrize(
    "text",
    [
        f"{HERE}=http://other",
        f"{HERE},pubkey=/other",
        f"{HERE}@{'a' * 40}",
        "any.example.net,pubkey=/other",
        "any.example.net=http://other",
    ],
)
def test_what_is_covered_keeps_keys_servers_and_hash(
    sources: Sources, text: str
) -> None:
    run = Additions(sources)
    with pytest.raises(ConfigurationError, match=f"--repository {text}"):
        run.add(named(text), [])
    assert run.is_empty


def test_a_key_is_the_same_in_another_file(sources: Sources, tmp_path: Path) -> None:
    """A batch system has copied it into the job's directory."""
    for name, text in (("node", "key"), ("copy", "key\n"), ("other", "another")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.pub").write_text(text)
    outer = RepositoryOption.parse(f"{THERE}=http://x,pubkey={tmp_path}/node/a.pub")
    run = Additions(sources._replace(repositories=(outer,)))
    for name in ("copy", "node"):
        for opened in ([], [THERE]):
            inner = named(f"{THERE}=http://x,pubkey={tmp_path}/{name}/a.pub")
            assert not run.add(inner, opened)
            assert not run.add(named(f"{THERE},pubkey={tmp_path}/{name}/a.pub"), opened)
    for name in ("other", "none"):
        with pytest.raises(ConfigurationError, match="PUBLIC_KEY is"):
            run.add(named(f"{THERE},pubkey={tmp_path}/{name}/a.pub"), [])
    keys = Addition(options=(("CVMFS_PUBLIC_KEY", f"{tmp_path}/copy/a.pub"),))
    assert run.add(keys, [THERE])
    assert run.load(THERE).get("CVMFS_PUBLIC_KEY") == f"{tmp_path}/node/a.pub"


def test_a_tag_of_what_is_not_open_is_added(sources: Sources) -> None:
    run = Additions(sources)
    run.add(named(f"{HERE}@v1"), [])
    assert run.load(HERE).get("CVMFS_REPOSITORY_TAG") == "v1"
    with pytest.raises(ConfigurationError, match=r"TAG is v2 here.* has v1"):
        run.add(named(f"{HERE}@v2"), [])


def test_a_tag_of_what_is_open_is_refused(sources: Sources) -> None:
    with pytest.raises(ConfigurationError, match=r"TAG is v1 here.* has none"):
        Additions(sources).add(named(f"{HERE}@v1"), [HERE])


def test_values_for_all_are_added_where_nobody_gave_one(sources: Sources) -> None:
    run = Additions(sources)
    with pytest.raises(ConfigurationError, match=r"PROXY is http://p here.*has DIRECT"):
        run.add(option("CVMFS_HTTP_PROXY=http://p"), [])
    run.add(option("CVMFS_MAX_RETRIES=9"), [])
    assert run.load(HERE).get("CVMFS_MAX_RETRIES") == "9"
    with pytest.raises(ConfigurationError, match="BACKOFF_MAX is 9 here"):
        run.add(option("CVMFS_BACKOFF_MAX=9"), [HERE])


def test_a_value_that_is_the_default_contradicts_nothing(sources: Sources) -> None:
    run = Additions(sources)
    run.add(option("CVMFS_MAX_RETRIES=1"), [HERE])
    run.add(option("CVMFS_HTTP_PROXY=DIRECT"), [HERE])


@pytest.mark.parametrize(
    "text",
    [
        "CVMFS_PUBLIC_KEY=/other.pub",
        "CVMFS_KEYS_DIR=/other",
        f"CVMFS_ROOT_HASH={'a' * 40}",
        "CVMFS_BLACKLIST=/none",
        "INTERPOSE_TRUSTED_OWNERS=nobody",
        "CVMFS_WORLD_READABLE=yes",
    ],
)
def test_values_for_all_leave_the_trust_of_what_is_covered(
    sources: Sources, text: str
) -> None:
    run = Additions(sources)
    name, _, value = text.partition("=")
    before = {fqrn: run.load(fqrn) for fqrn in (HERE, Fqrn("any.example.net"))}
    run.add(option(text), [])
    for fqrn, one in before.items():
        found = run.load(fqrn)
        assert dict(found.values) == dict(one.values)
        assert name in found.notices[-1]
    assert run.load(THERE).get(name) == value


def test_files_of_keys_are_those_that_the_run_around_means(
    sources: Sources, tmp_path: Path
) -> None:
    """A directory of an inner run calls itself /etc/cvmfs; only for what is its own."""
    keys = tmp_path / "inner/keys"
    keys.mkdir(parents=True)
    run = Additions(sources)
    run.add(Addition(extra=(tmp_path / "inner",)), [])
    path = run.load(HERE).path("/etc/cvmfs/keys")
    assert path == Path("/etc/cvmfs/keys")
    assert run.load(THERE).get("CVMFS_KEYS_DIR") == str(keys)


def test_an_r_is_more_particular_than_a_value_for_all(sources: Sources) -> None:
    run = Additions(sources._replace(options=(("CVMFS_SERVER_URL", GENERAL),)))
    run.add(named(f"{THERE}=http://x,pubkey=/k"), [HERE])
    assert run.load(THERE).get("CVMFS_SERVER_URL") == "http://x"
    with pytest.raises(ConfigurationError, match="--repository"):
        Additions(sources._replace(options=(("CVMFS_SERVER_URL", GENERAL),))).add(
            named(f"{THERE}=http://x"), [THERE]
        )


def test_what_one_inner_run_added_another_does_not_change(sources: Sources) -> None:
    run = Additions(sources)
    run.add(named(f"{THERE}=http://x,pubkey=/k"), [])
    with pytest.raises(ConfigurationError, match="SERVER_URL is http://y"):
        run.add(named(f"{THERE}=http://y"), [])
    addition = option("CVMFS_MAX_RETRIES=9")
    run.add(addition, [])
    run.take_back(addition)
    assert run.load(THERE).get("CVMFS_MAX_RETRIES") is None


def test_lists_of_names_grow(sources: Sources) -> None:
    run = Additions(sources._replace(options=(("CVMFS_REPOSITORIES", "a.b.org"),)))
    run.add(option("CVMFS_REPOSITORIES=c.d.org"), [HERE])
    assert run.names() == ["a.b.org", "c.d.org", HERE]
