# SPDX-License-Identifier: GPL-2.0-or-later
"""Each way in which a job gets EIO from us has one line that names the cause.

The resolver's own reasons (no server, signatures, hashes) have tests beside this one;
here are the rest, and those whose line the tracer writes (native/run/broken.c).
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.test_disks import Prepared, disks  # noqa: F401  a fixture
from tests.support.places import ROOT, Repositories, program
from tests.support.run import Runner
from tests.support.truth import truth_options

FQRN = "tricky.example.org"
TOP = f"/cvmfs/{FQRN}"
Configured = Callable[..., list[Any]]

# A resolver of which one answer is not what it says.
STAND_IN = """#!{python} -I
import sys
sys.path[:0] = [{root!r}]
from interpose import native
from interpose.resolver import answers, mountfile
{change}
from interpose.resolver.program import run
sys.argv = sys.argv[-3:]
run()
"""
NOWHERE = "lambda self, question: b'/dev/null'"
BEFORE = "was = answers.Answers.{name}\n"
ANSWERS = {
    "record": ("_open", NOWHERE, "record of a repository"),
    "index": ("_catalog", NOWHERE, "index file"),
    "object": ("_object", NOWHERE, "file of the cache"),
    "bug": ("_object", "lambda self, question: 1 / 0", "ZeroDivisionError"),
    "system": ("_object", "lambda self, question: open('/nowhere')", "/nowhere"),
}


@pytest.fixture
def stand_in(place: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`stand_in(CHANGE)`: a resolver with that change for the next runs."""
    directory = place / "bin"
    directory.mkdir()
    shutil.copy2(program("interpose_run"), directory)
    monkeypatch.setenv("INTERPOSE_RUN", str(directory / "interpose_run"))

    def make(change: str) -> None:
        python = directory / "python3"
        text = STAND_IN.format(python=sys.executable, root=str(ROOT), change=change)
        python.write_text(text)
        python.chmod(0o755)

    return make


def gives_eio(run: Runner, options: list[Any], *command: str, words: str) -> None:
    """The job sees EIO twice, and one line with these words."""
    script = " ".join(command) + "; " + " ".join(command)
    result = run("sh", "-c", script, options=options)
    said = "\n".join(result.errors)
    assert said.count("Input/output error") == 2, result.explain()
    (line,) = result.messages
    assert words in line, result.explain()
    assert re.search(r"\(.+\)$", line), line  # what to do about it


@pytest.mark.parametrize("kind", list(ANSWERS))
def test_an_answer_that_is_no_use_has_its_line(
    run: Runner, configured: Configured, stand_in: Callable[[str], None], kind: str
) -> None:
    name, change, words = ANSWERS[kind]
    stand_in(f"answers.Answers.{name} = {change}")
    gives_eio(run, configured(FQRN), "cat", f"{TOP}/nested/plain/f2", words=words)


@pytest.mark.parametrize("inodes", [6, 7])
def test_a_scratch_without_room_for_a_directory_has_its_line(
    disks: Prepared,  # noqa: F811
    configured: Configured,
    inodes: int,
) -> None:
    disks.mount(disks.scratch, f"nr_inodes={inodes}")
    # There is no room in memory either.
    disks.mount(Path("/dev/shm"), "ro")
    directories = " ".join(f"{TOP}/{name}" for name in ("sizes", "names", "nested"))
    result = disks(
        "sh",
        "-c",
        f"ls -d {TOP}; cd {TOP}; find {directories}",
        options=configured(FQRN),
    )
    assert "Input/output error" in "\n".join(result.errors), result.explain()
    (line,) = result.messages
    assert "scratch" in line, result.explain()


def test_without_any_server_the_line_comes_once_for_each_repository(
    run: Runner, repositories: Repositories
) -> None:
    repositories.need(FQRN)
    key = repositories.key(FQRN)
    options = truth_options(FQRN, "http://127.0.0.1:1", key, {})
    gives_eio(run, options, "ls", TOP, words=FQRN)


def test_offline_has_its_line(run: Runner, configured: Configured) -> None:
    options = [*configured(FQRN), "--offline"]
    gives_eio(run, options, "ls", TOP, words="offline")


ROOMS = {"path", "run", "shown", "find", "given", "proc", "exec", "syscalls"}
TOLD_BY = {
    "path/walk.c": "fail_damaged(); answer_end(): who answered",
    "run/channel.c": "the start of a resolver, or BROKEN_RESOLVER",
    "run/mounts.c": "BROKEN_MOUNT",
    "run/places.c": "its callers: a damaged index",
    "given/content.c": "BROKEN_SCRATCH, BROKEN_OBJECT, or the resolver",
    "given/copy.c": "BROKEN_SCRATCH of program.c: a source that shrank",
    "syscalls/directory.c": "BROKEN_INDEX, listing_start(), or the resolver",
    "given/handover.c": "passing_say()",
    "find/host.c": "nobody: the host's own, / cannot be opened",
    "exec/image.c": "BROKEN_SCRATCH of program.c",
    "proc/maps.c": "nobody: of an errand, the job gets the kernel's own text",
    "given/passing.c": "passing_say()",
    "exec/program.c": "content_path(), copy_failed(), passing_say()",
    "find/call.c": "call_tell_damage()",
    "syscalls/xattr.c": "BROKEN_MEMORY, or the start of a resolver",
}


def test_each_file_that_gives_eio_is_known_with_who_tells_why() -> None:
    """A new one needs a line of its own, and a row here."""
    found = set()
    for path in sorted((ROOT / "native").glob("*/*.c")):
        is_asked = path.parts[-2] in ROOMS
        if is_asked and re.search(r"\bEIO\b", path.read_text(encoding="utf-8")):
            found.add("/".join(path.parts[-2:]))
    assert found == set(TOLD_BY)
