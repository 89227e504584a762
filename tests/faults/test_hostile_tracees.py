# SPDX-License-Identifier: GPL-2.0-or-later
"""A job that makes random calls with random arguments cannot harm the tracer.

Each run is in a pen (programs/pen.c): processes, files and user of its own.
INTERPOSE_TEST_SEED repeats a run's choices, though not the scheduler's.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import sanitized
from tests.support.damage import bad_in_cache, good_objects
from tests.support.places import Repositories, need_tool, need_user
from tests.support.run import Result, Runner
from tests.support.truth import truth_tree

FQRN = "sha1.example.org"
PROGRAMS = Path(__file__).parent / "programs"
FLAGS = ("-std=gnu11", "-O1", "-g", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror")
UID = 45612  # nobody else's: its processes may be signalled
NO_PEN = 77
SEED = int(os.environ.get("INTERPOSE_TEST_SEED", "20260101"))
# Of a tracer with address checks, which keeps freed memory for a while.
MOST_MEMORY_KIB = 700 * 1024
MOST_DESCRIPTORS = 512
Configured = Callable[..., list[Any]]


@pytest.fixture(scope="module")
def tools() -> Iterator[Path]:
    """The compiled programs, and a tracer with address and undefined checks."""
    place = Path(tempfile.mkdtemp(prefix="interpose-hostile-"))
    place.chmod(0o755)
    gcc = need_tool("gcc")
    shared = sorted(PROGRAMS.glob("fuzz*.c"))
    for name, sources in (("pen", [PROGRAMS / "pen.c"]), ("fuzz", shared)):
        words = [gcc, *FLAGS, *sources, "-o", place / name, "-pthread"]
        subprocess.run([str(word) for word in words], check=True)
    if "INTERPOSE_RUN" not in os.environ:
        sanitized.build("address,undefined", place / "checked")
    yield place
    shutil.rmtree(place)


@pytest.fixture
def pen(run: Runner, tools: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """Runs happen in a pen, and with the checked tracer."""
    if os.geteuid() == 0:
        need_user(UID)
        os.chown(run.place, UID, UID)
    run.before = (str(tools / "pen"), str(run.place), str(UID))
    tried = subprocess.run([*run.before, "true"], check=False, capture_output=True)
    if tried.returncode == NO_PEN:
        pytest.skip(f"no namespaces to be had: {os.fsdecode(tried.stderr)}")
    if "INTERPOSE_RUN" not in os.environ:
        monkeypatch.setenv("INTERPOSE_RUN", str(tools / "checked/interpose_run"))
    return run


def fuzz(
    pen: Runner, tools: Path, options: list[Any], seed: int, rounds: int
) -> Result:
    """One run of the fuzzer; the copy it compares with is read natively."""
    tree = truth_tree(f"{FQRN}.jsonl")
    paths = pen.place / "paths"
    names = [f"/cvmfs/{FQRN}/{path}" for path in tree][:300]
    paths.write_text("\n".join(names), "utf-8", "surrogateescape")
    readme = f"/cvmfs/{FQRN}/README"
    copy = pen.place / "copy"
    copy.write_bytes(pen("cat", readme, options=options).ok().stdout)
    print(f"INTERPOSE_TEST_SEED={seed}")
    words = [tools / "fuzz", str(seed), str(rounds), paths, readme, copy]
    return pen(*words, options=options, timeout_s=120 + 20 * rounds)


def figures(result: Result) -> dict[str, int]:
    """Lines `name number`; the last of a name counts."""
    pairs = (line.rsplit(" ", 1) for line in result.text.splitlines())
    return {name: int(number) for name, number in pairs}


def judge(pen: Runner, result: Result, stratum: Path) -> dict[str, int]:
    """Nothing was found, lost or harmed; what was done."""
    assert result.status == 0, result.explain()
    said = "\n".join(result.errors)
    assert not re.search(r"Sanitizer|runtime error|Traceback", said), result.explain()
    assert bad_in_cache(pen.cache, good_objects(stratum)) == []
    done = figures(result)
    assert done["tracer-memory-kib"] < MOST_MEMORY_KIB, done
    assert done["tracer-descriptors"] <= MOST_DESCRIPTORS, done
    return done


def test_random_calls_of_many_threads_leave_the_tracer_sound(
    pen: Runner, tools: Path, configured: Configured, repositories: Repositories
) -> None:
    result = fuzz(pen, tools, configured(FQRN), SEED, 25)
    done = judge(pen, result, repositories.need(FQRN))
    print(done)
    assert done["calls"] > 20_000
    assert done["numbers"] > 300
    assert all(count for name, count in done.items() if name.startswith("deed-"))
