# SPDX-License-Identifier: GPL-2.0-or-later
"""Typed settings: docs/parameters.md, docs/format.md 11 to 13."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from interpose.config import (
    CacheSettings,
    Configuration,
    KeySettings,
    PinSettings,
    ServerSettings,
    Sources,
    ViewSettings,
    load,
)
from interpose.config.repository_option import PinKind
from interpose.errors import ConfigurationError
from interpose.formats.fqrn import Fqrn

FQRN = Fqrn.parse("sft.example.org")
NOWHERE = Path("/nonexistent")


def of(environment: dict[str, str] | None = None, **values: str) -> Configuration:
    options = tuple((f"CVMFS_{name}", value) for name, value in values.items())
    return load(FQRN, Sources(NOWHERE, environment=environment or {}, options=options))


def test_servers_are_split_trimmed_and_named() -> None:
    found = ServerSettings.of(of(SERVER_URL="http://a/@fqrn@ ; http://b/@org@/;"))
    assert found.servers == ("http://a/sft.example.org", "http://b/sft")


@pytest.mark.parametrize(
    ("regular", "fallback", "expected"),
    [
        ("http://a:1|b:2;DIRECT", "", (("http://a:1", "http://b:2"), ("DIRECT",))),
        ("a; b |  c ;;", "", (("http://a",), ("http://b", "http://c"))),
        ("DIRECT;", "", (("DIRECT",),)),
        (";direct", "", (("DIRECT",),)),
        ("a|DIRECT;DIRECT", "f", (("http://a",), ("http://f",))),
        ("DIRECT", "f;DIRECT|g", (("http://f",), ("http://g",))),
        ("a;DIRECT", "direct", (("http://a",), ("DIRECT",))),
        ("auto;DIRECT", "", (("http://env:3128",), ("DIRECT",))),
    ],
)
def test_proxies_are_groups_of_members(
    regular: str, fallback: str, expected: tuple[tuple[str, ...], ...]
) -> None:
    environment = {"http_proxy": "env:3128"}
    configuration = of(environment, HTTP_PROXY=regular, FALLBACK_PROXY=fallback)
    found = ServerSettings.of(configuration)
    assert found.proxies == expected
    assert not found.assumed_direct


@pytest.mark.parametrize("regular", ["", " ; "])
def test_no_proxy_at_all_means_direct_and_is_said(regular: str) -> None:
    found = ServerSettings.of(of(HTTP_PROXY=regular))
    assert found.proxies == (("DIRECT",),)
    assert found.assumed_direct


def test_auto_without_http_proxy_is_left_to_find_out_and_never_direct() -> None:
    urls = {"CVMFS_PAC_URLS": "http://w/a.dat; auto", "CVMFS_IPV4_ONLY": "1"}
    found = ServerSettings.of(of(urls, HTTP_PROXY="AUTO;p:1"))
    assert found.proxies == (("auto",), ("http://p:1",))
    assert not found.assumed_direct
    assert found.order.pac_urls == ("http://w/a.dat", "auto")
    assert found.order.auto_may_be_direct
    assert found.order.ipv4_only
    fallback = ServerSettings.of(of(HTTP_PROXY="auto", FALLBACK_PROXY="f"))
    assert not fallback.order.auto_may_be_direct


def test_order_of_servers_and_proxies_is_read() -> None:
    order = ServerSettings.of(
        of(
            USE_GEOAPI="yes",
            MAX_SERVERS="2",
            PROXY_TEMPLATE="near",
            PROXY_SHARD="on",
            PROXY_RESET_AFTER="30",
            HOST_RESET_AFTER="-1",
            IPFAMILY_PREFER="6",
            MAX_IPADDR_PER_PROXY="3",
        )
    ).order
    assert (order.use_geo, order.max_servers, order.proxy_shard) == (True, 2, True)
    assert (order.proxy_reset_s, order.host_reset_s) == (30, 0)
    assert (order.preferred_family, order.addresses_of_proxy) == (6, 3)
    assert not order.ipv4_only
    assert order.proxy_template == "near"


def test_the_last_groups_of_proxies_are_to_fall_back_on() -> None:
    found = ServerSettings.of(of(HTTP_PROXY="a;b|c", FALLBACK_PROXY="f;g|h"))
    assert found.fallback_groups == 2
    assert ServerSettings.of(of(HTTP_PROXY="a;b")).fallback_groups == 0


def test_external_settings_have_their_own_defaults() -> None:
    found = ServerSettings.of(of(HTTP_PROXY="p", EXTERNAL_URL="http://e/", TIMEOUT="9"))
    assert found.external_servers == ("http://e",)
    assert found.external_proxies == (("DIRECT",),)
    assert (found.external_timeout_s, found.external_timeout_direct_s) == (9, 10)
    found = ServerSettings.of(of(EXTERNAL_TIMEOUT="3", EXTERNAL_HTTP_PROXY="q"))
    assert found.external_timeout_s == 3
    assert found.external_proxies == (("http://q",),)


def test_patience_has_the_official_defaults() -> None:
    found = ServerSettings.of(of())
    assert (found.timeout_s, found.timeout_direct_s) == (5, 10)
    assert (found.max_retries, found.backoff_init_s, found.backoff_max_s) == (1, 2, 10)
    assert found.low_speed_limit == 1024
    assert not found.follow_redirects
    assert not found.send_info


def test_listed_keys_win_over_the_directory(tmp_path: Path) -> None:
    for name in ("b.pub", "a.pub", "a.key"):
        (tmp_path / name).touch()
    found = KeySettings.of(of(KEYS_DIR=str(tmp_path)))
    assert found.files == (tmp_path / "a.pub", tmp_path / "b.pub")
    found = KeySettings.of(of(KEYS_DIR=str(tmp_path), PUBLIC_KEY="/x.pub:/y.pub"))
    assert found.files == (Path("/x.pub"), Path("/y.pub"))


def test_a_missing_directory_of_keys_holds_none() -> None:
    assert KeySettings.of(of(KEYS_DIR="/nonexistent")).files == ()


def test_a_root_hash_wins_over_a_tag_and_a_tag_over_a_date() -> None:
    values = {"REPOSITORY_DATE": "2024-02-29T01:02:03Z"}
    found = PinSettings.of(of(**values))
    moment = datetime(2024, 2, 29, 1, 2, 3, tzinfo=timezone.utc)
    assert (found.kind, found.date) == (PinKind.DATE, moment)
    values["REPOSITORY_TAG"] = "v1"
    assert PinSettings.of(of(**values)).kind is PinKind.TAG
    values["ROOT_HASH"] = "0" * 40 + "-rmd160"
    found = PinSettings.of(of(**values))
    assert (found.kind, found.text) == (PinKind.ROOT_HASH, "0" * 40 + "-rmd160")
    assert PinSettings.of(of()).kind is None


@pytest.mark.parametrize("text", ["2024-02-30T00:00:00Z", "2024-1-1T1:1:1Z", "now"])
def test_a_bad_date_is_an_error_that_names_its_origin(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        PinSettings.of(of(REPOSITORY_DATE=text))
    assert f"CVMFS_REPOSITORY_DATE={text} from -o" in str(caught.value)


def test_a_bad_root_hash_is_an_error() -> None:
    with pytest.raises(ConfigurationError):
        PinSettings.of(of(ROOT_HASH="../../x"))


def test_the_view_has_the_defaults_of_default_conf() -> None:
    found = ViewSettings.of(of(INVENTED="@fqrn@"))
    assert found.claim_ownership
    assert found.check_permissions
    assert not found.world_readable
    assert found.uid_map.apply(7) == 7
    assert found.variables["CVMFS_FQRN"] == FQRN
    assert found.variables["CVMFS_INVENTED"] == FQRN
    assert found.variables["CVMFS_ARCH"]


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        ("", "", "rootonly"),
        ("always", "", "always"),
        ("Never", "no", "never"),
        ("", "yes", "never"),
        ("", "no", "always"),
        ("odd", "", "rootonly"),
    ],
)
def test_visibility_of_magic_attributes(new: str, old: str, expected: str) -> None:
    configuration = of(MAGIC_XATTRS_VISIBILITY=new, HIDE_MAGIC_XATTRS=old)
    assert ViewSettings.of(configuration).xattr_visibility == expected


def test_privileged_groups_always_hold_root() -> None:
    found = ViewSettings.of(
        of(XATTR_PRIVILEGED_GIDS="5, 6,x", XATTR_PROTECTED_XATTRS="user.a,user.b")
    )
    assert found.privileged_gids == {0, 5, 6}
    assert found.protected_xattrs == {"user.a", "user.b"}


def test_owner_maps_are_read(tmp_path: Path) -> None:
    file = tmp_path / "map"
    file.write_text("# ids\n0 100\n  5\t6 # five\n\n* 99\n")
    found = ViewSettings.of(of(UID_MAP=str(file))).uid_map
    assert [found.apply(n) for n in (0, 5, 7)] == [100, 6, 99]


@pytest.mark.parametrize("line", ["1", "1 x", "1 2 3", "* *", "-1 2", "1 4294967295"])
def test_one_bad_line_of_an_owner_map_fails(tmp_path: Path, line: str) -> None:
    file = tmp_path / "map"
    file.write_text(f"0 100\n{line}\n")
    with pytest.raises(ConfigurationError) as caught:
        ViewSettings.of(of(GID_MAP=str(file)))
    assert caught.value.where == f"{file} line 2"


def test_a_missing_owner_map_fails() -> None:
    with pytest.raises(ConfigurationError):
        ViewSettings.of(of(GID_MAP="/nonexistent/map"))


def test_an_alien_cache_takes_quota_and_sharing_away() -> None:
    found = CacheSettings.of(of(ALIEN_CACHE="/alien"))
    assert found.alien == Path("/alien")
    assert (found.shared, found.quota_mb, found.notices) == (False, 0, ())
    found = CacheSettings.of(of(ALIEN_CACHE="/alien", QUOTA_LIMIT="50"))
    assert "CVMFS_QUOTA_LIMIT" in found.notices[0]


def test_instance_names_of_the_cache_win() -> None:
    found = CacheSettings.of(of(ALIEN_CACHE="/old", CACHE_ALIEN="/new"))
    assert found.alien == Path("/new")
    found = CacheSettings.of(
        of(CACHE_PRIMARY="big", CACHE_big_ALIEN="/big", CACHE_big_TYPE="ram")
    )
    assert found.alien == Path("/big")
    assert "ram" in found.notices[0]


def test_candidates_for_the_private_cache_come_in_order(tmp_path: Path) -> None:
    home = {"HOME": "/home/me"}
    inner = Path("/home/me/.cache/interpose")
    found = CacheSettings.of(of(home, CACHE_BASE="/base"))
    assert found.private == (Path("/base"), inner)
    found = CacheSettings.of(of(home, CACHE_DIR="/exact"))
    assert found.private == (Path("/exact"),)
    found = CacheSettings.of(of(home | {"INTERPOSE_CACHE": "/mine"}, CACHE_DIR="/e"))
    assert found.private == (Path("/mine"),)
    found = CacheSettings.of(of({"XDG_CACHE_HOME": str(tmp_path)}, CACHE_BASE="/b"))
    assert found.private[-1] == tmp_path / "interpose"


def test_the_variable_for_the_alien_cache_wins() -> None:
    found = CacheSettings.of(of({"INTERPOSE_ALIEN_CACHE": "/i"}, ALIEN_CACHE="/a"))
    assert found.alien == Path("/i")


def test_an_instance_of_the_cache_has_its_own_words() -> None:
    found = CacheSettings.of(
        of(CACHE_PRIMARY="big", CACHE_big_QUOTA_LIMIT="7", CACHE_big_SHARED="yes")
    )
    assert (found.quota_mb, found.shared) == (7, True)
    found = CacheSettings.of(of(CACHE_SHARED="no", SHARED_CACHE="yes", CACHE_BASE="/b"))
    assert not found.shared
