# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may read what: modes and owners as a mount checks them."""

from __future__ import annotations

import pytest

from tests.differential.conftest import Pair
from tests.differential.namespaces import IS_ROOT

pytestmark = pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")

SOMEBODY, OWNER, MEMBER = "12345", "1234", "2345"


@pytest.mark.parametrize(
    ("program", "uid"),
    [
        ("permissions", SOMEBODY),
        ("permissions", OWNER),
        ("permissions", MEMBER),
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
