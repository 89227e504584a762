# SPDX-License-Identifier: GPL-2.0-or-later
"""A tracer that does not react."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.run import Runner

FQRN = "programs.example.org"
TREE = f"/cvmfs/{FQRN}"
Configured = Callable[..., list[Any]]


def test_a_tracer_that_its_job_stopped_is_continued(
    run: Runner, configured: Configured
) -> None:
    """Its parent is the tracer."""
    text = f"kill -STOP $PPID; test -e {TREE}/busybox/busybox && exit 7"
    result = run("sh", "-c", text, options=configured(FQRN))
    assert result.status == 7, result.explain()
