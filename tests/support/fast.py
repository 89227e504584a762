# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs in which programs have the stub (docs/fast-path.md), and what that spared."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import pytest

from tests.support.run import Result, Runner

# Fallbacks that the whole suite is run with, and not a test of its own.
FALLBACK = os.environ.get("INTERPOSE_FORCE_FALLBACK", "")


def given(after: int = 1) -> dict[str, str]:
    """Variables with which each program has the stub after `after` calls.

    Whatever way the whole suite runs; with some fallbacks nobody has it.
    """
    ways = {"FASTPATH": "1", "FASTPATH_AFTER": str(after), "FASTPATH_LEAVE": "0"}
    if os.environ.get("INTERPOSE_FORCE_FALLBACK") == FALLBACK:
        ways["FORCE_FALLBACK"] = ""
    return {f"INTERPOSE_{name}": value for name, value in ways.items()}


PYTHON = ("/usr/bin/python3", "-I", "-c")
Options = list[Any]
NEEDS_STUB = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the stub is x86_64's"
)


def fast(run: Runner, *command: str | Path, after: int = 1, **how: Any) -> Result:
    """A run in which each program has the stub after `after` calls."""
    env = given(after) | (how.pop("env", None) or run.environment())
    return run(*command, env=env, stats=True, **how)


def traced(run: Runner, *command: str | Path, options: list[Any], **how: Any) -> Result:
    """A run in which no program has it."""
    return run(*command, options=[*options, "--no-fastpath"], stats=True, **how).ok()


def same(run: Runner, *command: str | Path, options: list[Any], **how: Any) -> Result:
    """The run with stubs, whose output is that of the run without."""
    expected = traced(run, *command, options=options, **how)
    found = fast(run, *command, options=options, **how).ok()
    # There may be many lines, and what differs is to be seen.
    pairs = zip(expected.text.splitlines(), found.text.splitlines())
    bad = [pair for pair in pairs if pair[0] != pair[1]]
    assert bad == [], bad[:4]
    assert found.stdout == expected.stdout
    return found


def figures(result: Result) -> tuple[int, int]:
    """Stops of all kinds, and calls that the stub has answered."""
    tracer = result.ok().stats["tracer"]
    return tracer["stops"] + tracer["exit_stops"], tracer["fastpath_calls"]
