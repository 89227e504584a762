# SPDX-License-Identifier: GPL-2.0-or-later
"""The stub's decisions, with random calls, beside a kernel that has the tree mounted.

INTERPOSE_TEST_SEED repeats a run. `make test` counts rounds; `make test-long` goes on
for an hour, by libFuzzer where clang has it (Debian: libclang-rt-dev).
"""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.differential.conftest import FLAGS, PROGRAMS, SHARED_SOURCES
from tests.differential.namespaces import forbidden, mounted
from tests.native import test_stub
from tests.native.drivers import HERE, NATIVE, SANITIZE, compiled
from tests.native.index_model import Model, directory, row
from tests.native.walking import add_links, entries, needs_x86_64
from tests.support.keeper import own_directory
from tests.support.places import need_tool, root_is_a_mount

SEED = int(os.environ.get("INTERPOSE_TEST_SEED", "20260101"))
ROUNDS, LONG_S = 20_000, 3600
# Of all calls, so that something is compared.
LEAST_ANSWERED = 0.4
OWN = ("stub_fuzz_board", "stub_fuzz_calls")
LINKS = {
    "absolute": "/cvmfs/repo/dir/sub",
    "around": "/cvmfs/../cvmfs/repo/file",
    "out": "/etc/passwd",
    "beside": "../repo/dir",
    "up_and_out": "../../etc/passwd",
}
INNER_LINKS = {"nested/back": "../dir/sub", "nested/here": "./back/../../nested"}

pytestmark = needs_x86_64


def sources() -> list[str]:
    """Of native/: the stub, and what it shares with the tracer."""
    shared: tuple[str, ...] = test_stub.recipe().STUB_SHARES
    # memory.c is what a compiler calls where there is no library.
    names = {f"stub/{path.name}" for path in NATIVE.glob("stub/*.c")}
    own = [f"{HERE}/{name}.c" for name in OWN]
    return [*sorted(names - {"stub/memory.c"}), *shared, *own]


def make_tree(place: Path) -> None:
    """The tree, its two indexes, and the names that are in them."""
    tree = place / "tree"
    (tree / "nested/deep").mkdir(parents=True)
    model = Model(rows={b"": directory(b""), b"/nested": directory(b"/nested")})
    for name, what in [*entries().items(), *LINKS.items()]:
        path = b"/" + name.encode()
        if isinstance(what, str):
            (tree / name).symlink_to(what)
            add_links(model, {name: what})
        elif isinstance(what, int):
            (tree / name).mkdir()
            (tree / name).chmod(what)
            model.rows[path] = row(path, stat.S_IFDIR | what)
        else:
            (tree / name).write_text(name)
            model.rows[path] = row(path, size=len(name))
    model.nested[b"/nested"] = (b"\1" * 20, 0, False)
    model.build(place / "root.index").close()
    inner = Model(root=b"/nested", rows={b"/nested": directory(b"/nested")})
    inner.rows[b"/nested/deep"] = directory(b"/nested/deep")
    inner.rows[b"/nested/inside"] = row(b"/nested/inside", size=6)
    (tree / "nested/inside").write_text("inside")
    for name, target in INNER_LINKS.items():
        (tree / name).symlink_to(target)
    add_links(inner, INNER_LINKS)
    inner.build(place / "nested.index").close()
    names = [path.decode()[1:] for path in [*model.rows, *inner.rows] if path]
    (place / "names").write_text("".join(f"{name}\n" for name in sorted({*names})))


@dataclass(frozen=True)
class Fuzz:
    """Programs at `place`, and words before them that lead to the mount."""

    place: Path
    enter: tuple[str, ...]

    @property
    def arguments(self) -> list[str]:
        """The files that both kinds of program want, and an empty directory."""
        work = self.place / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        names = ("root.index", "nested.index", "names", "work")
        return [str(self.place / name) for name in names]

    def rounds(self, seed: int, count: int) -> tuple[int, int]:
        """How many calls were made, and answered by the stub."""
        words = [str(self.place / "stub_fuzz"), *self.arguments, str(seed), str(count)]
        said = self._run(words, dict(os.environ))
        made, answered = map(int, said.split())
        return made, answered

    def guided(self, seconds: int) -> str:
        """The last line of libFuzzer."""
        env = {**os.environ, "INTERPOSE_FUZZ": ":".join(self.arguments)}
        words = [str(self.place / "guided"), f"-max_total_time={seconds}"]
        more = ["-max_len=512", f"-seed={SEED}", "-print_final_stats=1"]
        return self._run([*words, *more, f"-artifact_prefix={self.place}/"], env)

    def _run(self, words: list[str], env: dict[str, str]) -> str:
        done = subprocess.run(
            [*self.enter, *words],
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=env,
            cwd="/",
        )
        said = f"{shlex.join(words)}\n{done.stdout[-6000:]}"
        assert done.returncode == 0, said
        return done.stdout

    def has_guided(self) -> bool:
        """Compile for libFuzzer; false where there is none."""
        clang = shutil.which("clang")
        files = [HERE / "stub_fuzz.c", *(NATIVE / name for name in sources())]
        flags = ["-std=gnu11", "-D_GNU_SOURCE", "-g", "-O1", f"-I{NATIVE}"]
        flags += ["-DWITH_LIBFUZZER", "-fsanitize=fuzzer", *SANITIZE]
        words = [clang, *flags, *files, "-o", self.place / "guided"]
        return (
            clang is not None
            and subprocess.run(
                list(map(str, words)), check=False, capture_output=True
            ).returncode
            == 0
        )


@pytest.fixture
def fuzz() -> Iterator[Fuzz]:
    if forbidden():
        pytest.skip(f"nothing to compare with: {forbidden()}")
    if not root_is_a_mount():
        pytest.skip("nothing to compare with: the root is no mount that has a copy")
    with ExitStack() as stack:
        place = stack.enter_context(own_directory("interpose-stub-fuzz-"))
        make_tree(place)
        program = compiled(place, "stub_fuzz", *sources())
        assert program.name == "stub_fuzz"
        files = [PROGRAMS / name for name in ("enter.c", *SHARED_SOURCES)]
        words = [need_tool("gcc"), *FLAGS, *files, "-o", place / "enter", "-lpthread"]
        subprocess.run(list(map(str, words)), check=True)
        enter = mounted(place / "tree", "repo", place / "enter", place)
        yield Fuzz(place, stack.enter_context(enter))


def test_the_stub_says_what_the_kernel_says(
    fuzz: Fuzz, record_property: Callable[[str, object], None]
) -> None:
    made, answered = fuzz.rounds(SEED, ROUNDS)
    record_property("summary", f"{made} calls, {answered} answered")
    assert made > 10 * ROUNDS
    assert answered > LEAST_ANSWERED * made


@pytest.mark.long
def test_the_stub_says_so_for_an_hour(
    fuzz: Fuzz, record_property: Callable[[str, object], None]
) -> None:
    if fuzz.has_guided():
        lines = fuzz.guided(LONG_S).splitlines()
        figures = [line for line in lines if line.startswith("stat::")]
        record_property("summary", "libFuzzer: " + ", ".join(figures))
        return
    made = answered = 0
    seed, end = SEED, time.monotonic() + LONG_S
    while time.monotonic() < end:
        seed += 1
        counts = fuzz.rounds(seed, 10 * ROUNDS)
        made, answered = made + counts[0], answered + counts[1]
    record_property("summary", f"{made} calls, {answered} answered, without libFuzzer")
    assert answered > LEAST_ANSWERED * made
