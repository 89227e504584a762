# SPDX-License-Identifier: GPL-2.0-or-later
"""Damaged files and impossible rows under the address and undefined sanitizers."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.native.index_model import Model, directory, models, row

HERE = Path(__file__).resolve().parent
NATIVE = HERE.parents[1] / "native"
SANITIZE = "-fsanitize=address,undefined -fno-sanitize-recover=all".split()


@pytest.fixture(scope="module")
def fuzz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The driver, with sanitizers where the compiler has them."""
    compiler = shlex.split(os.environ.get("CC", "")) or [shutil.which("cc") or "gcc"]
    program = tmp_path_factory.mktemp("fuzz") / "index_fuzz"
    files = [HERE / "index_fuzz.c", *sorted(NATIVE.glob("index/*.c"))]
    command = [*compiler, "-std=gnu11", "-g", "-O1", f"-I{NATIVE}", *files]
    for extra in (SANITIZE, []):
        tried = [*command, *extra, "-o", program]
        if subprocess.run(tried, check=False, capture_output=True).returncode == 0:
            return program
    pytest.fail("the driver does not compile")


def run(fuzz: Path, *words: object) -> int:
    """How many files were accepted; fails with the command when it crashed."""
    command = [str(fuzz), *map(str, words)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stderr[-4000:]}"
    return int(done.stdout)


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with something in every section."""
    path = tmp_path_factory.mktemp("index") / "index"
    rows = [directory(b""), directory(b"/n", flags=2), directory(b"/d")]
    for number in range(60):
        rows += [
            row(b"/d/plain%d" % number),
            row(b"/d/chunked%d" % number, flags=0x40),
            row(b"/d/link%d" % number, 0o120777, symlink=b"to/%d" % number),
            row(b"/d/x%d" % number, xattr=b"blob%d" % number),
        ]
    digest = b"d" * 20
    model = Model(nested={b"/n": (digest, 0, False)})
    for number in range(60):
        chunks = [(0, 5, digest), (5, 9, digest)]
        model.chunks[b"/d/chunked%d" % number] = digest, chunks
    model.rows = {b"%d" % number: made for number, made in enumerate(rows)}
    model.build(path).close()
    return path


@pytest.mark.parametrize("seed", range(8))
def test_damaged_file_is_noticed_and_never_read_beyond_its_end(
    fuzz: Path, rich: Path, seed: int
) -> None:
    # The first round is the undamaged file.
    assert 1 < run(fuzz, "damage", rich, seed, 1500) < 1500


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(models(), st.integers(0, 1 << 32))
def test_any_file_survives_damage(
    fuzz: Path, tmp_path: Path, model: Model, seed: int
) -> None:
    model.build(tmp_path / "index").close()
    assert run(fuzz, "damage", tmp_path / "index", seed, 300) >= 1


@pytest.mark.parametrize("seed", range(4))
def test_builder_survives_impossible_rows(fuzz: Path, seed: int) -> None:
    assert 0 < run(fuzz, "build", "-", seed, 6_000) < 6_000
