# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs in which programs have the stub (docs/fast-path.md), and what that spared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.run import Result, Runner


def fast(run: Runner, *command: str | Path, after: int = 1, **how: Any) -> Result:
    """A run in which each program has the stub after `after` calls."""
    ways = {"FASTPATH": "1", "FASTPATH_AFTER": str(after), "FASTPATH_LEAVE": "0"}
    env = {f"INTERPOSE_{name}": value for name, value in ways.items()}
    env |= run.environment()
    return run(*command, env=env, stats=True, **how)


def figures(result: Result) -> tuple[int, int]:
    """Stops of all kinds, and calls that the stub has answered."""
    tracer = result.ok().stats["tracer"]
    return tracer["stops"] + tracer["exit_stops"], tracer["fastpath_calls"]
