# SPDX-License-Identifier: GPL-2.0-or-later
"""Objects that are wrong though hash and signature are right: a publisher who lies.

Every process of a run has a limit on the size of files, so a bomb that unfolds on a
disk, even for a moment, shows as another complaint than the one that is wanted.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.damage import Victim, bad_in_cache, good_objects
from tests.support.forger import (
    CHUNK_BYTES,
    OF_SIZE,
    OF_STREAM,
    Forger,
    Harm,
    endless,
    trailing,
)
from tests.support.places import need_tool
from tests.support.published import Publisher
from tests.support.run import Result, Runner
from tests.support.truth import truth_options
from tests.support.web import Server

Serve = Callable[[Path], Server]
FQRN = "liar.example.org"
ROOT = f"/cvmfs/{FQRN}"
README = b"all is well\n"
DISK_BYTES = 12 << 20  # what is free before a ratio counts, and half as much again
CACHE_BYTES = 4 << 20
MEMORY_BYTES = 128 << 20
STATUS = {"cat": 1, "ls": 2}


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    """A repository with something of every kind, published once."""
    place = tmp_path_factory.mktemp("honest")
    tree = place / "tree"
    (tree / "nested").mkdir(parents=True)
    (tree / "nested/.cvmfscatalog").touch()
    (tree / "nested/inner").write_bytes(b"inner\n")
    (tree / "README").write_bytes(README)
    for name in ("file", "chunk", "plain"):
        block = hashlib.sha256(name.encode()).digest()
        (tree / name).write_bytes(block * (4 * CHUNK_BYTES // len(block)) + b"end\n")
    (tree / "file").chmod(0o755)
    made = Publisher(place)
    made.publish(tree, FQRN, "--tag", "named")
    return made


@pytest.fixture
def forger(honest: Publisher, place: Path) -> Forger:
    original = honest.storage / "cvmfs" / FQRN
    return Forger(original, place / "docroot", honest.keys / f"{FQRN}.key")


@pytest.fixture
def options(
    honest: Publisher, forger: Forger, serve: Serve, run: Runner
) -> list[str | Path]:
    """Options of runs, none of which may write a file of more than DISK_BYTES."""
    run.before = (need_tool("prlimit", "util-linux"), f"--fsize={DISK_BYTES}")
    url = serve(forger.docroot).url
    return truth_options(FQRN, url, honest.keys / f"{FQRN}.pub", {})


def is_told_once(result: Result, fqrn: str = FQRN) -> None:
    assert len(result.messages) == 1, result.explain()
    known = fqrn in result.messages[0] or "http://" in result.messages[0]
    assert known, result.explain()
    assert "disk" not in result.messages[0], result.explain()
    assert "space" not in result.messages[0], result.explain()


def is_refused(result: Result, tool: str, good: bytes = b"") -> None:
    """EIO for the bad object; `good` is what the other ones gave."""
    assert result.status == STATUS[tool], result.explain()
    assert result.stdout == good, result.explain()
    assert "Input/output error" in " ".join(result.errors), result.explain()
    is_told_once(result)
    assert result.stats["resolver"]["max_rss_bytes"] < MEMORY_BYTES, result.stats


def stays_clean(forger: Forger, victim: Victim, *caches: Path) -> None:
    """Nothing of the bad object is kept, and no cache grew much."""
    victim.file.unlink()
    good = good_objects(forger.place)
    for cache in caches:
        assert bad_in_cache(cache, good) == []
        files = [path for path in cache.rglob("*") if path.is_file()]
        assert sum(path.lstat().st_size for path in files) < CACHE_BYTES


@pytest.mark.parametrize("harm", [*OF_SIZE, *OF_STREAM])
@pytest.mark.parametrize(
    "kind", ["file", pytest.param("chunk", marks=pytest.mark.long)]
)
def test_content_that_is_not_as_promised_is_never_read(
    run: Runner, forger: Forger, options: list[Any], kind: str, harm: Harm
) -> None:
    victim = forger.forge(kind, harm)
    command = ("cat", f"{ROOT}/README", f"{ROOT}/{victim.path}")
    for more in ([], ["--offline"]):
        met = run(*command, options=[*options, *more], stats=True)
        is_refused(met, "cat", README)
    stays_clean(forger, victim, run.cache)


@pytest.mark.parametrize("harm", [endless, lambda content: content + b"x"])
def test_content_that_is_stored_as_it_is_has_its_size(
    run: Runner, forger: Forger, options: list[Any], harm: Harm
) -> None:
    victim = forger.forge("plain", harm)
    met = run("cat", f"{ROOT}/plain", options=options, stats=True)
    is_refused(met, "cat")
    stays_clean(forger, victim, run.cache)


def test_a_good_object_of_the_cache_is_not_read_under_another_size(
    run: Runner, forger: Forger, options: list[Any]
) -> None:
    """The tracer opens objects without a question: it looks at the size, too."""
    forger.share("README", "file")
    good = run("cat", f"{ROOT}/file", options=options).ok().stdout
    for more in ([], ["--offline"]):
        command = ("cat", f"{ROOT}/file", f"{ROOT}/README", f"{ROOT}/file")
        met = run(*command, options=[*options, *more], stats=True)
        is_refused(met, "cat", good + good)


@pytest.mark.parametrize("harm", [endless, *OF_STREAM])
def test_a_nested_catalog_that_cannot_be_is_an_error_of_its_directory_alone(
    run: Runner, forger: Forger, options: list[Any], harm: Harm
) -> None:
    victim = forger.forge("nested", harm)
    command = ("ls", "-1", f"{ROOT}/README", f"{ROOT}/{victim.path}")
    met = run(*command, options=options, stats=True)
    is_refused(met, "ls", f"{ROOT}/README\n\n{ROOT}/nested:\n".encode())
    stays_clean(forger, victim, run.cache)


@pytest.mark.parametrize("harm", [endless, *OF_STREAM])
@pytest.mark.parametrize(
    "kind",
    [
        "root",
        pytest.param("certificate", marks=pytest.mark.long),
        pytest.param("history", marks=pytest.mark.long),
    ],
)
def test_what_a_repository_is_opened_with_cannot_be_swallowed(
    run: Runner, forger: Forger, options: list[Any], kind: str, harm: Harm
) -> None:
    victim = forger.forge(kind, harm)
    if kind == "history":
        options = [*options, "-o", "CVMFS_REPOSITORY_TAG=named"]
    met = run("cat", f"{ROOT}/README", options=options, stats=True)
    is_refused(met, "cat")
    marker = run.place / "started"
    named = run("touch", marker, options=[*options, "-r", FQRN])
    within = run(f"{ROOT}/README", options=options)
    for result in (named, within):
        assert result.status == 125, result.explain()
        assert len(result.errors) == 1, result.explain()
        is_told_once(result)
    assert not marker.exists()
    stays_clean(forger, victim, run.cache)


def test_a_program_that_inflates_without_end_is_not_started(
    run: Runner, forger: Forger, options: list[Any]
) -> None:
    victim = forger.forge("file", endless)
    result = run(f"{ROOT}/file", options=options)
    assert result.status == 125, result.explain()
    assert len(result.errors) == 1, result.explain()
    stays_clean(forger, victim, run.cache)


ATTRIBUTE = "import os; print(os.getxattr('{}', 'user.repo_metainfo').decode())"


@pytest.mark.parametrize("harm", [endless, trailing])
def test_a_description_that_inflates_without_end_is_not_shown(
    run: Runner, forger: Forger, options: list[Any], harm: Harm
) -> None:
    victim = forger.forge("metainfo", harm)
    command = ("/usr/bin/python3", "-I", "-c", ATTRIBUTE.format(ROOT))
    result = run(*command, options=options, stats=True).ok()
    # As the official client answers.
    assert result.text == "Failed to open metadata file\n"
    assert result.stats["resolver"]["max_rss_bytes"] < MEMORY_BYTES, result.stats
    stays_clean(forger, victim, run.cache)


@pytest.mark.parametrize("kind", ["file", "chunk", "nested", "root"])
def test_a_shared_cache_takes_nothing_that_inflates_without_end(
    run: Runner, forger: Forger, options: list[Any], kind: str
) -> None:
    victim = forger.forge(kind, endless)
    alien = run.place / "alien"
    alien.mkdir()
    tool = "ls" if kind == "nested" else "cat"
    path = f"{ROOT}/{victim.path or 'README'}"
    given = [*options, "-o", "CVMFS_QUOTA_LIMIT=-1", "--alien-cache", alien]
    is_refused(run(tool, path, options=given, stats=True), tool)
    if kind in ("file", "chunk", "nested"):
        assert os.listdir(alien), "the shared cache was not used"
    stays_clean(forger, victim, run.cache, alien)
