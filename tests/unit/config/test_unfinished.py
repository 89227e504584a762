# SPDX-License-Identifier: GPL-2.0-or-later
"""Configuration files with constructs that no shell takes: they end, with a notice."""

from __future__ import annotations

import pytest

from interpose.config.evaluate import evaluate
from interpose.errors import ConfigurationError
from tests.unit.config.test_evaluate import notices, source, values


@pytest.mark.parametrize(
    "broken",
    [
        "for i in a\nX=2\nY=3",
        "case\n x in x) X=2;; esac",
        "for i in X=2\na b; do Y=$i",
        "if [ 1 ]; then\nfor i in a; do\nfor i in a\nX=2\n",
        "X=1\nfor i in a\nfi\nfi",
        "until tru\ne; do :; done",
    ],
)
def test_what_is_never_finished_costs_the_rest_and_ends(broken: str) -> None:
    """Each line is left out once, however often those around it are."""
    found = evaluate(source(f"X=1\n{broken}\n"), {})
    assert found.notices
    assert not [one for one in found.notices if "interpose-" in one]
    assert [one.value for one in found.definitions if one.name == "X"] == ["1"]
    keys = f"X=1\n{broken}\nCVMFS_PUBLIC_KEY=/x\n"
    if broken.startswith("for i in a\n"):
        with pytest.raises(ConfigurationError, match="it sets CVMFS_PUBLIC_KEY"):
            evaluate(source(keys), {})


def test_what_no_shell_takes_harms_nobody() -> None:
    """An impossible range, a byte that is none, a word that our own marks look like."""
    assert values("A=a1\nX=${A%%[z-a]*}\nY=${A%[!z-a]}")["X"] == "a1"
    assert values("X=a\0b\nY=$(printf 'a\\0b')/*\0*")["X"] == "ab"
    assert notices("X=$(\ninterpose-lost-line 1\n)\nY=1")
