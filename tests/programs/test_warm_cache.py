# SPDX-License-Identifier: GPL-2.0-or-later
"""What a second job of a node finds without asking: only the opening is a question."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.run import Runner
from tests.support.truth import truth_tree

Configured = Callable[..., list[Any]]
# Greater than the smallest chunk of the repositories, so most of it is chunked.
BIG_BYTES = 100_000


def big_files(fqrn: str) -> dict[str, str]:
    """SHA-256 of the big files, by path."""
    return {
        path: row["sha256"]
        for path, row in truth_tree(f"{fqrn}.jsonl").items()
        if row["type"] == "file" and row["size"] > BIG_BYTES
    }


def sums(run: Runner, fqrn: str, paths: list[str], options: list[Any]) -> Any:
    names = [f"/cvmfs/{fqrn}/{path}" for path in paths]
    return run("sha256sum", "-z", *names, options=options, stats=True).ok()


def read_all(text: str) -> list[str]:
    return [line.split("  ")[0] for line in text.split("\0")[:-1]]


@pytest.mark.parametrize("short", "sha1 rmd160 shake128 tricky".split())
def test_a_second_job_opens_big_files_without_a_question_about_an_object(
    run: Runner, configured: Configured, short: str
) -> None:
    fqrn = f"{short}.example.org"
    options = configured(fqrn)
    wanted = big_files(fqrn)
    assert wanted
    first = sums(run, fqrn, list(wanted), options)
    assert read_all(first.text) == list(wanted.values())
    assert list(run.cache.rglob("interpose/assembled/??/*")), "nothing was in chunks"
    second = sums(run, fqrn, list(wanted), options)
    assert read_all(second.text) == list(wanted.values())
    assert second.stats["tracer"]["questions"] == 1, second.stats["tracer"]
    assert second.stats["network"]["requests"] == 0


def biggest(run: Runner) -> Path:
    """The file of the cache that was put together from chunks, or the biggest one."""
    found = [p for p in run.cache.rglob("??/*") if stat.S_ISREG(p.lstat().st_mode)]
    return max(found, key=lambda path: path.stat().st_size)


@pytest.mark.parametrize("harm", ["cut", "link", "writable", "grown"])
def test_an_object_that_is_not_as_we_left_it_is_not_believed(
    run: Runner, configured: Configured, harm: str
) -> None:
    """Size, kind and mode are what the tracer sees without a question."""
    fqrn = "sha1.example.org"
    options = configured(fqrn)
    wanted = big_files(fqrn)
    assert read_all(sums(run, fqrn, list(wanted), options).text) == [*wanted.values()]
    victim = biggest(run)
    content = victim.read_bytes()
    other = run.place / "other"
    if harm == "link":
        other.write_bytes(bytes(len(content)))
        other.chmod(0o555)
        victim.unlink()
        victim.symlink_to(other)
    else:
        victim.chmod(0o644)
        changed = {"cut": content[:-1], "grown": content + b"x", "writable": bytes(9)}
        victim.write_bytes(changed[harm])
        if harm != "writable":
            victim.chmod(0o555)
    again = sums(run, fqrn, list(wanted), options)
    assert read_all(again.text) == list(wanted.values())
    assert again.stats["tracer"]["questions"] > 1
    assert hashlib.sha256(victim.read_bytes()).digest() == (
        hashlib.sha256(content).digest()
    )
