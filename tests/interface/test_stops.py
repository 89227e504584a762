# SPDX-License-Identifier: GPL-2.0-or-later
"""How often a job stops, where it need not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.run import Runner

Configured = Callable[..., list[Any]]
FQRN = "tricky.example.org"
BIG = f"/cvmfs/{FQRN}/bigdir"
REDIRECTIONS = "for ((i = 0; i < {0}; i++)); do {{ :; }} 2>&1; done"
COPIES = "for ((i = 0; i < {0}; i++)); do {{ :; }} 2>&1 7<&9 6<&8; done"
LOCKS = """
import fcntl, os
with open('/etc/passwd') as file:
    for _ in range({0}):
        fcntl.lockf(file, fcntl.LOCK_SH)
        fcntl.flock(file, fcntl.LOCK_SH)
        os.close(os.dup(0))
"""


def stops(run: Runner, *command: str, options: list[Any]) -> int:
    """Entry and exit stops of a job."""
    # Who gets the stub stops for that, too.
    words = [*options, "--no-fastpath"]
    figures = run(*command, options=words, stats=True).ok().stats["tracer"]
    return int(figures["stops"]) + int(figures["exit_stops"])


@pytest.mark.parametrize(
    ("before", "script"),
    [(("bash", "-c"), REDIRECTIONS), (("/usr/bin/python3", "-I", "-c"), LOCKS)],
    ids=["redirections", "locks"],
)
def test_what_is_about_descriptors_stops_nobody_who_has_none_of_ours(
    run: Runner, configured: Configured, before: tuple[str, ...], script: str
) -> None:
    options = configured(FQRN)
    few, many = (
        stops(run, *before, script.format(count), options=options) for count in (2, 300)
    )
    assert few == many


@pytest.mark.parametrize("name", ["entry_00001.dat", "entry_00051.dat"])
def test_copies_of_descriptors_of_ours_stop_nobody(
    run: Runner, configured: Configured, name: str
) -> None:
    """Each turn copies three descriptors of ours or more, and a twin is none less."""
    options = configured(FQRN)
    opens = f"exec 9< {BIG}/entry_00001.dat 8< {BIG}/{name}"
    inside = f"{opens}; ( exec bash -c '{COPIES}' )"
    few, many = (
        stops(run, "bash", "-c", inside.format(count), options=options)
        for count in (2, 102)
    )
    assert few == many
