# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may read what: modes and owners as a mount checks them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.differential.conftest import ROOT, Pair
from tests.differential.namespaces import IS_ROOT

pytestmark = pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")

SOMEBODY, OWNER, MEMBER = "12345", "1234", "2345"


@pytest.mark.parametrize(
    ("program", "uid"),
    [
        ("permissions", SOMEBODY),
        pytest.param("permissions", OWNER, marks=pytest.mark.long),
        pytest.param("permissions", MEMBER, marks=pytest.mark.long),
        ("opens", SOMEBODY),
        ("changes", SOMEBODY),
        ("mounts", SOMEBODY),
    ],
)
def test_another_user_may_do_what_a_mount_allows(
    mounted: Pair, program: str, uid: str
) -> None:
    mounted.same(program, uid)


@pytest.mark.parametrize("uid", [SOMEBODY, OWNER])
def test_the_client_owns_everything_by_default(claimed: Pair, uid: str) -> None:
    claimed.same("permissions", uid, CVMFS_CLAIM_OWNERSHIP="yes")


def test_capabilities_let_in_whom_the_modes_keep_out(mounted: Pair) -> None:
    # After chroot, as beside a mounted tree, nobody gets a user namespace.
    replace(mounted, unmounted=True).same("rights")


# Only our side sees it: there the kernel has to be imitated.
SYSCTL = 'mount --bind "$1" /proc/sys/fs/protected_symlinks; shift; exec "$@"'


@pytest.mark.parametrize(
    ("value", "uid", "allowed"),
    [
        ("0", SOMEBODY, True),
        ("1", SOMEBODY, False),
        ("1", OWNER, True),
        ("1", "0", False),
    ],
)
def test_links_of_others_in_a_shared_directory_are_followed_as_the_node_has_it(
    mounted: Pair, value: str, uid: str, allowed: bool
) -> None:
    """may_follow_link() of Linux' fs/namei.c; root is somebody else, too."""
    run, world = mounted.run, mounted.world
    setting = run.place / "setting"
    setting.write_text(f"{value}\n")
    run.before = ("unshare", "-m", "sh", "-ec", SYSCTL, "sh", str(setting))
    shared = f"{ROOT}/dir_1777"
    user = ("setpriv", f"--reuid={uid}", "--clear-groups")
    for name in ("theirs", "their_dir/", "their_dir"):
        done = run(*user, "stat", "-L", f"{shared}/{name}", options=world.options())
        assert (done.status == 0) == allowed, done.explain()
        assert allowed or any("Permission denied" in one for one in done.errors)
    # The way may lead through it, and it may be looked at.
    run(*user, "stat", f"{shared}/theirs", options=world.options()).ok()
    run(*user, "stat", f"{shared}/their_dir/.", options=world.options()).ok()
