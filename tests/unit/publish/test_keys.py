# SPDX-License-Identifier: GPL-2.0-or-later
"""Keys: made once, never overwritten, and the whitelist that follows from them."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from interpose.errors import Expired, InterposeError, UnknownKey
from interpose.formats.fqrn import Fqrn
from interpose.publish.keys import ensure_keys
from tests.unit.publish.conftest import NOW, Shop

FQRN = Fqrn.parse("test.example.org")
SUFFIXES = {".masterkey": 0o600, ".pub": 0o644, ".key": 0o600, ".crt": 0o644}


@pytest.fixture
def keys(some_keys: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(some_keys, tmp_path / "keys"))


def test_missing_keys_are_made_with_official_names_and_modes(tmp_path: Path) -> None:
    directory = tmp_path / "new"
    made = ensure_keys(directory, FQRN, NOW)
    modes = {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir()}
    assert modes == {f"{FQRN}{suffix}": mode for suffix, mode in SUFFIXES.items()}
    assert directory.stat().st_mode & 0o777 == 0o700
    assert ensure_keys(directory, FQRN, NOW) == made


@pytest.mark.parametrize("suffix", [".pub", ".crt"])
def test_public_half_is_made_again_from_the_private_one(
    keys: Path, suffix: str
) -> None:
    private = (keys / f"{FQRN}.masterkey").read_bytes()
    (keys / f"{FQRN}{suffix}").unlink()
    made = ensure_keys(keys, FQRN, NOW)
    assert made.master_private == private
    assert (keys / f"{FQRN}{suffix}").exists()


def test_certificate_without_its_key_is_refused(keys: Path) -> None:
    (keys / f"{FQRN}.key").unlink()
    with pytest.raises(UnknownKey, match="missing"):
        ensure_keys(keys, FQRN, NOW)


@pytest.mark.parametrize("pair", [(".masterkey", ".key"), (".key", ".masterkey")])
def test_halves_that_do_not_fit_are_refused(keys: Path, pair: tuple[str, str]) -> None:
    shutil.copy(keys / f"{FQRN}{pair[0]}", keys / f"{FQRN}{pair[1]}")
    with pytest.raises(UnknownKey, match="not the"):
        ensure_keys(keys, FQRN, NOW)


@pytest.mark.parametrize("suffix", list(SUFFIXES))
def test_damaged_keys_are_refused_and_kept(keys: Path, suffix: str) -> None:
    (keys / f"{FQRN}{suffix}").write_bytes(b"no key\n")
    with pytest.raises(UnknownKey):
        ensure_keys(keys, FQRN, NOW)
    assert (keys / f"{FQRN}{suffix}").read_bytes() == b"no key\n"


def test_whitelist_lasts_thirty_days_and_is_kept_meanwhile(shop: Shop) -> None:
    shop.publish()
    first = shop.read().whitelist
    assert first.expires == (shop.now + timedelta(days=30)).replace(minute=0)
    shop.now += timedelta(days=10)
    shop.publish()
    assert shop.read().whitelist == first


@pytest.mark.parametrize("days", [20, 40])
def test_whitelist_is_renewed_when_late_or_too_late(shop: Shop, days: int) -> None:
    shop.publish()
    shop.now += timedelta(days=days)
    shop.publish()
    assert shop.read().whitelist.is_valid_at(shop.now + timedelta(days=29))


def test_new_certificate_is_whitelisted(shop: Shop, keys: Path) -> None:
    shop.publication = shop.publication._replace(keys=keys)
    shop.publish()
    first = shop.read()
    (keys / f"{FQRN}.key").unlink()
    (keys / f"{FQRN}.crt").unlink()
    shop.publish()
    second = shop.read()
    assert second.manifest.certificate_hash != first.manifest.certificate_hash
    assert second.whitelist.fingerprints.isdisjoint(first.whitelist.fingerprints)


def test_new_master_key_signs_a_new_whitelist(shop: Shop, keys: Path) -> None:
    shop.publish()
    (keys / f"{FQRN}.masterkey").unlink()
    (keys / f"{FQRN}.pub").unlink()
    shop.publication = shop.publication._replace(keys=keys)
    with pytest.raises(UnknownKey, match=r"published already.*--new-identity"):
        shop.publish()
    assert not (keys / f"{FQRN}.masterkey").exists()
    shop.publish(new_identity=True)
    shop.read()


def test_a_mistyped_directory_of_keys_is_refused_and_not_made(shop: Shop) -> None:
    shop.publish()
    mistyped = shop.place / "typo"
    with pytest.raises(UnknownKey, match="typo"):
        shop.publish(keys=mistyped)
    assert not mistyped.exists()
    assert shop.read().manifest.revision == 1


def test_the_keys_of_somebody_else_are_refused(shop: Shop) -> None:
    shop.publish()
    others = shop.place / "others"
    ensure_keys(others, FQRN, NOW)
    with pytest.raises(UnknownKey, match=r"another master key.*--new-identity"):
        shop.publish(keys=others)
    assert shop.read().manifest.revision == 1


def test_a_damaged_whitelist_is_no_other_identity(shop: Shop) -> None:
    shop.publish()
    whitelist = shop.directory / ".cvmfswhitelist"
    whitelist.write_bytes(whitelist.read_bytes()[:-300])
    shop.publish()
    assert shop.read().manifest.revision == 2


def test_a_publication_that_fails_leaves_no_keys(shop: Shop) -> None:
    fresh = shop.place / "fresh"
    (shop.source / ".cvmfs").mkdir()  # a name that no repository can have
    with pytest.raises(InterposeError):
        shop.publish(keys=fresh)
    assert not fresh.exists()


@pytest.mark.parametrize("kind", ["fifo", "directory", "everybody", "foreign"])
def test_what_is_no_key_of_ours_is_refused(keys: Path, kind: str) -> None:
    path = keys / f"{FQRN}.key"
    if kind == "everybody":
        path.chmod(0o666)
    elif kind == "foreign":
        if os.geteuid() != 0:
            pytest.skip("only root gives files away")
        os.chown(path, 4001, -1)
    else:
        path.unlink()
        os.mkfifo(path) if kind == "fifo" else path.mkdir()
    with pytest.raises(UnknownKey, match="key"):
        ensure_keys(keys, FQRN, NOW)


def test_a_clock_that_is_wrong_can_be_told_from_the_line(shop: Shop) -> None:
    shop.publish()
    shop.now = shop.now.replace(year=shop.now.year + 10)
    with pytest.raises(Expired, match=rf"expired on .* clock: {shop.now:%Y-%m-%d} "):
        shop.read()


def test_master_key_is_not_needed_while_the_whitelist_is_valid(
    shop: Shop, keys: Path
) -> None:
    shop.publication = shop.publication._replace(keys=keys)
    shop.publish()
    (keys / f"{FQRN}.masterkey").unlink()
    shop.now += timedelta(days=20)
    shop.publish()
    assert shop.read().manifest.revision == 2
    shop.now += timedelta(days=20)
    with pytest.raises(UnknownKey, match="signed anew"):
        shop.publish()
    with pytest.raises(Expired):
        shop.read()
